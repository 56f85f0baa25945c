//! Section 3: Apps.

use super::client::{fields, shared};
use serde_json::{Value, json};

#[test]
fn an_app_is_made_with_all_that_its_first_deploy_needs() {
    let server = shared();
    let answer = server.post("/apps", "name=apps-new&repo=Acme/Apps_New");
    let made = answer.is(200)["data"].clone();
    assert_eq!(
        fields(&answer.text, "\"data\":"),
        [
            "object_type",
            "id",
            "name",
            "repo",
            "subscribe_to_github_webhook"
        ]
    );
    let id = made["id"].as_str().unwrap();
    assert!(id.bytes().all(|b| b.is_ascii_digit()), "{id}");
    assert_eq!(
        made,
        json!({"object_type": "app", "id": id, "name": "apps-new", "repo": "acme/apps_new",
            "subscribe_to_github_webhook": true})
    );
    for environment in ["production", "development"] {
        let of = format!("app=apps-new&environment={environment}");
        let sets = server.get(&format!("/config_sets?{of}")).is(200);
        let config = json!({"id": environment, "RACK_ENV": environment});
        assert_eq!(sets["data"][0]["config"], config);
        let workers = server.get(&format!("/workers?{of}")).is(200);
        let worker = &workers["data"][0];
        assert_eq!(
            (&worker["name"], &worker["command"], &worker["scale"]),
            (&json!("web"), &json!("/start web"), &json!(0))
        );
        assert_eq!(workers["data"].as_array().unwrap().len(), 1);
    }
    let staging = server
        .get("/workers?app=apps-new&environment=staging")
        .is(200);
    assert_eq!(staging["data"], json!([]));
}

#[test]
fn a_subscription_can_be_declined() {
    let server = shared();
    for (word, subscribed) in [
        ("T", true),
        ("on", true),
        ("1", true),
        ("no", false),
        ("0", false),
    ] {
        let name = format!("apps-sub-{}", word.to_lowercase());
        let form = format!("name={name}&repo=acme/{name}&subscribe_to_github_webhook={word}");
        let made = server.post("/apps", &form).is(200);
        assert_eq!(
            made["data"]["subscribe_to_github_webhook"],
            json!(subscribed),
            "{word}"
        );
    }
    let json = json!({"name": "apps-sub-json", "repo": "acme/apps-sub-json",
        "subscribe_to_github_webhook": false});
    let made = server.ask("POST", "/apps").json(&json).send().is(200);
    assert_eq!(made["data"]["subscribe_to_github_webhook"], json!(false));
}

#[test]
fn an_app_that_cannot_be_is_refused() {
    let server = shared();
    server.app("apps-taken");
    for (form, message) in [
        (
            "name=apps-bad&repo=nonsense",
            "Validation failed: Repo is invalid",
        ),
        (
            "name=apps-bad&repo=a/b/c",
            "Validation failed: Repo is invalid",
        ),
        ("repo=acme/bad", "Validation failed: Name can't be blank"),
        ("name=apps-bad", "Validation failed: Repo can't be blank"),
        (
            "",
            "Validation failed: Name can't be blank, Repo can't be blank",
        ),
        (
            "name=apps-taken&repo=acme/other",
            "Validation failed: Name has already been taken",
        ),
        (
            "name=apps-other&repo=example/apps-taken",
            "Validation failed: Repo has already been taken",
        ),
    ] {
        server
            .post("/apps", form)
            .refuses(422, "record_invalid", message);
    }
    let error = server.post("/apps", "name=No+Name&repo=a/b").is(422);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Validation failed: Name is invalid: "),
        "{message}"
    );
    assert!(error["error"]["reasons"]["name"].is_array(), "{error}");
}

#[test]
fn an_app_goes_to_the_stack_that_is_asked_for() {
    let server = shared();
    let stack = json!({"name": "apps-tier"});
    let made = server.ask("POST", "/v1/stacks").json(&stack).send();
    assert_eq!(made.status, 200, "{}", made.text);
    let is_in = |name: &str, want: &str| {
        let shown = server.get(&format!("/v1/apps/{name}"));
        let shown: Value = serde_json::from_str(&shown.text).unwrap();
        assert_eq!(shown["app"]["stack"], json!(want), "{shown}");
    };
    for (name, more, want) in [
        ("apps-in-tier", "&stack=apps-tier", "apps-tier"),
        ("apps-in-api", "", "api"),
    ] {
        let form = format!("name={name}&repo=acme/{name}{more}");
        server.post("/apps", &form).is(200);
        is_in(name, want);
    }
    server.put("/apps/apps-in-api", "stack=apps-tier").is(200);
    is_in("apps-in-api", "apps-tier");
    let answer = server.put("/apps/apps-in-api", "stack=none");
    answer.refuses(404, "not_found", "Couldn't find Stack with 'id'=none");
}

#[test]
fn an_unknown_stack_is_told() {
    let answer = shared().post("/apps", "name=apps-stack&repo=acme/apps-stack&stack=none");
    answer.refuses(404, "not_found", "Couldn't find Stack with 'id'=none");
}

