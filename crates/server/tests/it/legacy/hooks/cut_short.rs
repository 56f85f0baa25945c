//! Who waits for what somebody else puts an end to.

use super::Receiver;
use crate::{legacy::client::Server, sources};
use serde_json::{Value, json};

/// An old client knows no other word for what nobody waits for any more.
#[test]
fn who_waits_for_what_is_cut_short_is_called_back_too() {
    let receiver = Receiver::start();
    let server = Server::start_with(&["--callback-allow", "127.0.0.1"]).unwrap();
    let dockerfile = sources::endless(&server.jockeyd.scope.name("endless"));
    let (_repository, commit) = server.app_of("endless", &[("Dockerfile", &dockerfile)]);
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", receiver.port);
    let told = |path: &str| -> Value {
        let called = receiver.until(path, 1).remove(0);
        serde_json::from_str(&called.body).unwrap()
    };
    let deploy = |path: &str, more: &str| {
        let form = format!(
            "app=endless&environment=development&rref={commit}&callback_url={}{more}",
            at(path)
        );
        server.post("/deploys", &form).is(202)["data"]["id"].clone()
    };
    let cancel = |what: &str, id: &Value| {
        let path = format!("/v1/{what}/{}:cancel", id.as_str().unwrap());
        let answer = server.ask("POST", &path).json(&json!({})).send();
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    let is_failed = |told: &Value, what: &str, id: &Value, why: &str| {
        assert_eq!(
            (&told["object_type"], &told["id"], &told["state"]),
            (&json!(what), id, &json!("failed")),
            "{told}"
        );
        let reason = told["failure_reason"].as_str().unwrap_or_default();
        assert!(reason.contains(why), "{told}");
        assert!(told["completed_at"].is_string(), "{told}");
    };

    let first = deploy("/superseded", "");
    let second = deploy("/cancelled", "&force=true");
    is_failed(&told("/superseded"), "deploy", &first, "superseded");
    cancel("deploys", &second);
    is_failed(&told("/cancelled"), "deploy", &second, "cancelled");
    let form = format!("app=endless&ref={commit}&callback_url={}", at("/build"));
    let build = server.post("/builds", &form).is(200)["data"]["id"].clone();
    cancel("builds", &build);
    is_failed(&told("/build"), "build", &build, "");
}
