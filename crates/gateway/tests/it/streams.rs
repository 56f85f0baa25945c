//! Answers that go on.

use crate::things::Gateway;
use axum::body::Body;
use futures_util::StreamExt;
use http::{Method, Request, StatusCode};
use std::sync::atomic::Ordering;

const EVENTS: [(&str, &str); 1] = [("accept", "text/event-stream")];

#[tokio::test]
async fn a_stream_is_a_message_a_line() {
    let answer = Gateway::new().get("/v1/things:watch").await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let ids: Vec<_> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|told| told["things"][0]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["1", "2"]);
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_in_its_last_line() {
    let answer = Gateway::new().get("/v1/things:watch?name=breaks").await;
    assert_eq!(answer.status, StatusCode::OK);
    let last = answer.text.lines().last().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["reason"], "BROKEN");
    assert_eq!(last["error"]["status"], 503);
}

#[tokio::test]
async fn a_person_who_opens_an_address_reads_text() {
    let gateway = Gateway::new();
    let opens = [("accept", "text/html,application/xhtml+xml;q=0.9")];
    let ask = async |path: &str| gateway.ask(Method::GET, path, &opens, "").await;
    let lines = ask("/v1/things:watch").await;
    assert_eq!(
        lines.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(lines.text.lines().count(), 2, "{}", lines.text);
    let broken = ask("/v1/things:watch?name=breaks").await.text;
    let last = broken.lines().last().unwrap();
    assert!(last.starts_with("error: "), "{last}");
    let bearing = [opens[0], ("authorization", "Bearer x")];
    let program = gateway.ask(Method::GET, "/v1/things:watch", &bearing, "");
    assert_eq!(
        program.await.header("content-type"),
        Some("application/x-ndjson")
    );
}

#[tokio::test]
async fn events_have_the_cursor_as_their_id_and_an_end() {
    let answer = Gateway::new()
        .ask(Method::GET, "/v1/things:watch", &EVENTS, "")
        .await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events: Vec<_> = answer.text.split_terminator("\n\n").collect();
    assert_eq!(events.len(), 3, "{}", answer.text);
    assert!(
        events[0].contains("id: 1") && events[0].contains("data: {"),
        "{}",
        events[0]
    );
    assert!(events[1].contains("id: 2"), "{}", events[1]);
    assert!(events[2].contains("event: end"), "{}", events[2]);
}

#[tokio::test]
async fn events_go_on_after_the_last_one_that_was_seen() {
    let headers = [("accept", "text/event-stream"), ("last-event-id", "7")];
    let gateway = Gateway::new();
    // The browser repeats the address that it had at first.
    for path in ["/v1/things:watch", "/v1/things:watch?after=3"] {
        let answer = gateway.ask(Method::GET, path, &headers, "").await;
        assert!(answer.text.contains("id: 8"), "{}", answer.text);
        assert!(!answer.text.contains("id: 4"), "{}", answer.text);
    }
}

#[tokio::test]
async fn events_that_break_end_with_an_error() {
    let path = "/v1/things:watch?name=breaks";
    let answer = Gateway::new().ask(Method::GET, path, &EVENTS, "").await;
    let last = answer.text.split_terminator("\n\n").last().unwrap();
    assert!(
        last.contains("event: error") && last.contains("\"reason\":\"BROKEN\""),
        "{last}"
    );
}

#[tokio::test]
async fn a_stream_that_is_refused_has_a_status() {
    let gateway = Gateway::new();
    for headers in [&EVENTS[..], &[]] {
        let path = "/v1/things:watch?fail=5+UNKNOWN_THING";
        let answer = gateway.ask(Method::GET, path, headers, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.json()["reason"], "UNKNOWN_THING");
    }
}

#[tokio::test(start_paused = true)]
async fn silent_events_are_kept_alive() {
    let gateway = Gateway::new();
    let mut body = open(&gateway, "text/event-stream").await;
    let mut seen = String::new();
    while !seen.contains("\n:") && !seen.starts_with(':') {
        let piece = body.next().await.unwrap().unwrap();
        seen += std::str::from_utf8(&piece).unwrap();
    }
}

#[tokio::test]
async fn who_hangs_up_ends_the_call() {
    let gateway = Gateway::new();
    for accept in ["text/event-stream", "application/x-ndjson"] {
        let mut body = open(&gateway, accept).await;
        body.next().await.unwrap().unwrap();
        assert_eq!(gateway.open.load(Ordering::SeqCst), 1);
        drop(body);
        assert_eq!(gateway.open.load(Ordering::SeqCst), 0);
    }
}

/// A stream that does not end by itself.
async fn open(gateway: &Gateway, accept: &str) -> axum::body::BodyDataStream {
    let request = Request::get("/v1/things:watch?name=follows").header("accept", accept);
    let response = gateway.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().into_data_stream()
}
