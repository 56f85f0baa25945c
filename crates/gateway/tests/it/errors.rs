//! Errors of the service as problem details.

use crate::things::Gateway;
use http::{Method, StatusCode};
use serde_json::json;

/// The status of each gRPC code, as `google/rpc/code.proto` says.
const CODES: [(i32, u16, &str); 16] = [
    (1, 499, "CANCELLED"),
    (2, 500, "UNKNOWN"),
    (3, 400, "INVALID_ARGUMENT"),
    (4, 504, "DEADLINE_EXCEEDED"),
    (5, 404, "NOT_FOUND"),
    (6, 409, "ALREADY_EXISTS"),
    (7, 403, "PERMISSION_DENIED"),
    (8, 429, "RESOURCE_EXHAUSTED"),
    (9, 400, "FAILED_PRECONDITION"),
    (10, 409, "ABORTED"),
    (11, 400, "OUT_OF_RANGE"),
    (12, 501, "UNIMPLEMENTED"),
    (13, 500, "INTERNAL"),
    (14, 503, "UNAVAILABLE"),
    (15, 500, "DATA_LOSS"),
    (16, 401, "UNAUTHENTICATED"),
];

#[tokio::test]
async fn each_code_has_its_status() {
    let gateway = Gateway::new();
    for (code, status, name) in CODES {
        let answer = gateway.get(&format!("/v1/things?fail={code}+-")).await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.json()["reason"], name);
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, (status == 401).then_some("Bearer"));
        assert_eq!(answer.header("retry-after"), None);
    }
}

#[tokio::test]
async fn a_person_who_is_not_signed_in_is_led_to_where_that_can_be_done() {
    let opened = [("accept", "text/html")];
    for (signs_in, link, not) in [(true, "/login?to=", "/v1/\""), (false, "/v1/\"", "/login")] {
        let settings = gateway::Settings {
            signs_in,
            ..gateway::Settings::default()
        };
        let gateway = Gateway::with(&settings);
        let answer = gateway
            .ask(Method::GET, "/v1/things?fail=16+-", &opened, "")
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(
            answer.text.contains(&format!("href=\"{link}")),
            "{}",
            answer.text
        );
        assert!(
            !answer.text.contains(&format!("href=\"{not}")),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn the_details_of_an_error_are_told() {
    let answer = Gateway::new().get("/v1/things?fail=6+NAME_TAKEN").await;
    assert_eq!(answer.header("retry-after"), Some("2"));
    let want = json!({
        "type": "urn:jockey:problem:NAME_TAKEN",
        "title": "Name taken",
        "status": 409,
        "detail": "it is so; do better",
        "reason": "NAME_TAKEN",
        "advice": "do better",
        "violations": [{"field": "thing.name", "description": "is taken"}],
        "metadata": {"colour": "red"},
    });
    assert_eq!(answer.json(), want);
}

/// The service says `thing.name` of each.
#[tokio::test]
async fn a_field_is_named_as_the_caller_wrote_it() {
    let gateway = Gateway::new();
    for (method, path, field) in [
        // The body is the thing.
        (Method::POST, "/v1/things", "name"),
        (Method::PATCH, "/v1/things/a", "thing.name"),
        (Method::DELETE, "/v1/things/a", "thing.name"),
    ] {
        let path = format!("{path}?fail=3+INVALID_FIELD");
        let answer = gateway.ask(method.clone(), &path, &[], "").await;
        let said = &answer.json()["violations"][0]["field"];
        assert_eq!(said, field, "{method} {path}");
    }
    let path = "/v1/things?fail=3+FIELD:thing.inner.no_such.page_size";
    let answer = gateway.ask(Method::POST, path, &[], "").await;
    let said = &answer.json()["violations"][0]["field"];
    assert_eq!(said, "inner.no_such.page_size", "what is no field stays");
    let answer = gateway.get("/v1/things?fail=3+FIELD:page_size").await;
    assert_eq!(answer.json()["violations"][0]["field"], "pageSize");
    let answer = gateway.get("/v1/things?fail=3+FIELD:things[2].name").await;
    assert_eq!(answer.json()["violations"][0]["field"], "things[2].name");
}

#[tokio::test]
async fn what_the_gateway_refuses_quotes_nothing_that_hides() {
    let gateway = Gateway::new();
    let path = "/v1/things?pageSize=%1b%5b2J%0a%e2%80%ae";
    let answer = gateway.get(path).await;
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`\\u{1b}[2J\\n\\u{202e}`"), "{detail}");
    let body = "{\"na\\u202eme\": 1}";
    let answer = gateway.put(Method::POST, "/v1/things", body).await;
    let problem = answer.json();
    assert_eq!(problem["violations"][0]["field"], "na\\u{202e}me");
    assert!(!problem.to_string().contains('\u{202e}'), "{problem}");
}

#[tokio::test]
async fn a_stale_etag_is_a_condition_that_does_not_hold_when_it_came_as_one() {
    let gateway = Gateway::new();
    let path = "/v1/things/a?fail=10+STALE_ETAG";
    let headers = [("if-match", "\"old\"")];
    let answer = gateway.ask(Method::DELETE, path, &headers, "").await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(answer.json()["status"], 412);
    let answer = gateway.ask(Method::DELETE, path, &[], "").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}
