//! Section 4: Workers.

use super::client::{Server, fields, shared};
use crate::sources::WEB;
use serde_json::{Value, json};

fn path(worker: &Value, more: &str) -> String {
    format!("/workers/{}{more}", worker["id"].as_str().unwrap())
}

/// The reconciles of an App.
fn reconciles(server: &Server, app: &str) -> usize {
    let all = server.get("/reconciles").is(200);
    let all = all["data"].as_array().unwrap();
    all.iter().filter(|one| one["app"]["name"] == app).count()
}

#[test]
fn workers_are_listed_and_found() {
    let server = shared();
    server.app("wrk-list");
    let answer = server.get("/workers?app=wrk-list&environment=production");
    let list = answer.is(200);
    assert_eq!(
        fields(&answer.text, "\"data\":["),
        ["object_type", "id", "name", "command", "scale"]
    );
    let web = &list["data"][0];
    assert_eq!(
        web,
        &json!({"object_type": "worker", "id": web["id"], "name": "web", "command": "/start web", "scale": 0})
    );
    assert_eq!(server.get(&path(web, "")).is(200)["data"], *web);
    let count = |query: &str| {
        let found = server.get(&format!("/workers?app=wrk-list{query}")).is(200);
        found["data"].as_array().unwrap().len()
    };
    assert_eq!(count(""), 2);
    assert_eq!(count("&worker="), 2);
    assert_eq!(count("&worker=web"), 2);
    assert_eq!(count("&worker=other"), 0);
    assert_eq!(count("&worker=No+Name"), 0);
}

#[test]
fn a_filter_that_names_nothing_is_not_found() {
    let server = shared();
    let answer = server.get("/workers?app=none");
    answer.refuses(404, "not_found", "Couldn't find App with 'id'=none");
    let answer = server.get("/workers?environment=none");
    answer.refuses(404, "not_found", "Couldn't find Environment with 'id'=none");
}

#[test]
fn an_unknown_worker_is_told() {
    let server = shared();
    for (method, more) in [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/deploys"),
        ("PUT", "/restart"),
    ] {
        let answer = server.ask(method, &format!("/workers/999999{more}")).send();
        answer.refuses(404, "not_found", "Couldn't find Worker with 'id'=999999");
    }
}

#[test]
fn a_changed_scale_starts_a_reconcile_and_the_same_none() {
    let server = shared();
    server.app("wrk-scale");
    let web = server.web("wrk-scale");
    let after = server.put(&path(&web, ""), "scale=2").is(200);
    assert_eq!(after["data"]["scale"], json!(2));
    assert_eq!(server.web("wrk-scale"), after["data"]);
    assert_eq!(reconciles(&server, "wrk-scale"), 1);
    server.put(&path(&web, ""), "scale=2").is(200);
    server.put(&path(&web, ""), "").is(200);
    assert_eq!(reconciles(&server, "wrk-scale"), 1);
    let json = server
        .ask("PUT", &path(&web, ""))
        .json(&json!({"scale": 1}))
        .send()
        .is(200);
    assert_eq!(json["data"]["scale"], json!(1));
    assert_eq!(reconciles(&server, "wrk-scale"), 2);
}

#[test]
fn a_scale_that_cannot_be_is_refused() {
    let server = shared();
    server.app("wrk-bad");
    let web = server.web("wrk-bad");
    for (form, message) in [
        (
            "scale=101",
            "Validation failed: Scale must be less than or equal to 100",
        ),
        (
            "scale=-1",
            "Validation failed: Scale must be greater than or equal to 0",
        ),
        ("scale=two", "Validation failed: Scale is not a number"),
        ("scale=", "Validation failed: Scale is not a number"),
        ("scale=1.5", "Validation failed: Scale must be an integer"),
        ("name=", "Validation failed: Name can't be blank"),
    ] {
        let answer = server.put(&path(&web, ""), form);
        answer.refuses(422, "record_invalid", message);
    }
    assert_eq!(server.web("wrk-bad"), web);
}

#[test]
fn a_worker_of_which_nothing_runs_gets_another_name() {
    let server = shared();
    server.app("wrk-name");
    let web = server.web("wrk-name");
    assert_eq!(server.put(&path(&web, ""), "name=web").is(200)["data"], web);
    let of = "app=wrk-name&environment=development";
    server.post("/workers", &format!("{of}&name=clock")).is(200);
    let taken = server.put(&path(&web, ""), "name=clock");
    let message = "Validation failed: Name has already been taken";
    taken.refuses(422, "record_invalid", message);
    let bad = server.put(&path(&web, ""), "name=No%20name").is(422);
    let message = bad["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Validation failed: Name is invalid:"),
        "{message}"
    );
    let renamed = server.put(&path(&web, ""), "name=http&scale=2").is(200)["data"].clone();
    assert_eq!(
        renamed,
        json!({"object_type": "worker", "id": web["id"], "name": "http", "command": "/start http", "scale": 2})
    );
    let list = server.get(&format!("/workers?{of}&worker=http")).is(200);
    assert_eq!(list["data"], json!([renamed]));
    let list = server.get(&format!("/workers?{of}&worker=web")).is(200);
    assert_eq!(list["data"], json!([]));
}

