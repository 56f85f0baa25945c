//! Section 5: Deploys.

use super::{
    INSIDE,
    client::{Server, busy, fields, shared},
};
use crate::sources::{self, WEB};
use serde_json::{Value, json};

/// An App whose deploys are under way for as long as a test takes.
fn endless(server: &Server, name: &str) -> String {
    let dockerfile = sources::endless(&server.jockeyd.scope.name(name));
    server.app_of(name, &[("Dockerfile", &dockerfile)]).1
}

fn form(app: &str, commit: &str) -> String {
    format!("app={app}&environment=development&rref={commit}")
}

fn id(deploy: &Value) -> &str {
    deploy["id"].as_str().unwrap()
}

#[test]
fn a_commit_is_deployed_and_takes_the_place_of_the_one_before() {
    let server = shared();
    let files = [("Dockerfile", WEB), ("page", "one")];
    let (repository, commit) = server.app_of("dep-one", &files);
    let web = server.web("dep-one");
    server
        .put(&format!("/workers/{}", id(&web)), "scale=1")
        .is(200);
    let answer = server.post("/deploys", &form("dep-one", &commit));
    let asked = answer.is(202)["data"].clone();
    assert_eq!(
        fields(&answer.text, "\"data\":"),
        [
            "object_type",
            "id",
            "state",
            "build",
            "environment",
            "app",
            "created_at",
            "updated_at",
            "container_id",
            "container_host"
        ]
    );
    assert_eq!(asked["state"], json!("created"));
    assert_eq!(asked["build"]["rref"], json!(commit));
    assert_eq!(asked["build"]["app"]["name"], json!("dep-one"));
    assert!(asked["build"]["id"].is_string());
    assert_eq!(asked["environment"]["name"], json!("development"));
    let first = server.ended("deploys", id(&asked));
    assert_eq!(first["state"], json!("deployed"), "{first:#}");
    assert!(first["completed_at"].is_string() && first.get("failure_reason").is_none());

    let change = crate::harness::change("second", &[("page", "two")]);
    repository.commit(&change).unwrap();
    let second = server.deployed("dep-one", "main");
    assert_eq!(second["state"], json!("deployed"), "{second:#}");
    assert_eq!(second["build"]["ref"], json!("main"));
    // Who follows it may not have seen that it was deployed.
    let before = server.get(&format!("/deploys/{}", id(&first))).is(200);
    assert_eq!(before["data"]["state"], json!("deployed"));
    let both = server.get("/deploys?app=dep-one").is(200);
    assert_eq!(both["data"][0]["state"], json!("stopped"));

    let ids = |query: &str| -> Vec<String> {
        let found = server.get(&format!("/deploys?app=dep-one{query}")).is(200);
        let list = found["data"].as_array().unwrap().iter();
        list.map(|one| id(one).to_owned()).collect()
    };
    assert_eq!(ids(""), [id(&first), id(&second)]);
    assert_eq!(
        ids("&sort_by=id&sort_order=desc"),
        [id(&second), id(&first)]
    );
    assert_eq!(ids("&state=deployed"), [id(&second)]);
    assert_eq!(ids("&environment=production"), Vec::<String>::new());
    assert_eq!(ids("&environment=development&per_page=1"), [id(&first)]);
    goes_by_force_alone(&server, "dep-one");
}

/// An App that has instances is not deleted by accident.
fn goes_by_force_alone(server: &Server, app: &str) {
    let path = format!("/apps/{app}");
    let held = server.delete(&path).is(422);
    assert_eq!(held["error"]["code"], json!("unprocessable_entity"));
    let message = held["error"]["message"].as_str().unwrap();
    assert!(message.contains("say `force=true`"), "{message}");
    server.get(&path).is(200);
    server.delete(&format!("{path}?force=true")).is(200);
    server.get(&path).is(404);
}

#[test]
fn a_target_that_is_not_there_is_unprocessable() {
    let server = shared();
    server.app("dep-target");
    for form in [
        "",
        "app=dep-target&rref=main",
        "environment=development&rref=main",
        "app=none&environment=development&rref=main",
        "app=dep-target&environment=none&rref=main",
    ] {
        let answer = server.post("/deploys", form);
        answer.refuses(422, "unprocessable_entity", "App or Environment not found");
    }
}

#[test]
fn a_deploy_of_no_ref_is_invalid() {
    let server = shared();
    server.app("dep-ref");
    for rref in ["", "&rref="] {
        let answer = server.post(
            "/deploys",
            &format!("app=dep-ref&environment=development{rref}"),
        );
        answer.refuses(
            422,
            "record_invalid",
            "Validation failed: Rref can't be blank",
        );
    }
    let error = server.post("/deploys", &form("dep-ref", "--bad")).is(422);
    assert_eq!(error["error"]["code"], json!("record_invalid"));
}

#[test]
fn a_callback_to_an_address_inside_is_refused() {
    let server = busy();
    let commit = endless(&server, "dep-callback");
    let form = form("dep-callback", &commit) + "&callback_url=http://169.254.169.254/";
    let answer = server.post("/deploys", &form);
    answer.refuses(422, "record_invalid", INSIDE);
    assert_eq!(
        server.get("/deploys?app=dep-callback").is(200)["data"],
        json!([])
    );
}

#[test]
fn an_unknown_deploy_is_told() {
    let server = shared();
    for path in ["/deploys/999999", "/deploys/999999/logs"] {
        let answer = server.get(path);
        answer.refuses(404, "not_found", "Couldn't find Deploy with 'id'=999999");
    }
    let answer = server.get("/deploys/99x");
    answer.refuses(404, "not_found", "Couldn't find Deploy with 'id'=99x");
}

