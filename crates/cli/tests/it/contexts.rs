//! `jockey context`: several servers, each by a name.

use proto::v1::{ListWorkersRequest, ListWorkersResponse, Token, WhoAmIResponse};

use crate::{
    fake::Fake,
    world::{World, json, stderr, stdout},
};

/// A command that no variable tells of a server.
fn command(world: &World, arguments: &str) -> assert_cmd::Command {
    let mut command = world.command(arguments);
    command.env_remove("JOCKEY_SERVER");
    command
}

fn known(server: &Fake) {
    let answer = WhoAmIResponse {
        token: Some(Token::default()),
        ..WhoAmIResponse::default()
    };
    server.answer("SystemService/WhoAmI", &answer);
}

#[track_caller]
fn succeeds(world: &World, arguments: &str) -> String {
    stdout(&command(world, arguments).assert().success())
}

/// What `jockey context show` says of one thing: the value and who says it.
#[track_caller]
fn shown(command: &mut assert_cmd::Command, what: &str) -> (String, String) {
    let rows = json(&command.args(["-o", "json"]).assert().success());
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == what);
    let row = row.unwrap_or_else(|| panic!("no {what} in {rows:?}"));
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    (text("value"), text("said_by"))
}

#[test]
fn the_first_context_is_current_until_another_one_is_used() {
    let world = World::new();
    let other = Fake::start();
    known(&world.server);
    known(&other);
    succeeds(&world, &format!("context add work {}", world.server.url));
    succeeds(&world, &format!("context add home {}", other.url));
    succeeds(&world, "whoami");
    assert_eq!(world.server.authorizations().len(), 1);
    succeeds(&world, "whoami --context home");
    command(&world, "whoami")
        .env("JOCKEY_CONTEXT", "home")
        .assert()
        .success();
    succeeds(&world, "context use home");
    succeeds(&world, "whoami");
    assert_eq!(other.authorizations().len(), 3);
    assert_eq!(world.server.authorizations().len(), 1);

    let rows = json(&command(&world, "context list -o json").assert().success());
    assert_eq!(rows[0]["name"], "home");
    assert_eq!(
        (&rows[0]["current"], &rows[1]["current"]),
        (&true.into(), &false.into())
    );
    let table = succeeds(&world, "context list");
    assert!(
        table.contains(&other.url) && table.contains("CURRENT"),
        "{table}"
    );

    succeeds(&world, "context remove home");
    let (server, by) = shown(&mut command(&world, "context show"), "server");
    assert_eq!(
        (server.as_str(), by.as_str()),
        ("http://127.0.0.1:4044", "the default")
    );
}

#[test]
fn a_context_brings_its_app_and_environment_and_what_is_nearer_goes_before_them() {
    let world = World::new();
    world
        .server
        .answer("WorkerService/ListWorkers", &ListWorkersResponse::default());
    let url = &world.server.url;
    succeeds(
        &world,
        &format!("context add work {url} -a shop -e staging"),
    );
    succeeds(&world, "scale");
    world.write(".jockey.toml", "app = \"nearer\"");
    command(&world, "scale")
        .env("JOCKEY_ENVIRONMENT", "variable")
        .assert()
        .success();
    succeeds(&world, "scale -a said -e too");
    let asked: Vec<ListWorkersRequest> = world.server.requests("WorkerService/ListWorkers");
    let asked: Vec<_> = asked
        .iter()
        .map(|one| (one.app.as_str(), one.environment.as_str()))
        .collect();
    assert_eq!(
        asked,
        [("shop", "staging"), ("nearer", "variable"), ("said", "too")]
    );
    // The app of one server is none of another's.
    let mut elsewhere = command(&world, "context show --server http://127.0.0.1:1 -o json");
    let rows = stdout(&elsewhere.assert().success());
    assert!(!rows.contains("staging"), "{rows}");
}

#[test]
fn who_names_the_server_is_shown_and_the_nearest_counts() {
    let world = World::new();
    succeeds(&world, "context add work http://current");
    succeeds(&world, "context add named http://named");
    let show = |more: &str, variables: &[(&str, &str)]| {
        let mut command = command(&world, &format!("context show {more}"));
        command.envs(variables.iter().copied());
        shown(&mut command, "server")
    };
    let variables = [
        ("JOCKEY_CONTEXT", "named"),
        ("JOCKEY_URL", "host:1"),
        ("JOCKEY_SERVER", "http://server"),
    ];
    for (more, set, server, by) in [
        ("--server http://flag", 3, "http://flag", "--server"),
        ("--context named", 3, "http://named", "the context `named`"),
        ("", 3, "http://server", "JOCKEY_SERVER"),
        ("", 2, "http://host:1", "JOCKEY_URL"),
        ("", 1, "http://named", "the context `named`"),
        ("", 0, "http://current", "the context `work`"),
    ] {
        let told = show(more, &variables[..set]);
        assert_eq!(told, (server.to_owned(), by.to_owned()), "{more} {set}");
    }
    let mut token = command(&world, "context show");
    token.env("JOCKEY_OAUTH_TOKEN", "very-secret");
    let told = shown(&mut token, "token");
    assert_eq!(told, ("set".to_owned(), "JOCKEY_OAUTH_TOKEN".to_owned()));
    command(&world, "context show --server http://a --context named")
        .assert()
        .code(2);
}

#[test]
fn a_token_is_that_of_the_server_of_the_context() {
    let world = World::new();
    let other = Fake::start();
    known(&world.server);
    known(&other);
    succeeds(&world, &format!("context add work {}", world.server.url));
    succeeds(&world, &format!("context add home {}", other.url));
    let mut login = command(&world, "login --with-token");
    login.write_stdin("for-work").assert().success();
    succeeds(&world, "whoami");
    succeeds(&world, "whoami --context home");
    let want = Some("Bearer for-work".to_owned());
    assert_eq!(world.server.authorizations(), [want.clone(), want]);
    assert_eq!(other.authorizations(), [None]);
}

#[test]
fn what_cannot_be_a_context_is_refused_with_a_way_out() {
    let world = World::new();
    succeeds(&world, "context add work http://a");
    for (arguments, code, told) in [
        ("context add work http://b", 5, "jockey context remove work"),
        ("context add b@d http://b", 2, "letters, digits"),
        ("context add bad ftp://b", 2, "is not the URL of a server"),
        (
            "context add bad https://b --ca-file absent",
            2,
            "cannot read absent",
        ),
        ("context use absent", 3, "name one of: work"),
        ("context remove absent", 3, "name one of: work"),
        ("whoami --context absent", 3, "name one of: work"),
    ] {
        let said = stderr(&command(&world, arguments).assert().code(code));
        assert!(said.contains(told), "{arguments}: {said}");
    }
    let empty = World::new();
    let said = stderr(&command(&empty, "whoami --context absent").assert().code(3));
    assert!(said.contains("jockey context add NAME URL"), "{said}");
    let mut noted = command(&empty, "context add work http://a");
    let said = stderr(&noted.env("JOCKEY_URL", "http://b").assert().success());
    assert!(said.contains("JOCKEY_URL is set"), "{said}");

    world.write(".config/jockey/config.toml", "curent = \"work\"");
    let said = stderr(&command(&world, "whoami").assert().code(2));
    assert!(
        said.contains("config.toml") && said.contains("curent"),
        "{said}"
    );
}
