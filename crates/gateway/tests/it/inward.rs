//! From paths, queries, bodies and headers to the message of a call.

use crate::things::Gateway;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_query_fills_every_kind_of_field() {
    let gateway = Gateway::new();
    for (query, want) in [
        ("name=a%20b+c", json!({"name": "a b c"})),
        ("pageSize=5", json!({"pageSize": 5})),
        ("page_size=5", json!({"pageSize": 5})),
        ("labels=a&labels=b", json!({"labels": ["a", "b"]})),
        ("colour=COLOUR_BLUE", json!({"colour": "COLOUR_BLUE"})),
        ("colour=1", json!({"colour": "COLOUR_RED"})),
        (
            "colours=COLOUR_RED&colours=COLOUR_BLUE",
            json!({"colours": ["COLOUR_RED", "COLOUR_BLUE"]}),
        ),
        (
            "number=-9007199254740993",
            json!({"number": "-9007199254740993"}),
        ),
        (
            "sizeBytes=18446744073709551615",
            json!({"sizeBytes": "18446744073709551615"}),
        ),
        ("ratio=0.5", json!({"ratio": 0.5})),
        (
            "since=2026-01-31T08:00:00.5Z",
            json!({"since": "2026-01-31T08:00:00.500Z"}),
        ),
        ("wait=1.5s", json!({"wait": "1.500s"})),
        ("dryRun=true", json!({"dryRun": true})),
        ("maybe=true", json!({"maybe": true})),
        (
            "updateMask=name,pageSize",
            json!({"updateMask": "name,pageSize"}),
        ),
        (
            "thing.inner.name=deep",
            json!({"thing": {"inner": {"name": "deep"}}}),
        ),
        ("name=a&name=a", json!({"name": "a"})),
        ("", json!(null)),
    ] {
        let answer = gateway.get(&format!("/v1/things?{query}")).await;
        assert_eq!(answer.asked(), want, "{query}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_is_refused_by_field() {
    let gateway = Gateway::new();
    for (query, field, words) in [
        ("nothing=1", "nothing", "no field `nothing`"),
        ("thing.nothing=1", "thing.nothing", "no field `nothing`"),
        ("name.x=1", "name.x", "`name` has no fields"),
        ("labels.x=1", "labels.x", "`labels` has no fields"),
        ("pageSize=many", "pageSize", "a whole number"),
        ("pageSize=3000000000", "pageSize", "in its range"),
        ("colour=GREEN", "colour", "COLOUR_RED"),
        ("colour=9", "colour", "COLOUR_RED"),
        ("dryRun=yes", "dryRun", "`true` or `false`"),
        ("since=yesterday", "since", "2026-01-31T08:00:00Z"),
        ("wait=5", "wait", "90s"),
        ("updateMask=page_size", "updateMask", "camel case"),
        ("thing=x", "thing", "name.field"),
        ("facts=x", "facts", "in the body"),
        ("name=a&name=b", "name", "given twice"),
        (
            "ref=a&release=b",
            "release",
            "`release` and `ref` exclude each other",
        ),
    ] {
        let answer = gateway.get(&format!("/v1/things?{query}")).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{query}: {}",
            answer.text
        );
        let problem = answer.json();
        assert_eq!(problem["violations"][0]["field"], field, "{query}");
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{query}: {problem}"
        );
    }
}

#[tokio::test]
async fn a_body_is_the_message_or_one_field_of_it() {
    let gateway = Gateway::new();
    let answer = gateway
        .put(
            Method::POST,
            "/v1/things?dryRun=true",
            r#"{"name": "a", "port": 0}"#,
        )
        .await;
    let told = answer.json();
    assert_eq!(told["asked"]["thing"]["name"], "a");
    assert_eq!(told["asked"]["thing"]["port"], 0);
    assert_eq!(told["asked"]["dryRun"], true);

    let body = r#"{"thing": {"name": "b"}, "facts": {"k": "v"}, "number": "7", "blob": "aGk="}"#;
    let answer = gateway
        .put(Method::PATCH, "/v1/things/a?dry_run=true", body)
        .await;
    let want = json!({
        "name": "a", "thing": {"name": "b"}, "facts": {"k": "v"}, "number": "7", "blob": "aGk=",
        "dryRun": true,
    });
    assert_eq!(answer.asked(), want);
}

