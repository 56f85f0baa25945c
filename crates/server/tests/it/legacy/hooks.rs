//! Section 7: what the server sends. Receivers are on loopback, which the server has to be allowed to call.

mod cut_short;
mod receiver;

use super::client::{Server, shared};
use crate::{harness::PATIENCE, sources::WEB};
use receiver::{Got, Receiver};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Fails twice, then takes it.
const AT_THE_THIRD_TIME: &[&str] = &["200 OK", "503 No", "500 No"];

fn webhook(server: &Server, values: &Value) -> Value {
    let answer = server.ask("POST", "/v1/webhooks").json(values).send();
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str::<Value>(&answer.text).unwrap()["webhook"].clone()
}

/// The deliveries of a webhook once the newest is over.
fn delivered(server: &Server, id: &str) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = server.get(&format!("/v1/webhooks/{id}/deliveries"));
        let list: Value = serde_json::from_str(&answer.text).unwrap();
        let list = list["deliveries"].as_array().cloned().unwrap_or_default();
        let ends = ["WEBHOOK_DELIVERY_STATE_DONE", "WEBHOOK_DELIVERY_STATE_DEAD"];
        let is_over = |one: &Value| ends.contains(&one["state"].as_str().unwrap_or_default());
        if !list.is_empty() && list.iter().all(is_over) {
            return list;
        }
        assert!(
            Instant::now() < deadline,
            "{list:#?}\n{}",
            server.jockeyd.log()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

fn test(server: &Server, id: &str) -> Vec<Value> {
    let path = format!("/v1/webhooks/{id}:test");
    let answer = server.ask("POST", &path).json(&json!({})).send();
    assert_eq!(answer.status, 200, "{}", answer.text);
    delivered(server, id)
}

/// The three attempts of a callback for a deploy of `hooked`.
fn called_back(receiver: &Receiver, id: &str) -> Vec<Got> {
    let called = receiver.until("/callback", 3);
    for got in &called {
        got.is_signed_with("callback-secret");
        assert_eq!(got.header("content-type"), "application/json");
        let body: Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(
            (&body["object_type"], &body["id"]),
            (&json!("deploy"), &json!(id))
        );
        assert_eq!(body["app"]["name"], json!("hooked"));
    }
    called
}

#[test]
fn a_deploy_is_told_signed_and_again_until_it_arrives() {
    let receiver = Receiver::start();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "callback-secret\n").unwrap();
    let path = secret.path().to_str().unwrap();
    let server = Server::start_with(&[
        "--callback-allow",
        "127.0.0.1",
        "--callback-secret-file",
        path,
    ])
    .unwrap();
    let (_repository, commit) = server.app_of("hooked", &[("Dockerfile", WEB), ("page", "one")]);
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", receiver.port);
    let hook = webhook(
        &server,
        &json!({"app": "hooked", "url": at("/hook?token=t0k"), "secret": "hook-secret", "events": ["deploy.deployed"]}),
    );
    assert_eq!(
        (&hook["app"], &hook["isSigned"]),
        (&json!("hooked"), &json!(true))
    );
    assert_eq!(hook["url"], json!(at("/…")), "the rest is a secret");
    assert_eq!(hook["secret"], json!(""), "{hook}");
    receiver.set("/hook?token=t0k", AT_THE_THIRD_TIME);
    receiver.set("/callback", AT_THE_THIRD_TIME);
    let form = format!(
        "app=hooked&environment=development&rref={commit}&callback_url={}",
        at("/callback")
    );
    let asked = server.post("/deploys", &form).is(202)["data"].clone();
    let id = asked["id"].as_str().unwrap();
    let ended = server.ended("deploys", id);
    assert_eq!(ended["state"], json!("deployed"), "{ended:#}");

    let called = called_back(&receiver, id);
    let told = receiver.until("/hook?token=t0k", 3);
    let want = format!(
        "message=Deploy+{id}+for+hooked%3A{}+DEPLOYED",
        &commit[..10]
    );
    for got in &told {
        got.is_signed_with("hook-secret");
        assert_eq!(
            got.header("content-type"),
            "application/x-www-form-urlencoded"
        );
        assert!(got.body.contains(&want), "{}", got.body);
    }
    for got in [called, told] {
        let ids: Vec<_> = got
            .iter()
            .map(|got| got.header("x-jockey-delivery"))
            .collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    let deliveries = delivered(&server, hook["id"].as_str().unwrap());
    assert_eq!(deliveries.len(), 1, "{deliveries:#?}");
    assert_eq!(deliveries[0]["state"], json!("WEBHOOK_DELIVERY_STATE_DONE"));
    assert_eq!(deliveries[0]["attempts"], json!(3));
    assert_eq!(deliveries[0]["lastError"], json!("it answered 503"));
}

#[test]
fn a_reconcile_shows_whom_it_calls_back() {
    let receiver = Receiver::start();
    let server = Server::start_with(&["--callback-allow", "127.0.0.1"]).unwrap();
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", receiver.port);
    let form = format!("environment=development&callback_url={}", at("/called?t=1"));
    let made = server.post("/reconciles", &form).is(202)["data"].clone();
    assert_eq!(made["callback_url"], json!(at("/called?t=1")));
    let id = made["id"].as_str().unwrap();
    let ended = server.ended("reconciles", id);
    assert_eq!(
        ended["callback_url"],
        json!(at("/…")),
        "the rest is a secret"
    );
    let list = server.get("/reconciles").is(200);
    assert_eq!(list["data"][0]["callback_url"], json!(at("/…")));
    let called = receiver.until("/called?t=1", 1).remove(0);
    let body: Value = serde_json::from_str(&called.body).unwrap();
    assert_eq!(
        (&body["object_type"], &body["id"], &body["state"]),
        (&json!("reconcile"), &json!(id), &json!("completed"))
    );
    assert_eq!(body["environment"]["name"], json!("development"));
    assert!(body.get("data").is_none(), "the bare object: {body}");
}

#[test]
fn who_waits_for_what_fails_is_called_back_too() {
    let receiver = Receiver::start();
    let server = Server::start_with(&["--callback-allow", "127.0.0.1"]).unwrap();
    let files = [("Dockerfile", "FROM busybox:1\nRUN echo it breaks; false\n")];
    let (_repository, commit) = server.app_of("broken", &files);
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", receiver.port);
    let form = format!("app=broken&ref={commit}&callback_url={}", at("/build"));
    server.post("/builds", &form).is(200);
    let built: Value = serde_json::from_str(&receiver.until("/build", 1)[0].body).unwrap();
    assert_eq!(
        (&built["object_type"], &built["state"]),
        (&json!("build"), &json!("failed"))
    );
    let form = format!(
        "app=broken&environment=development&rref={commit}&callback_url={}",
        at("/deploy")
    );
    server.post("/deploys", &form).is(202);
    let told: Value = serde_json::from_str(&receiver.until("/deploy", 1)[0].body).unwrap();
    assert_eq!(
        (&told["object_type"], &told["state"]),
        (&json!("deploy"), &json!("failed"))
    );
    assert!(told["failure_reason"].is_string(), "{told}");
}

#[test]
fn slack_is_told_and_a_redirect_is_looked_at_like_the_address_itself() {
    let receiver = Receiver::start();
    let server = Server::start_with(&["--callback-allow", "127.0.0.1"]).unwrap();
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", receiver.port);
    let slack = webhook(
        &server,
        &json!({"url": at("/slack"), "kind": "WEBHOOK_KIND_SLACK"}),
    );
    let tested = test(&server, slack["id"].as_str().unwrap());
    assert_eq!(
        tested[0]["state"],
        json!("WEBHOOK_DELIVERY_STATE_DONE"),
        "{tested:#?}"
    );
    let got = receiver.until("/slack", 1).remove(0);
    assert!(got.body.starts_with("payload=%7B"), "{}", got.body);
    assert!(
        !got.headers.contains_key("x-jockey-signature-256"),
        "it has no secret"
    );

    // A redirect is looked at like the address itself.
    for to in [
        "http://169.254.169.254/latest/",
        "http://[::1]:1/",
        "http://10.0.0.1/",
    ] {
        receiver.set("/away", &[&format!("307 Away\r\nLocation: {to}")]);
        let away = webhook(&server, &json!({"url": at("/away"), "events": ["people"]}));
        let tested = test(&server, away["id"].as_str().unwrap());
        assert_eq!(
            tested[0]["state"],
            json!("WEBHOOK_DELIVERY_STATE_DEAD"),
            "{tested:#?}"
        );
        assert_eq!(tested[0]["attempts"], json!(1), "dead at once");
        let why = tested[0]["lastError"].as_str().unwrap();
        assert!(why.contains("is not called: it is a"), "{why}");
    }
}

#[test]
fn what_is_inside_is_not_called() {
    let server = shared();
    let receiver = Receiver::start();
    for (url, what) in [
        (
            "http://127.0.0.1:8080/",
            "127.0.0.1 is not called: it is a loopback address",
        ),
        (
            "http://[::1]:8080/",
            "[::1] is not called: it is a loopback address",
        ),
        (
            "http://169.254.169.254/latest/",
            "169.254.169.254 is not called: it is a link-local address",
        ),
        (
            "http://[::ffff:10.0.0.1]/",
            "is not called: it is a private address",
        ),
        (
            "http://2130706433/",
            "`2130706433` is a number where a host is wanted",
        ),
        (
            "http://0177.0.0.1/",
            "`0177.0.0.1` is a number where a host is wanted",
        ),
        (
            "http://0x7f000001/",
            "`0x7f000001` is a number where a host is wanted",
        ),
        ("file:///etc/passwd", "the address"),
        (
            "https://hooks.example:25/",
            "port 25 is no port of a web server",
        ),
    ] {
        let asked = json!({"url": url});
        let answer = server.ask("POST", "/v1/webhooks").json(&asked).send();
        assert_eq!(answer.status, 400, "{url}: {}", answer.text);
        assert!(answer.text.contains(what), "{url}: {}", answer.text);
    }
    // What a name means is seen when it is called.
    let named =
        json!({"url": format!("http://localhost:{}/", receiver.port), "events": ["people"]});
    let hook = webhook(&server, &named);
    let id = hook["id"].as_str().unwrap();
    let tested = test(&server, id);
    assert_eq!(
        tested[0]["state"],
        json!("WEBHOOK_DELIVERY_STATE_DEAD"),
        "{tested:#?}"
    );
    assert_eq!(tested[0]["attempts"], json!(1), "dead at once");
    let why = tested[0]["lastError"].as_str().unwrap();
    assert!(
        why.starts_with("localhost is not called: it is a loopback address"),
        "{why}"
    );
    assert_eq!(receiver.at("/").len(), 0, "nothing was sent");
    assert_eq!(server.delete(&format!("/v1/webhooks/{id}")).status, 200);
    let gone = server.get(&format!("/v1/webhooks/{id}"));
    assert_eq!(gone.status, 404, "{}", gone.text);
}

#[test]
fn a_webhook_is_changed_field_by_field_and_keeps_its_secrets_to_itself() {
    let server = shared();
    server.app("hook-edit");
    let made = webhook(
        &server,
        &json!({
            "app": "hook-edit", "url": "https://hooks.example/T0/B0", "secret": "s3cret-of-hook",
            "fields": {"room": "planted-field"}, "events": ["deploy"],
        }),
    );
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let patch = |query: &str, values: Value| {
        let path = format!("{path}{query}");
        server.ask("PATCH", &path).json(&values).send()
    };
    let changed = patch("?updateMask=events,disabled", json!({"disabled": true}));
    assert_eq!(changed.status, 200, "{}", changed.text);
    let changed: Value = serde_json::from_str(&changed.text).unwrap();
    let changed = &changed["webhook"];
    assert_eq!(changed["disabled"], json!(true));
    assert_eq!(changed["events"], json!([]), "the usual ones: {changed}");
    assert_eq!(
        (&changed["isSigned"], &changed["app"]),
        (&json!(true), &json!("hook-edit"))
    );
    for (values, what) in [
        (
            json!({"events": ["Deploy Failed"]}),
            "`Deploy Failed` is no kind of event",
        ),
        (json!({"url": "http://10.0.0.1/"}), "10.0.0.1 is not called"),
        (json!({"app": "other"}), "cannot be changed"),
    ] {
        let mask = values.as_object().unwrap().keys().next().unwrap().clone();
        let refused = patch(&format!("?updateMask={mask}"), values);
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains(what), "{}", refused.text);
    }
    let tested = server
        .ask("POST", &format!("{path}:test"))
        .json(&json!({}))
        .send();
    assert_eq!(tested.status, 400, "{}", tested.text);
    assert!(tested.text.contains("is disabled"), "{}", tested.text);
    let list = server.get("/v1/webhooks?app=hook-edit");
    let shown = server.get(&path);
    assert!(
        list.text.contains("https://hooks.example/…"),
        "{}",
        list.text
    );
    for text in [&list.text, &shown.text, &server.jockeyd.log()] {
        for secret in ["s3cret-of-hook", "planted-field", "/T0/B0"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let viewer = server.token("viewer", "hook-viewer");
    let asked = json!({"url": "https://hooks.example/"});
    let denied = server
        .ask("POST", "/v1/webhooks")
        .token(&viewer)
        .json(&asked)
        .send();
    assert_eq!(denied.status, 403, "{}", denied.text);
    assert_eq!(server.ask("GET", &path).token(&viewer).send().status, 200);
}
