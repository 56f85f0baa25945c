//! Section 3: Environments.

use super::client::{fields, shared};
use serde_json::json;

#[test]
fn environments_are_listed_and_found_by_name_and_number() {
    let server = shared();
    let list = server.get("/environments").is(200);
    let production = list["data"].as_array().unwrap().iter();
    let production = production
        .clone()
        .find(|e| e["name"] == "production")
        .unwrap();
    let id = production["id"].as_str().unwrap();
    assert_eq!(
        production,
        &json!({"object_type": "environment", "id": id, "name": "production"})
    );
    for which in ["production", id] {
        let answer = server.get(&format!("/environments/{which}"));
        assert_eq!(answer.is(200)["data"], *production);
        assert_eq!(
            fields(&answer.text, "\"data\":"),
            ["object_type", "id", "name"]
        );
    }
}

#[test]
fn an_unknown_environment_is_told() {
    let answer = shared().get("/environments/none");
    answer.refuses(404, "not_found", "Couldn't find Environment with 'id'=none");
}

#[test]
fn an_environment_is_made_once() {
    let server = shared();
    let made = server.post("/environments", "name=env-new").is(200);
    assert_eq!(made["data"]["name"], json!("env-new"));
    let again = server.post("/environments", "name=env-new");
    again.refuses(
        422,
        "record_invalid",
        "Validation failed: Name has already been taken",
    );
}

#[test]
fn an_environment_without_a_name_is_refused() {
    let server = shared();
    for form in ["", "name=", "name=+"] {
        let answer = server.post("/environments", form);
        answer.refuses(
            422,
            "record_invalid",
            "Validation failed: Name can't be blank",
        );
    }
}

#[test]
fn an_environment_in_which_nothing_runs_gets_another_name() {
    let server = shared();
    let made = server.post("/environments", "name=env-old").is(200);
    let same = server.put("/environments/env-old", "name=env-old").is(200);
    assert_eq!(same, made);
    for (name, message) in [
        ("production", "Name has already been taken"),
        ("", "Name can't be blank"),
    ] {
        let refused = server.put("/environments/env-old", &format!("name={name}"));
        let message = format!("Validation failed: {message}");
        refused.refuses(422, "record_invalid", &message);
    }
    let bad = server.put("/environments/env-old", "name=7").is(422);
    let message = bad["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Validation failed: Name is invalid:"),
        "{message}"
    );
    server.put("/environments/env-none", "name=x").is(404);

    let form = "app=env-app&environment=env-old&config[A]=1";
    server.app("env-app");
    let set = server.post("/config_sets", form).is(200)["data"].clone();
    let renamed = server.put("/environments/env-old", "name=env-other");
    let mut want = made["data"].clone();
    want["name"] = json!("env-other");
    assert_eq!(renamed.is(200)["data"], want);
    server.get("/environments/env-old").is(404);
    let id = want["id"].as_str().unwrap();
    assert_eq!(
        server.get(&format!("/environments/{id}")).is(200)["data"],
        want
    );
    // What refers to it is there as before.
    let query = "/config_sets?app=env-app&environment=env-other";
    let found = server.get(query).is(200)["data"][0].clone();
    assert_eq!(
        (&found["id"], &found["config"], &found["environment"]),
        (&set["id"], &set["config"], &want)
    );
    assert!(server.get("/sanity").text.contains("\"env-other\":"));
    server.post("/environments", "name=env-old").is(200);
}

#[test]
fn an_environment_is_deleted_and_shown_once_more() {
    let server = shared();
    let made = server.post("/environments", "name=env-gone").is(200);
    assert_eq!(server.delete("/environments/env-gone").is(200), made);
    server.get("/environments/env-gone").is(404);
    server.delete("/environments/env-gone").is(404);
}