#[test]
fn the_list_is_whole_and_filters_are_exact() {
    let server = shared();
    for name in ["apps-list-a", "apps-list-b"] {
        server.app(name);
    }
    server
        .put("/apps/apps-list-b", "subscribe_to_github_webhook=false")
        .is(200);
    let names = |query: &str| -> Vec<String> {
        let found = server.get(&format!("/apps{query}")).is(200);
        let list = found["data"].as_array().unwrap().iter();
        let ours = list.map(|app| app["name"].as_str().unwrap().to_owned());
        ours.filter(|name| name.starts_with("apps-list-")).collect()
    };
    assert_eq!(names(""), ["apps-list-a", "apps-list-b"]);
    assert_eq!(names("?name=apps-list-a"), ["apps-list-a"]);
    assert_eq!(names("?repo=example/apps-list-b"), ["apps-list-b"]);
    assert_eq!(names("?subscribe_to_github_webhook=false"), ["apps-list-b"]);
    assert_eq!(names("?subscribe_to_github_webhook=true"), ["apps-list-a"]);
    for none in [
        "?name=apps-list",
        "?name=No+Name",
        "?repo=nonsense",
        "?name=",
    ] {
        assert_eq!(names(none), Vec::<String>::new(), "{none}");
    }
}

#[test]
fn an_app_is_found_by_name_and_by_number() {
    let server = shared();
    let made = server.app("apps-found");
    for which in ["apps-found", made["id"].as_str().unwrap()] {
        assert_eq!(server.get(&format!("/apps/{which}")).is(200)["data"], made);
    }
}

#[test]
fn an_unknown_app_is_told_by_its_number() {
    let answer = shared().get("/apps/999999");
    answer.refuses(404, "not_found", "Couldn't find App with 'id'=999999");
}

#[test]
fn an_app_is_changed() {
    let server = shared();
    server.app("apps-change");
    server.app("apps-change-other");
    let changed = server.put("/apps/apps-change", "repo=acme/moved").is(200);
    assert_eq!(changed["data"]["repo"], json!("acme/moved"));
    let same = server.put("/apps/apps-change", "").is(200);
    assert_eq!(same, changed);
    let id = changed["data"]["id"].as_str().unwrap();
    let renamed = server.put(&format!("/apps/{id}"), "name=apps-renamed");
    assert_eq!(renamed.is(200)["data"]["name"], json!("apps-renamed"));
    let found = server.get("/apps/apps-renamed").is(200);
    assert_eq!(found["data"]["id"].as_str(), Some(id));
    let old = server.get("/apps/apps-change");
    old.refuses(404, "not_found", "Couldn't find App with 'id'=apps-change");
    server
        .put(&format!("/apps/{id}"), "name=apps-change")
        .is(200);
    for (form, message) in [
        ("repo=x", "Validation failed: Repo is invalid"),
        ("name=", "Validation failed: Name can't be blank"),
        (
            "name=apps-change-other",
            "Validation failed: Name has already been taken",
        ),
    ] {
        let answer = server.put("/apps/apps-change", form);
        answer.refuses(422, "record_invalid", message);
    }
    let answer = server.put("/apps/apps-none", "repo=x");
    answer.refuses(404, "not_found", "Couldn't find App with 'id'=apps-none");
}

#[test]
fn an_app_is_deleted_and_shown_once_more() {
    let server = shared();
    let made = server.app("apps-gone");
    assert_eq!(server.delete("/apps/apps-gone").is(200)["data"], made);
    server.get("/apps/apps-gone").is(404);
    server.delete("/apps/apps-gone").is(404);
}

#[test]
fn the_node_of_the_next_instance_is_told() {
    let server = shared();
    server.app("apps-node");
    let answer = server.get("/apps/available_node?app=apps-node&environment=production");
    let found = answer.is(200);
    assert_eq!(fields(&answer.text, "\"data\":"), ["dc", "id", "address"]);
    assert_eq!(found["data"]["id"], json!("node-1"));
    assert_eq!(found["data"]["address"], json!("127.0.0.1"));
}

#[test]
fn a_node_for_nothing_is_not_found() {
    let server = shared();
    server.app("apps-nowhere");
    for (query, message) in [
        ("", "Couldn't find App with 'id'="),
        ("app=apps-nowhere", "Couldn't find Environment with 'id'="),
        (
            "app=none&environment=production",
            "Couldn't find App with 'id'=none",
        ),
        (
            "app=apps-nowhere&environment=none",
            "Couldn't find Environment with 'id'=none",
        ),
        (
            "app=apps-nowhere&environment=staging",
            "Couldn't find Worker with 'id'=web",
        ),
    ] {
        let answer = server.get(&format!("/apps/available_node?{query}"));
        answer.refuses(404, "not_found", message);
    }
}

#[test]
fn a_pool_without_a_node_that_takes_instances_has_none() {
    let server = super::client::Server::start().unwrap();
    server.app("apps-full");
    let cordon = server
        .ask("POST", "/v1/nodes/node-1:cordon")
        .json(&Value::Object(Default::default()));
    let cordoned = cordon.send();
    assert_eq!(cordoned.status, 200, "{}", cordoned.text);
    let answer = server.get("/apps/available_node?app=apps-full&environment=production");
    answer.refuses(503, "unavailable", "cannot find a node");
}