#[tokio::test]
async fn a_body_may_be_left_out_or_say_again_what_the_path_says() {
    let gateway = Gateway::new();
    for body in ["", "{}", r#"{"name": "a"}"#] {
        let answer = gateway.put(Method::PATCH, "/v1/things/a", body).await;
        assert_eq!(answer.asked(), json!({"name": "a"}), "{body}");
    }
    let answer = gateway
        .put(Method::PATCH, "/v1/things/a", r#"{"name": "b"}"#)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["violations"][0]["field"], "name");
}

#[tokio::test]
async fn a_body_that_cannot_be_is_refused_by_field() {
    let gateway = Gateway::new();
    for (body, field, words) in [
        (r#"{"nothing": 1}"#, "nothing", "no field `nothing`"),
        (
            r#"{"thing": {"nothing": 1}}"#,
            "thing.nothing",
            "no field `nothing`",
        ),
        (
            r#"{"things": [{}, {"nam": 1}]}"#,
            "things[1].nam",
            "no field `nam`",
        ),
        (r#"{"pageSize": "many"}"#, "pageSize", "invalid digit"),
        (r#"{"name": 1}"#, "name", "expected a string"),
        (r#"{"thing": {"port": true}}"#, "thing.port", "boolean"),
        (r#"{"colour": "GREEN"}"#, "colour", "GREEN"),
        (r#"{"since": "yesterday"}"#, "since", "since"),
        (r#"{"labels": "a"}"#, "labels", "expected a list"),
    ] {
        let answer = gateway.put(Method::PATCH, "/v1/things/a", body).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            answer.text
        );
        let problem = answer.json();
        assert_eq!(
            problem["violations"][0]["field"], field,
            "{body}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{body}: {problem}"
        );
    }
}

#[tokio::test]
async fn a_field_that_a_body_gives_twice_is_refused() {
    let gateway = Gateway::new();
    for (body, field) in [
        (r#"{"name": "a", "name": "b"}"#, "name"),
        (r#"{"name": "a", "name": "a"}"#, "name"),
        // Of one field the name of JSON and that of the proto.
        (r#"{"pageSize": 1, "page_size": 2}"#, "page_size"),
        (
            r#"{"thing": {"inner": {"port": 1, "id": "x", "port": 2}}}"#,
            "thing.inner.port",
        ),
        (
            r#"{"things": [{}, {"id": "a", "id": "b"}]}"#,
            "things[1].id",
        ),
        (r#"{"facts": {"k": "v", "k": "w"}}"#, "facts.k"),
        (r#"{"nothing": 1, "nothing": 2}"#, "nothing"),
    ] {
        let answer = gateway.put(Method::PATCH, "/v1/things/a", body).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            answer.text
        );
        let problem = answer.json();
        let violation = &problem["violations"][0];
        assert_eq!(violation["field"], field, "{body}: {problem}");
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains("is given twice"), "{body}: {said}");
    }
    // A map's keys are no fields, and two things may have one name each.
    let body =
        r#"{"facts": {"pageSize": "1", "page_size": "2"}, "things": [{"id": "a"}, {"id": "a"}]}"#;
    let answer = gateway.put(Method::PATCH, "/v1/things/a", body).await;
    assert_eq!(answer.asked()["facts"]["page_size"], "2");
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let gateway = Gateway::new();
    for body in ["{", "[]", "1", "{} {}", "{\"name\": \"a\",}", "\u{feff}{}"] {
        let answer = gateway.put(Method::PATCH, "/v1/things/a", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(
            answer.json()["reason"],
            "INVALID_JSON",
            "{body}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_something_else_is_refused() {
    let gateway = Gateway::new();
    for (kind, status) in [
        ("application/json", StatusCode::OK),
        ("Application/JSON; charset=utf-8", StatusCode::OK),
        ("application/merge-patch+json", StatusCode::OK),
        (
            "application/x-www-form-urlencoded",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let headers = [("content-type", kind)];
        let answer = gateway
            .ask(Method::PATCH, "/v1/things/a", &headers, "{}")
            .await;
        assert_eq!(answer.status, status, "{kind}");
    }
    let answer = gateway.ask(Method::PATCH, "/v1/things/a", &[], "{}").await;
    assert_eq!(answer.status, StatusCode::OK, "no type at all");
}

#[tokio::test]
async fn a_call_without_a_body_refuses_one() {
    let gateway = Gateway::new();
    let answer = gateway
        .put(Method::DELETE, "/v1/things/a", r#"{"etag": "x"}"#)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["reason"], "BODY_NOT_TAKEN");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let gateway = Gateway::new();
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(4 << 20));
    let answer = gateway.put(Method::PATCH, "/v1/things/a", &large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    // One that does not say beforehand how long it is.
    let pieces = std::iter::repeat_n(Ok::<_, std::convert::Infallible>(vec![b' '; 1 << 20]), 5);
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let answer = gateway.ask(Method::PATCH, "/v1/things/a", &[], body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let gateway = Gateway::new();
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let body = axum::body::Body::from_stream(never);
    let answer = gateway.ask(Method::PATCH, "/v1/things/a", &[], body).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn an_idempotency_key_is_the_request_id() {
    let gateway = Gateway::new();
    for key in ["key-1", "\"key-1\""] {
        let headers = [("idempotency-key", key)];
        let answer = gateway
            .ask(Method::PATCH, "/v1/things/a", &headers, "")
            .await;
        assert_eq!(answer.asked(), json!({"name": "a", "requestId": "key-1"}));
        let other = gateway.ask(Method::PATCH, "/v1/things/a?requestId=other", &headers, "");
        assert_eq!(other.await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn if_match_is_the_etag_that_must_be_so() {
    let gateway = Gateway::new();
    for (tags, want) in [
        ("\"tag-1\"", json!({"name": "a", "etag": "tag-1"})),
        ("*", json!({"name": "a"})),
    ] {
        let headers = [("if-match", tags)];
        let answer = gateway
            .ask(Method::DELETE, "/v1/things/a", &headers, "")
            .await;
        assert_eq!(answer.asked(), want, "{tags}");
    }
    for tags in ["tag-1", "\"a\", \"b\"", "W/\"tag-1\""] {
        let headers = [("if-match", tags)];
        let answer = gateway
            .ask(Method::DELETE, "/v1/things/a", &headers, "")
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{tags}");
    }
    // A condition that cannot be kept is not left out in silence.
    let headers = [("if-match", "\"tag-1\"")];
    let answer = gateway
        .ask(Method::POST, "/v1/things/a:polish", &headers, "")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["reason"], "INVALID_IF_MATCH");
}

#[tokio::test]
async fn the_service_hears_who_calls_and_nothing_that_is_not_its_business() {
    let gateway = Gateway::new();
    let headers = [
        ("authorization", "Bearer secret"),
        ("user-agent", "tester"),
        ("x-request-id", "r-1"),
        ("cookie", "session=1"),
    ];
    let answer = gateway.ask(Method::GET, "/v1/things", &headers, "").await;
    let want = json!({
        "authorization": "Bearer secret", "user-agent": "tester", "x-request-id": "r-1",
    });
    assert_eq!(answer.json()["heard"], want);
}

/// A body that never comes.
fn endless() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())
}

#[tokio::test(start_paused = true)]
async fn the_body_of_who_is_not_let_in_is_not_waited_for() {
    let gateway = Gateway::new();
    let began = tokio::time::Instant::now();
    let headers = [("authorization", "Bearer bad")];
    let asked = gateway.ask(Method::POST, "/v1/things", &headers, endless());
    let answer = asked.await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    assert_eq!(began.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_bodies_are_read_at_once() {
    let gateway = Gateway::new();
    let held = || gateway.ask(Method::POST, "/v1/things", &[], endless());
    let slow = futures_util::future::join_all((0..16).map(|_| held()));
    let more = async {
        // Those before are under way by then.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let without = gateway.get("/v1/things?name=a").await;
        (gateway.put(Method::POST, "/v1/things", "{}").await, without)
    };
    let (slow, (more, without)) = tokio::join!(slow, more);
    assert_eq!(
        without.status,
        StatusCode::OK,
        "what has no body waits for none"
    );
    assert_eq!(
        more.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        more.text
    );
    assert_eq!(more.json()["reason"], "TOO_MANY_BODIES");
    assert_eq!(more.header("retry-after"), Some("1"));
    let slow: Vec<_> = slow.iter().map(|answer| answer.status).collect();
    assert_eq!(slow, [StatusCode::REQUEST_TIMEOUT; 16]);
    let after = gateway.put(Method::POST, "/v1/things", "{}").await;
    assert_eq!(after.status, StatusCode::OK, "{}", after.text);
}
