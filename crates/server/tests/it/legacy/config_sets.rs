//! Section 3: Config Sets.

use super::client::{Server, fields, shared};
use serde_json::{Value, json};

/// The set of an App in `production`.
fn set(server: &Server, app: &str) -> Value {
    let path = format!("/config_sets?app={app}&environment=production");
    server.get(&path).is(200)["data"][0].clone()
}

fn path(set: &Value) -> String {
    format!("/config_sets/{}", set["id"].as_str().unwrap())
}

#[test]
fn a_set_is_shown_with_all_that_it_embeds() {
    let server = shared();
    let app = server.app("cfg-shown");
    let query = "/config_sets?app=cfg-shown&environment=production";
    let answer = server.get(query);
    let list = answer.is(200);
    assert_eq!(
        fields(&answer.text, "\"data\":["),
        [
            "object_type",
            "id",
            "config",
            "config_command_line_args",
            "app",
            "environment"
        ]
    );
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let shown = &list["data"][0];
    assert_eq!(shown["object_type"], json!("config_set"));
    assert_eq!(shown["app"], app);
    assert_eq!(shown["environment"]["name"], json!("production"));
    assert_eq!(
        shown["config_command_line_args"],
        json!(" -e RACK_ENV=\"production\" -e id=\"production\"")
    );
    let by_number = server.get(&path(shown)).is(200);
    assert_eq!(by_number["data"], *shown);
}

#[test]
fn sets_are_filtered_by_names_and_numbers() {
    let server = shared();
    let id = server.app("cfg-filter")["id"].as_str().unwrap().to_owned();
    let count = |query: &str| {
        let found = server.get(&format!("/config_sets?{query}")).is(200);
        found["data"].as_array().unwrap().len()
    };
    assert_eq!(count("app=cfg-filter"), 2);
    assert_eq!(count(&format!("app={id}")), 2);
    assert_eq!(count("app=cfg-filter&environment=development"), 1);
    assert_eq!(count("app=cfg-filter&environment=staging"), 1);
    assert_eq!(count("app=cfg-filter"), 2, "nobody has written that one");
    assert!(count("") >= 2);
}

/// The client takes the first of the list, and writes there.
#[test]
fn the_first_variable_is_set_where_there_is_none() {
    let server = shared();
    server.app("cfg-unwritten");
    let query = "/config_sets?app=cfg-unwritten&environment=staging";
    let list = || server.get(query).is(200)["data"].clone();
    let before = list()[0].clone();
    assert_eq!(before["config"], json!({}));
    assert_eq!(before["config_command_line_args"], json!(""));
    assert_eq!(server.get(&path(&before)).is(200)["data"], before);
    let after = server.put(&path(&before), "config[A]=1").is(200)["data"].clone();
    assert_eq!(after["config"], json!({"A": "1"}));
    assert_eq!(list(), json!([after]));
    let by_the_old_id = server.put(&path(&before), "config[B]=2").is(200)["data"].clone();
    assert_eq!(by_the_old_id["config"], json!({"A": "1", "B": "2"}));
    assert_eq!(by_the_old_id["id"], after["id"]);
}

#[test]
fn a_filter_that_names_nothing_is_not_found() {
    let server = shared();
    let answer = server.get("/config_sets?app=none");
    answer.refuses(404, "not_found", "Couldn't find App with 'id'=none");
    let answer = server.get("/config_sets?environment=none");
    answer.refuses(404, "not_found", "Couldn't find Environment with 'id'=none");
}

#[test]
fn an_unknown_set_is_told() {
    let server = shared();
    // One that nobody has written, of no App.
    let of_none = (1_i64 << 60 | 999_999 << 30 | 1).to_string();
    for (which, method) in [
        ("999999", "GET"),
        ("999999", "PUT"),
        (of_none.as_str(), "GET"),
        (of_none.as_str(), "PUT"),
        ("none", "GET"),
    ] {
        let answer = server
            .ask(method, &format!("/config_sets/{which}"))
            .form("config[A]=1")
            .send();
        let message = format!("Couldn't find ConfigSet with 'id'={which}");
        answer.refuses(404, "not_found", &message);
    }
}

#[test]
fn variables_are_merged_key_by_key() {
    let server = shared();
    server.app("cfg-merge");
    let before = set(&server, "cfg-merge");
    let after = server
        .put(&path(&before), "config[New]=a%3Db&config%5BEMPTY%5D=")
        .is(200);
    assert_eq!(
        after["data"]["config"],
        json!({"id": "production", "RACK_ENV": "production", "New": "a=b", "EMPTY": ""})
    );
    let json = json!({"config": {"RACK_ENV": "test", "COUNT": "3"}});
    let after = server.ask("PUT", &path(&before)).json(&json).send().is(200);
    assert_eq!(
        after["data"]["config"],
        json!({"id": "production", "RACK_ENV": "test", "New": "a=b", "EMPTY": "", "COUNT": "3"})
    );
    assert_eq!(after["data"], set(&server, "cfg-merge"));
}

/// Old clients send the keys that they change, and know nothing of others'.
#[test]
fn keys_that_are_changed_at_once_are_all_merged() {
    const WRITERS: usize = 6;
    let server = shared();
    server.app("cfg-at-once");
    let path = path(&set(&server, "cfg-at-once"));
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let (server, path) = (&server, &path);
            scope.spawn(move || {
                let form = format!("config[K{number}]={number}");
                server.put(path, &form).is(200);
            });
        }
    });
    let after = set(&server, "cfg-at-once");
    for number in 0..WRITERS {
        let value = &after["config"][format!("K{number}")];
        assert_eq!(*value, json!(number.to_string()), "{after:#}");
    }
}

