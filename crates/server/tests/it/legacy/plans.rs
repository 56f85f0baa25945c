//! Sections 2, 5 and 8: steps of plans, and what `/sanity` lists, of an Environment that nobody looks after.

use super::client::{Server, fields};
use crate::sources::{WEB, endless};
use serde_json::{Value, json};

/// Two hours, in microseconds.
const TWO_HOURS: u64 = 7_200_000_000;
const OF: &str = "app=pln-web&environment=development";

/// A server on which one `web` runs, and which then leaves `development` alone: somebody else has its lease.
fn left_alone() -> (Server, String) {
    let server = Server::start().unwrap();
    let (_repository, commit) = server.app_of("pln-web", &[("Dockerfile", WEB), ("page", "one")]);
    rescaled(&server, 1);
    let deploy = server.deployed("pln-web", &commit);
    assert_eq!(deploy["state"], json!("deployed"), "{deploy:#}");
    let reconciles = server.get("/reconciles").is(200);
    for one in reconciles["data"].as_array().unwrap() {
        server.ended("reconciles", one["id"].as_str().unwrap());
    }
    let id = number(&server.get("/environments/development").is(200)["data"]["id"]);
    let lease = format!(
        "UPDATE leases SET owner = 'nobody', number = number + 1, until = 9000000000000000 WHERE name = 'environment/env-{id}'"
    );
    server.jockeyd.change_beside(&lease).unwrap();
    (server, commit)
}

fn rescaled(server: &Server, scale: u16) {
    let web = server.web("pln-web");
    let path = format!("/workers/{}", web["id"].as_str().unwrap());
    server.put(&path, &format!("scale={scale}")).is(200);
}

/// Ids are texts in objects, and numbers in plans.
fn number(id: &Value) -> u64 {
    id.as_str().unwrap().parse().unwrap()
}

/// The one step of a plan, and the names of its fields in their order.
fn planned(server: &Server) -> (Value, Vec<String>) {
    let answer = server.post("/reconciles/preview", OF);
    let plan = answer.is(200)["data"]["plan"].clone();
    let [step] = plan.as_array().unwrap().as_slice() else {
        panic!("one step: {plan:#}")
    };
    (step.clone(), fields(&answer.text, "\"plan\":["))
}

/// The Worker of a step is a copy of the record, without what it embeds.
fn assert_worker(server: &Server, step: &Value, scale: u16) {
    let web = server.web("pln-web");
    let id = |path: &str| number(&server.get(path).is(200)["data"]["id"]);
    let worker = &step["worker"];
    let times = ["created_at", "updated_at"].map(|time| worker[time].as_str().unwrap());
    assert!(times.iter().all(|time| time.ends_with('Z')), "{worker:#}");
    assert_eq!(
        *worker,
        json!({
            "id": number(&web["id"]), "scale": scale, "command": "/start web",
            "app_id": id("/apps/pln-web"), "environment_id": id("/environments/development"),
            "created_at": times[0], "updated_at": times[1], "name": "web",
        })
    );
}

#[test]
fn a_plan_names_all_that_it_starts_replaces_and_stops() {
    let (server, commit) = left_alone();
    let node = json!({"dc": "dc1", "id": "node-1", "address": "127.0.0.1"});
    rescaled(&server, 2);
    let (start, names) = planned(&server);
    assert_eq!(names, ["action", "worker", "rref", "node", "reason"]);
    assert_eq!(
        (&start["action"], &start["rref"], &start["node"]),
        (&json!("start"), &json!(commit), &node)
    );
    assert!(!start["reason"].as_str().unwrap().is_empty(), "{start:#}");
    assert_worker(&server, &start, 2);
    // What was asked for is shown with the plan that it was asked for with.
    let list = server.get("/reconciles").is(200);
    let asked = list["data"].as_array().unwrap().last().unwrap();
    assert_eq!(asked["plan"][0]["action"], json!("start"), "{asked:#}");
    let shown = server.get(&format!("/reconciles/{}", number(&asked["id"])));
    assert_eq!(shown.is(200)["data"], *asked);

    rescaled(&server, 1);
    server.put("/workers/restart", OF).is(200);
    let (restart, names) = planned(&server);
    assert_eq!(names, ["action", "instance", "worker", "reason"]);
    assert_eq!(restart["action"], json!("restart"));
    rescaled(&server, 0);
    let (stop, names) = planned(&server);
    assert_eq!(names, ["action", "instance", "worker", "reason"]);
    assert_eq!(stop["action"], json!("stop"));
    assert_worker(&server, &stop, 0);

    let path = format!("/workers/{}/deploys", number(&server.web("pln-web")["id"]));
    let live = server.get(&path).is(200)["data"]["instances"][0].clone();
    for step in [&restart, &stop] {
        assert_eq!(
            step["instance"],
            json!({
                "id": live["id"], "node": node, "service": {"dc": "", "id": "pln-web-web"},
                "port": live["port"], "tags": live["tags"],
                "check": null, "dc": "dc1",
            })
        );
    }
}

#[test]
fn sanity_lists_what_waits_and_what_is_stuck_to_those_who_may_know() {
    let (server, _) = left_alone();
    let dockerfile = endless(&server.jockeyd.scope.name("pln-stuck"));
    let (_repository, commit) = server.app_of("pln-stuck", &[("Dockerfile", &dockerfile)]);
    rescaled(&server, 2);
    let form = format!("app=pln-stuck&environment=development&rref={commit}");
    let deploy = server.post("/deploys", &form).is(202)["data"].clone();
    let reconciles = server.get("/reconciles").is(200);
    let reconcile = reconciles["data"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(reconcile["state"], json!("in_progress"));

    let young = server.get("/sanity").is(500)["data"].clone();
    let (step, _) = planned(&server);
    let mut want = json!({
        "reconcile_plan": [step], "stuck_deploys": [], "stuck_reconciles": [],
        "stack_status": {"api": true, "build": true}, "status": "NOT OK"
    });
    assert_eq!(young["development"], want);
    assert_eq!(young["stuck_builds"], json!([]));

    for table in ["builds", "deploys", "reconciles"] {
        let older = format!("UPDATE {table} SET created_at = created_at - {TWO_HOURS}");
        server.jockeyd.change_beside(&older).unwrap();
    }
    let old = server.get("/sanity").is(500)["data"].clone();
    want["stuck_deploys"] = json!([number(&deploy["id"])]);
    want["stuck_reconciles"] = json!([number(&reconcile["id"])]);
    assert_eq!(old["development"], want);
    assert_eq!(old["production"]["status"], json!("OK"));
    assert_eq!(old["stuck_builds"], json!([number(&deploy["build"]["id"])]));

    // Whoever shows no token reads the word, and the status.
    let answer = server.ask("GET", "/sanity").without_token().send();
    let told = answer.is(500)["data"].clone();
    for list in ["reconcile_plan", "stuck_deploys", "stuck_reconciles"] {
        want[list] = json!([]);
    }
    assert_eq!(told["development"], want);
    assert_eq!(told["stuck_builds"], json!([]));
}