#[test]
fn a_deploy_beside_another_is_locked_and_force_supersedes() {
    let server = busy();
    let commit = endless(&server, "dep-lock");
    let first = server.post("/deploys", &form("dep-lock", &commit)).is(202)["data"].clone();
    let message = format!(
        "Deploy ID {} is in progress. Either wait for completion, or call again with force.",
        id(&first)
    );
    for force in ["", "&force=false", "&force="] {
        let form = form("dep-lock", &commit) + force;
        server
            .post("/deploys", &form)
            .refuses(423, "resource_locked", &message);
    }
    let of = form("dep-lock", &commit);
    let second = server.post("/deploys", &format!("{of}&force=true")).is(202);
    let first = server.ended("deploys", id(&first));
    assert_eq!(
        first["state"],
        json!("failed"),
        "what hung old clients: {first:#}"
    );
    let reason = first["failure_reason"].as_str().unwrap();
    assert!(reason.contains("superseded"), "{reason}");
    let json =
        json!({"app": "dep-lock", "environment": "development", "rref": commit, "force": true});
    let third = server.ask("POST", "/deploys").json(&json).send().is(202);
    assert_ne!(third["data"]["id"], second["data"]["id"]);
    // Elsewhere nothing is in the way, and what is being built is not built again.
    let elsewhere = format!("app=dep-lock&environment=staging&rref={commit}");
    let other = server.post("/deploys", &elsewhere).is(202);
    assert_eq!(other["data"]["build"]["id"], third["data"]["build"]["id"]);
    server
        .post("/deploys", &format!("{elsewhere}&force=true"))
        .is(202);
}

/// The client asks the newest for its build, whatever it is.
#[test]
fn a_change_that_waits_is_shown_with_the_build_that_it_meets() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (repository, commit) = server.app_of("shop", &[("Dockerfile", WEB), ("page", "one")]);
    let first = server.deployed("shop", &commit);
    assert_eq!(first["state"], json!("deployed"), "{first:#}");
    let dockerfile = sources::endless(&server.jockeyd.scope.name("shop"));
    let change = crate::harness::change("second", &[("Dockerfile", &dockerfile)]);
    let second = repository.commit(&change)?;
    let building = server.post("/deploys", &form("shop", &second)).is(202)["data"].clone();
    let sets = server.get("/config_sets?app=shop&environment=development");
    let set = format!("/config_sets/{}", id(&sets.is(200)["data"][0]));
    server.put(&set, "config[A]=1").is(200);
    let deploys = server.get("/deploys?app=shop").is(200)["data"].clone();
    let known = [id(&first), id(&building)];
    let mut others = deploys.as_array().unwrap().iter();
    let waits = others.find(|deploy| !known.contains(&id(deploy))).unwrap();
    assert_eq!(waits["build"]["id"], building["build"]["id"], "{waits:#}");
    Ok(())
}

#[test]
fn several_deploys_in_the_way_are_all_named() {
    let server = busy();
    let commit = endless(&server, "dep-queue");
    let queue = json!({"app": "dep-queue", "environment": "development", "ref": commit,
        "onConflict": "DEPLOY_CONFLICT_QUEUE"});
    let queued = || {
        let made = server.ask("POST", "/v1/deploys").json(&queue).send();
        let made: Value = serde_json::from_str(&made.text).unwrap();
        let id = made["deploy"]["id"].as_str().unwrap();
        id.trim_start_matches("dep-").to_owned()
    };
    let (first, second) = (queued(), queued());
    let message = format!(
        "Deploy IDs {first} and {second} are in progress. Either wait for completion, or call again with force."
    );
    let refused = server.post("/deploys", &form("dep-queue", &commit));
    refused.refuses(423, "resource_locked", &message);
}

#[test]
fn a_cancelled_deploy_is_shown_as_failed() {
    let server = busy();
    let commit = endless(&server, "dep-cancel");
    let made = server
        .post("/deploys", &form("dep-cancel", &commit))
        .is(202)["data"]
        .clone();
    let path = format!("/v1/deploys/{}:cancel", id(&made));
    let cancelled = server.ask("POST", &path).json(&json!({})).send();
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let shown = server.ended("deploys", id(&made));
    assert_eq!(shown["state"], json!("failed"));
    assert!(
        shown["failure_reason"]
            .as_str()
            .unwrap()
            .contains("cancelled")
    );
    let failed = server.get("/deploys?app=dep-cancel&state=failed").is(200);
    assert_eq!(failed["pagination"]["total_count"], json!(1));
}

#[test]
fn a_deploy_that_cannot_be_built_fails_with_words() {
    let server = shared();
    let (_, commit) = server.app_of(
        "dep-fail",
        &[("Dockerfile", "FROM busybox:1\nRUN echo alas && false\n")],
    );
    let failed = server.deployed("dep-fail", &commit);
    assert_eq!(failed["state"], json!("failed"), "{failed:#}");
    let reason = failed["failure_reason"].as_str().unwrap();
    assert!(reason.contains("alas"), "{reason}");
}

#[test]
fn a_deploy_whose_instance_dies_tells_its_exit_code_and_last_words() {
    let server = shared();
    let dockerfile = "FROM busybox:1\nCMD echo out of luck && exit 3\n";
    let (_repository, commit) = server.app_of("dep-dies", &[("Dockerfile", dockerfile)]);
    let web = server.web("dep-dies");
    server
        .put(&format!("/workers/{}", id(&web)), "scale=1")
        .is(200);
    let failed = server.deployed("dep-dies", &commit);
    assert_eq!(failed["state"], json!("failed"), "{failed:#}");
    let reason = failed["failure_reason"].as_str().unwrap();
    for told in ["exited with code 3", "out of luck"] {
        assert!(reason.contains(told), "{reason}");
    }
}