#[test]
fn a_worker_is_rescaled_by_name() {
    let server = shared();
    server.app("wrk-rescale");
    let form = "app=wrk-rescale&environment=development&name=web&scale=3";
    let after = server.put("/workers/rescale", form).is(200);
    assert_eq!(after["data"]["scale"], json!(3));
    assert_eq!(server.web("wrk-rescale"), after["data"]);
}

#[test]
fn a_rescale_of_nothing_is_not_found_and_of_no_number_invalid() {
    let server = shared();
    server.app("wrk-rescale-bad");
    for (form, message) in [
        (
            "environment=development&name=web",
            "Couldn't find App with 'id'=",
        ),
        (
            "app=none&environment=development&name=web",
            "Couldn't find App with 'id'=none",
        ),
        (
            "app=wrk-rescale-bad&name=web",
            "Couldn't find Environment with 'id'=",
        ),
        (
            "app=wrk-rescale-bad&environment=none&name=web",
            "Couldn't find Environment with 'id'=none",
        ),
        (
            "app=wrk-rescale-bad&environment=development",
            "Couldn't find Worker with 'id'=",
        ),
        (
            "app=wrk-rescale-bad&environment=development&name=other",
            "Couldn't find Worker with 'id'=other",
        ),
    ] {
        let answer = server.put("/workers/rescale", &format!("{form}&scale=1"));
        answer.refuses(404, "not_found", message);
    }
    let of = "app=wrk-rescale-bad&environment=development&name=web";
    let answer = server.put("/workers/rescale", of);
    answer.refuses(
        422,
        "record_invalid",
        "Validation failed: Scale is not a number",
    );
    let answer = server.put("/workers/rescale", &format!("{of}&scale=101"));
    let message = "Validation failed: Scale must be less than or equal to 100";
    answer.refuses(422, "record_invalid", message);
}

#[test]
fn a_worker_is_defined_and_deleted() {
    let server = shared();
    server.app("wrk-new");
    let of = "app=wrk-new&environment=development";
    let form = format!("{of}&name=clock&command=bin/clock+--all&scale=1");
    let made = server.post("/workers", &form).is(200);
    let made = &made["data"];
    assert_eq!(
        (&made["name"], &made["command"], &made["scale"]),
        (&json!("clock"), &json!("bin/clock --all"), &json!(1))
    );
    let again = server.post("/workers", &form);
    again.refuses(
        422,
        "record_invalid",
        "Validation failed: Name has already been taken",
    );
    assert_eq!(server.delete(&path(made, "")).is(200)["data"], *made);
    server.get(&path(made, "")).is(404);
}

#[test]
fn a_worker_that_cannot_be_is_refused() {
    let server = shared();
    server.app("wrk-new-bad");
    let of = "app=wrk-new-bad&environment=development";
    for (form, message) in [
        ("", "Validation failed: Name can't be blank"),
        (
            "&name=x&scale=y",
            "Validation failed: Scale is not a number",
        ),
    ] {
        let answer = server.post("/workers", &format!("{of}{form}"));
        answer.refuses(422, "record_invalid", message);
    }
    server
        .post("/workers", "app=none&environment=development&name=x")
        .is(404);
    server
        .post("/workers", "app=wrk-new-bad&environment=none&name=x")
        .is(404);
}

#[test]
fn nothing_runs_of_a_worker_that_was_never_deployed() {
    let server = shared();
    server.app("wrk-idle");
    let web = server.web("wrk-idle");
    let answer = server.get(&path(&web, "/deploys"));
    assert_eq!(
        answer.is(200)["data"],
        json!({"object_type": "open_struct", "id": web["id"], "name": "wrk-idle-web", "instances": []})
    );
}

