//! From the message of an answer to JSON.

use crate::things::Gateway;
use http::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn defaults_are_shown_and_what_is_absent_is_not() {
    let answer = Gateway::new().get("/v1/things").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let asked = &answer.json()["asked"];
    for (field, want) in [
        ("name", json!("")),
        ("pageSize", json!(0)),
        ("labels", json!([])),
        ("colour", json!("COLOUR_UNSPECIFIED")),
        ("number", json!("0")),
        ("ratio", json!(0.0)),
        ("dryRun", json!(false)),
        ("facts", json!({})),
        ("blob", json!("")),
    ] {
        assert_eq!(asked[field], want, "{field}");
    }
    for absent in ["maybe", "thing", "since", "wait", "updateMask"] {
        assert_eq!(asked.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn the_version_of_the_entity_is_the_etag() {
    let gateway = Gateway::new();
    let answer = gateway.get("/v1/things/a").await;
    assert_eq!(answer.header("etag"), Some("\"tag-1\""));
    for known in [
        r#""tag-1""#,
        r#"W/"tag-1""#,
        r#""tag-0", "tag-1""#,
        r#"W/"tag-1","tag-0""#,
        "*",
    ] {
        let headers = [("if-none-match", known)];
        let answer = gateway.ask(Method::GET, "/v1/things/a", &headers, "").await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::NOT_MODIFIED, ""),
            "{known}"
        );
        assert_eq!(answer.header("etag"), Some("\"tag-1\""));
    }
    for other in [r#""tag-0""#, "tag-1", r#"w/"tag-1""#, ""] {
        let headers = [("if-none-match", other)];
        let answer = gateway.ask(Method::GET, "/v1/things/a", &headers, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{other}");
    }
}
