//! Section 8: what monitors ask.

use super::client::{Server, fields, shared};
use serde_json::json;

#[test]
fn anybody_may_ask_how_the_server_is() {
    let server = shared();
    for path in ["/health", "/health.json", "/health/"] {
        let answer = server.ask("GET", path).without_token().send();
        let found = answer.is(200);
        assert_eq!(
            fields(&answer.text, ""),
            [
                "name",
                "hostname",
                "revision",
                "pid",
                "parent_pid",
                "platform"
            ]
        );
        assert_eq!(found["name"], json!("jockey"));
        assert_eq!(found["pid"], json!(server.jockeyd.pid()));
        assert_eq!(found["platform"]["name"], json!("Napa"));
    }
}

#[test]
fn a_server_on_which_all_is_well_says_so() {
    let server = Server::start().unwrap();
    let answer = server.ask("GET", "/sanity").without_token().send();
    let found = answer.is(200);
    assert_eq!(
        found["data"]["production"],
        json!({"reconcile_plan": [], "stuck_deploys": [], "stuck_reconciles": [],
            "stack_status": {"api": true, "build": true}, "status": "OK"})
    );
    assert_eq!(found["data"]["stuck_builds"], json!([]));
    assert_eq!(
        fields(&answer.text, "\"production\":"),
        [
            "reconcile_plan",
            "stuck_deploys",
            "stuck_reconciles",
            "stack_status",
            "status"
        ]
    );

    // A node that takes nothing is one too few.
    let cordon = server
        .ask("POST", "/v1/nodes/node-1:cordon")
        .json(&json!({}));
    assert_eq!(cordon.send().status, 200);
    let found = server.ask("GET", "/sanity").without_token().send().is(500);
    let production = &found["data"]["production"];
    assert_eq!(production["status"], json!("NOT OK"));
    assert_eq!(
        production["stack_status"],
        json!({"api": false, "build": false})
    );
}

#[test]
fn a_bad_token_is_no_worse_than_none() {
    let server = shared();
    let answer = server.ask("GET", "/sanity").token("nonsense").send();
    assert!([200, 500].contains(&answer.status), "{}", answer.text);
}