#[test]
fn the_instances_that_run_have_every_field_that_old_clients_read() {
    let server = shared();
    let (_, commit) = server.app_of("wrk_live", &[("Dockerfile", WEB), ("page", "one")]);
    let web = server.web("wrk_live");
    server.put(&path(&web, ""), "scale=1").is(200);
    let deploy = server.deployed("wrk_live", &commit);
    assert_eq!(deploy["state"], json!("deployed"), "{deploy:#}");
    let answer = server.get(&path(&web, "/deploys"));
    let live = answer.is(200)["data"].clone();
    assert_eq!(
        fields(&answer.text, "\"instances\":["),
        [
            "object_type",
            "id",
            "node",
            "service",
            "port",
            "tags",
            "check"
        ]
    );
    assert_eq!(live["name"], json!("wrk_live-web"), "as it was registered");
    let [instance] = live["instances"].as_array().unwrap().as_slice() else {
        panic!("{live:#}")
    };
    assert_eq!(instance["object_type"], json!("consul/instance"));
    assert_eq!(
        instance["node"],
        json!({"object_type": "consul/node", "id": "node-1", "address": "127.0.0.1"})
    );
    assert_eq!(
        instance["service"],
        json!({"object_type": "consul/service", "id": "wrk_live-web"})
    );
    assert!(instance["port"].is_u64(), "{instance:#}");
    assert_eq!(instance["check"], Value::Null);
    let containers = server.jockeyd.scope.containers().unwrap();
    assert!(containers.contains(&instance["id"].as_str().unwrap().to_owned()));
    let id = deploy["id"].as_str().unwrap();
    assert_eq!(
        instance["tags"],
        json!([
            format!("tag:{commit}"),
            format!("rref:{commit}"),
            "repo:",
            "command:[\"/start\", \"web\"]",
            format!("deploy_id:{id}"),
        ])
    );

    restarts_replace(&server, &web, instance["id"].as_str().unwrap());
}

/// The same App, since one deploy is enough to see what restarts do.
fn restarts_replace(server: &Server, web: &Value, first: &str) {
    let of = "app=wrk_live&environment=development";
    let runs = |found: &Value| -> Vec<String> {
        let instances = found["data"]["instances"].as_array().unwrap().iter();
        instances
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let failing = server
        .put("/workers/restart", &format!("{of}&healthy=false"))
        .is(200);
    assert_eq!(failing["data"], json!([server.web("wrk_live")]));
    let preview = server.post("/reconciles/preview", of).is(200);
    assert_eq!(preview["data"]["plan"], json!([]), "none of them fails");
    let still = server.get(&path(web, "/deploys")).is(200);
    assert_eq!(runs(&still), [first]);
    let healthy = server.put(&path(web, "/restart"), "healthy=true").is(200);
    assert_eq!(healthy["data"]["name"], json!("web"));
    let is_other = |found: &Value| matches!(runs(found).as_slice(), [one] if one != first);
    let second = runs(&server.until(&path(web, "/deploys"), is_other))[0].clone();
    // Every one, whether healthy or not.
    let json = json!({"app": "wrk_live", "environment": "development", "worker": "web"});
    server
        .ask("PUT", "/workers/restart")
        .json(&json)
        .send()
        .is(200);
    let is_third = |found: &Value| matches!(runs(found).as_slice(), [one] if *one != second);
    server.until(&path(web, "/deploys"), is_third);
    for path in [&path(web, ""), "/environments/development"] {
        let held = server.put(path, "name=other").is(422);
        assert_eq!(held["error"]["code"], json!("record_invalid"));
        let message = held["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("Validation failed: Name cannot be changed: "),
            "{message}"
        );
    }
}

#[test]
fn a_restart_needs_an_app_and_an_environment_in_this_order() {
    let server = shared();
    server.app("wrk-restart");
    for (form, message) in [
        ("", "'app' is a required param"),
        ("environment=production", "'app' is a required param"),
        ("app=wrk-restart", "'environment' is a required param"),
    ] {
        server
            .put("/workers/restart", form)
            .refuses(400, "bad_request", message);
    }
}

#[test]
fn a_restart_of_nothing_is_not_found() {
    let server = shared();
    server.app("wrk-restart-none");
    for form in [
        "app=none&environment=development",
        "app=wrk-restart-none&environment=none",
        "app=wrk-restart-none&environment=development&worker=other",
    ] {
        let error = server.put("/workers/restart", form).is(404);
        assert_eq!(error["error"]["code"], json!("not_found"), "{form}");
    }
    let form = "app=wrk-restart-none&environment=staging";
    let words = "Couldn't find a Worker of wrk-restart-none in staging";
    let answer = server.put("/workers/restart", form);
    answer.refuses(404, "not_found", words);
}

#[test]
fn a_restart_where_nothing_runs_names_the_workers() {
    let server = shared();
    server.app("wrk-restart-idle");
    let web = server.web("wrk-restart-idle");
    let of = "app=wrk-restart-idle&environment=development";
    assert_eq!(
        server.put("/workers/restart", of).is(200)["data"],
        json!([web])
    );
    let one = server.put(&path(&web, "/restart"), "").is(200);
    assert_eq!(one["data"], web);
}
