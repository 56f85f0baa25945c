//! Where variables come from.

use proto::v1::{
    ConfigSet, DiffConfigSetRequest, DiffConfigSetResponse, ExplainConfigResponse,
    ExplainedVariable, GetConfigSetResponse, VariableDifference, VariableSource,
};

use crate::world::{World, stderr, stdout};

fn source(set: ConfigSet, value: &str) -> VariableSource {
    VariableSource {
        config_set: Some(ConfigSet {
            environment: "production".to_owned(),
            ..set
        }),
        value: value.to_owned(),
    }
}

/// A URL in all three layers, and a key that was taken away.
fn explained() -> World {
    let world = World::new();
    let of = |version: i64| ConfigSet {
        version,
        ..ConfigSet::default()
    };
    let own = ConfigSet {
        app: "shop".to_owned(),
        ..of(3)
    };
    let stack = ConfigSet {
        stack: "api".to_owned(),
        ..of(2)
    };
    let answer = ExplainConfigResponse {
        variables: vec![
            ExplainedVariable {
                name: "KEY".to_owned(),
                deployed: false,
                sources: Vec::new(),
            },
            ExplainedVariable {
                name: "URL".to_owned(),
                deployed: true,
                sources: vec![
                    source(own, "one"),
                    source(stack, "two"),
                    source(of(1), "three"),
                ],
            },
        ],
    };
    world
        .server
        .answer("ConfigSetService/ExplainConfig", &answer);
    world
}

#[test]
fn the_set_that_wins_comes_first_and_what_it_hides_below() {
    let world = explained();
    let told = stdout(&world.run("config explain -a shop -e production").success());
    let rows: Vec<Vec<&str>> = told
        .lines()
        .skip(1)
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(
        rows,
        [
            vec!["KEY", "-", "-", "-", "taken away; what runs still has it"],
            vec!["URL", "one", "app shop", "3", "deployed"],
            vec!["URL", "two", "stack api", "2", "hidden"],
            vec!["URL", "three", "environment production", "1", "hidden"],
        ],
        "{told}"
    );
}

#[test]
fn a_variable_that_no_set_has_is_no_success() {
    let world = explained();
    let ended = world
        .run("config explain -a shop -e production NOPE")
        .code(3);
    assert!(stderr(&ended).contains("NOPE"), "{}", stderr(&ended));
}

#[test]
fn a_masked_value_is_not_taken_for_the_value() {
    let world = World::new();
    let answer = GetConfigSetResponse {
        config_set: Some(ConfigSet {
            values: [("KEY".to_owned(), "***".to_owned())].into(),
            masked: true,
            ..ConfigSet::default()
        }),
    };
    world
        .server
        .answer("ConfigSetService/GetConfigSet", &answer);
    let place = "-a shop -e production";
    let ended = world.run(&format!("config get KEY {place}")).code(4);
    assert_eq!(stdout(&ended), "");
    let said = stderr(&ended);
    assert!(said.contains("it takes a deployer"), "{said}");
    world.run(&format!("config get NOPE {place}")).code(3);
    // All of them are a list of what there is.
    let told = stdout(&world.run(&format!("config get {place}")).success());
    assert_eq!(told, "KEY=***\n");
}

#[test]
fn one_variable_is_not_set_twice() {
    let world = World::new();
    let ended = world
        .run("config set -a shop -e production X=1 Y=1 X=2")
        .code(2);
    let said = stderr(&ended);
    assert!(said.contains("X is set twice"), "{said}");
    assert!(world.server.authorizations().is_empty());
}

#[test]
fn what_differs_between_versions_is_a_line_each() {
    let world = World::new();
    let set = |version: i64| ConfigSet {
        environment: "production".to_owned(),
        app: "shop".to_owned(),
        version,
        version_id: format!("cfv-{version}"),
        author: "mona".to_owned(),
        ..ConfigSet::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let differs = |name: &str, before, after| VariableDifference {
        name: name.to_owned(),
        before,
        after,
    };
    let answer = DiffConfigSetResponse {
        from: Some(set(1)),
        to: Some(set(4)),
        differences: vec![
            differs("KEY", text("***"), None),
            differs("LEVEL", text("info"), text("debug")),
            differs("URL", None, text("http://x")),
        ],
    };
    world
        .server
        .answer("ConfigSetService/DiffConfigSet", &answer);
    let ended = world
        .run("config diff cfv-1 cfv-4 -a shop -e production")
        .success();
    assert_eq!(
        stdout(&ended),
        "- KEY = ***\n~ LEVEL = info -> debug\n+ URL = http://x\n"
    );
    let told = stderr(&ended);
    let title = "config of shop in production: from version 1 (cfv-1, by mona) to version 4 (cfv-4, by mona)";
    assert!(told.contains(title), "{told}");
    let asked: DiffConfigSetRequest = world.server.request("ConfigSetService/DiffConfigSet");
    assert_eq!(
        [asked.from_version_id, asked.to_version_id],
        ["cfv-1", "cfv-4"]
    );
}
