//! Section 5: Reconciles.

use super::{
    INSIDE,
    client::{Server, busy, fields, shared},
};
use crate::sources::endless;
use serde_json::{Value, json};

fn id(reconcile: &Value) -> &str {
    reconcile["id"].as_str().unwrap()
}

/// An Environment of its own, so that nothing of other tests is in the way.
fn environment(server: &Server, name: &str) {
    server
        .post("/environments", &format!("name={name}"))
        .is(200);
}

#[test]
fn a_reconcile_is_started_and_ends() {
    let server = shared();
    let app = server.app("rec-one");
    environment(&server, "rec-env-one");
    let answer = server.post("/reconciles", "environment=rec-env-one&app=rec-one");
    let made = answer.is(202)["data"].clone();
    assert_eq!(
        fields(&answer.text, "\"data\":"),
        [
            "object_type",
            "id",
            "environment",
            "app",
            "state",
            "callback_url",
            "plan",
            "created_at",
            "updated_at",
            "completed_at",
            "container_id",
            "container_host"
        ]
    );
    assert_eq!(made["app"], app);
    assert_eq!(
        (&made["plan"], &made["callback_url"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(
        (&made["state"], &made["completed_at"]),
        (&json!("in_progress"), &Value::Null)
    );
    for started in ["container_id", "container_host"] {
        let shown = made[started].as_str().unwrap_or_default();
        assert!(
            !shown.is_empty(),
            "{started} says that it has started: {made}"
        );
    }
    let done = server.ended("reconciles", id(&made));
    assert_eq!(done["state"], json!("completed"));
    assert!(done["completed_at"].is_string());
    let list = server.get("/reconciles").is(200);
    let ids: Vec<u64> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| id(one).parse().unwrap())
        .collect();
    assert!(
        ids.is_sorted() && ids.contains(&id(&made).parse().unwrap()),
        "{ids:?}"
    );
}

#[test]
fn a_reconcile_of_a_whole_environment_names_no_app() {
    let server = shared();
    environment(&server, "rec-env-whole");
    let made = server
        .post("/reconciles", "environment=rec-env-whole")
        .is(202);
    assert_eq!(made["data"]["app"], Value::Null);
    assert_eq!(made["data"]["environment"]["name"], json!("rec-env-whole"));
}

#[test]
fn a_preview_saves_nothing() {
    let server = shared();
    server.app("rec-preview");
    environment(&server, "rec-env-preview");
    let answer = server.post(
        "/reconciles/preview",
        "environment=rec-env-preview&app=rec-preview",
    );
    let shown = answer.is(200)["data"].clone();
    for field in [
        "id",
        "callback_url",
        "created_at",
        "updated_at",
        "completed_at",
        "container_id",
    ] {
        assert_eq!(shown.get(field), Some(&Value::Null), "{field} of {shown:#}");
    }
    assert_eq!(
        (&shown["state"], &shown["plan"]),
        (&json!("preview"), &json!([]))
    );
    let all = server.get("/reconciles").is(200);
    let all = all["data"].as_array().unwrap().iter();
    let there = all.filter(|one| one["environment"]["name"] == "rec-env-preview");
    assert_eq!(there.count(), 0);
}

#[test]
fn a_reconcile_of_nothing_is_not_found() {
    let server = shared();
    server.app("rec-none");
    for path in ["/reconciles", "/reconciles/preview"] {
        for (form, message) in [
            ("", "Couldn't find Environment with 'id'="),
            ("app=rec-none", "Couldn't find Environment with 'id'="),
            (
                "environment=none",
                "Couldn't find Environment with 'id'=none",
            ),
            (
                "environment=staging&app=none",
                "Couldn't find App with 'id'=none",
            ),
        ] {
            server.post(path, form).refuses(404, "not_found", message);
        }
    }
}

#[test]
fn an_unknown_reconcile_is_told() {
    let server = shared();
    for path in ["/reconciles/999999", "/reconciles/999999/logs"] {
        let answer = server.get(path);
        answer.refuses(404, "not_found", "Couldn't find Reconcile with 'id'=999999");
    }
}

#[test]
fn a_callback_to_an_address_inside_is_refused() {
    let server = shared();
    environment(&server, "rec-env-callback");
    let form = "environment=rec-env-callback&callback_url=http://169.254.169.254/";
    let answer = server.post("/reconciles", form);
    answer.refuses(422, "record_invalid", INSIDE);
}

#[test]
fn a_reconcile_beside_a_deploy_is_locked_unless_forced() {
    let server = busy();
    let dockerfile = endless(&server.jockeyd.scope.name("rec-lock"));
    let (_, commit) = server.app_of("rec-lock", &[("Dockerfile", &dockerfile)]);
    server.app("rec-lock-other");
    environment(&server, "rec-env-lock");
    let form = format!("app=rec-lock&environment=rec-env-lock&rref={commit}");
    let deploy = server.post("/deploys", &form).is(202)["data"].clone();
    let message = format!(
        "Deploy ID {} already in progress in this environment. \
         Either wait for completion, or call again with 'force' parameter set.",
        id(&deploy)
    );
    let of = "environment=rec-env-lock";
    for form in [of.to_owned(), format!("{of}&app=rec-lock")] {
        let answer = server.post("/reconciles", &form);
        answer.refuses(423, "resource_locked", &message);
    }
    let other = server.post("/reconciles", &format!("{of}&app=rec-lock-other"));
    server.ended("reconciles", id(&other.is(202)["data"]));
    server
        .post("/reconciles", &format!("{of}&app=rec-lock&force=true"))
        .is(202);
}

#[test]
fn a_reconcile_beside_another_is_locked_unless_forced() {
    let server = busy();
    let dockerfile = endless(&server.jockeyd.scope.name("rec-busy"));
    let (_, commit) = server.app_of("rec-busy", &[("Dockerfile", &dockerfile)]);
    environment(&server, "rec-env-busy");
    // The deploy keeps the first one from its end.
    let form = format!("app=rec-busy&environment=rec-env-busy&rref={commit}");
    server.post("/deploys", &form).is(202);
    let of = "environment=rec-env-busy";
    let first = server
        .post("/reconciles", &format!("{of}&force=true"))
        .is(202)["data"]
        .clone();
    let answer = server.post("/reconciles", of);
    if server.get(&format!("/reconciles/{}", id(&first))).is(200)["data"]["state"] == "in_progress"
    {
        let message = format!(
            "Reconcile ID {} already in progress in this environment. \
             Either wait for completion, or call again with force.",
            id(&first)
        );
        answer.refuses(423, "resource_locked", &message);
    } else {
        answer.is(423);
    }
}