#[test]
fn numbers_stay_numbers_and_become_text_for_the_process() {
    let server = shared();
    server.app("cfg-number");
    let before = set(&server, "cfg-number");
    let put = |config: Value| {
        let json = json!({ "config": config });
        let answer = server.ask("PUT", &path(&before)).json(&json).send();
        answer.is(200)["data"].clone()
    };
    let after = put(json!({"WORKERS": 3, "RATIO": 0.5, "LIVE": true, "TEXT": "3"}));
    let want = json!({"WORKERS": 3, "RATIO": 0.5, "LIVE": true, "TEXT": "3",
        "id": "production", "RACK_ENV": "production"});
    assert_eq!(after["config"], want);
    assert_eq!(
        after["config_command_line_args"],
        json!(
            " -e LIVE=\"true\" -e RACK_ENV=\"production\" -e RATIO=\"0.5\" -e TEXT=\"3\" -e WORKERS=\"3\" -e id=\"production\""
        )
    );
    assert_eq!(set(&server, "cfg-number"), after);
    // A form has texts alone: one that says the same changes nothing, another one is a text.
    let same = server.put(&path(&before), "config[WORKERS]=3").is(200);
    assert_eq!(same["data"]["config"]["WORKERS"], json!(3));
    let other = server.put(&path(&before), "config[WORKERS]=4").is(200);
    assert_eq!(other["data"]["config"]["WORKERS"], json!("4"));
    assert_eq!(put(json!({"WORKERS": 4}))["config"]["WORKERS"], json!(4));
}

#[test]
fn a_change_without_variables_changes_nothing() {
    let server = shared();
    server.app("cfg-bare");
    let before = set(&server, "cfg-bare");
    for form in ["", "config=text"] {
        assert_eq!(server.put(&path(&before), form).is(200)["data"], before);
    }
}

#[test]
fn a_variable_that_cannot_be_is_refused() {
    let server = shared();
    server.app("cfg-bad");
    let before = set(&server, "cfg-bad");
    for form in ["config[1A]=swordfish", "config[PORT]=swordfish"] {
        let answer = server.put(&path(&before), form);
        assert!(!answer.text.contains("swordfish"), "{}", answer.text);
        let error = answer.is(422);
        assert_eq!(error["error"]["code"], json!("record_invalid"));
    }
    assert_eq!(set(&server, "cfg-bad"), before);
}

#[test]
fn the_first_variables_are_set_once() {
    let server = shared();
    server.app("cfg-first");
    let form = "app=cfg-first&environment=staging&config[A]=1";
    let made = server.post("/config_sets", form).is(200);
    assert_eq!(made["data"]["config"], json!({"A": "1"}));
    let again = server.post("/config_sets", form);
    let message = "Validation failed: environment and app not unique";
    again.refuses(422, "record_invalid", message);
}

#[test]
fn a_set_of_nothing_is_refused() {
    let server = shared();
    server.app("cfg-none");
    for form in ["", "&config=", "&config=text"] {
        let form = format!("app=cfg-none&environment=staging{form}");
        let answer = server.post("/config_sets", &form);
        answer.refuses(
            422,
            "record_invalid",
            "Validation failed: Config can't be blank",
        );
    }
    let empty = json!({"app": "cfg-none", "environment": "staging", "config": {}});
    server
        .ask("POST", "/config_sets")
        .json(&empty)
        .send()
        .is(422);
    for form in [
        "environment=staging",
        "app=none&environment=staging",
        "app=cfg-none&environment=x",
    ] {
        let answer = server.post("/config_sets", &format!("{form}&config[A]=1"));
        assert_eq!(
            answer.is(404)["error"]["code"],
            json!("not_found"),
            "{form}"
        );
    }
}

#[test]
fn arguments_survive_the_shell_of_connect() {
    let server = shared();
    server.app("cfg-quote");
    let before = set(&server, "cfg-quote");
    let nasty = "it's \"5\" $HOME `id` \\";
    let json = json!({"config": {"NASTY": nasty}});
    let after = server.ask("PUT", &path(&before)).json(&json).send().is(200);
    let arguments = after["data"]["config_command_line_args"].as_str().unwrap();
    // As `connect` does it: between single quotes of one shell, for another one.
    let inner = format!("printf %s {}", arguments.replace(" -e ", " "));
    let line = format!("sh -c '{inner}'");
    let said = std::process::Command::new("sh")
        .args(["-c", &line])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains(&format!("NASTY={nasty}")), "{said}");
}

#[test]
fn viewers_see_a_mask() {
    let server = shared();
    server.app("cfg-mask");
    let before = set(&server, "cfg-mask");
    server
        .put(&path(&before), "config[SECRET]=swordfish")
        .is(200);
    let viewer = server.token("viewer", "cfg-viewer");
    for path in [path(&before), "/config_sets?app=cfg-mask".to_owned()] {
        let answer = server.ask("GET", &path).token(&viewer).send();
        answer.is(200);
        assert!(answer.text.contains("SECRET"), "{}", answer.text);
        assert!(!answer.text.contains("swordfish"), "{}", answer.text);
    }
    let answer = server.ask("PUT", &path(&before)).token(&viewer);
    let error = answer.form("config[A]=1").send().is(403);
    assert_eq!(error["error"]["code"], json!("forbidden"));
    assert!(!server.jockeyd.log().contains("swordfish"), "it was logged");
}
