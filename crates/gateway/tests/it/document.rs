//! The OpenAPI document and the page: what they hold, and that the copy in `docs/` is current.

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use serde_json::Value;
use std::{collections::BTreeSet, process::Command};
use tonic::service::Routes;
use tower::ServiceExt;

const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// Made by `scripts/provision tests`.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-python/bin/python"
);

/// Every RPC of Jockey's API.
fn rpcs() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(proto::DOCUMENTED).unwrap();
    let services = pool.services();
    services
        .filter(|service| service.package_name() == "jockey.v1")
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

/// The operations of the document.
fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
}

#[test]
fn the_copy_in_the_docs_is_current() {
    let current = serde_json::to_string_pretty(&gateway::openapi()).unwrap() + "\n";
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(COPY, &current).unwrap();
    }
    let copy = std::fs::read_to_string(COPY).unwrap_or_default();
    assert!(
        copy == current,
        "run `scripts/accept the_copy_in_the_docs` and look at what changed"
    );
}

#[test]
fn every_rpc_is_an_operation() {
    let document = gateway::openapi();
    let ids: BTreeSet<_> = operations(&document)
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let rpcs = rpcs();
    assert!(rpcs.len() > 50, "only {} RPCs", rpcs.len());
    // What both sides of go on speaking cannot be said over HTTP.
    let two_way: Vec<_> = rpcs
        .iter()
        .filter(|rpc| rpc.is_client_streaming())
        .map(MethodDescriptor::name)
        .collect();
    assert_eq!(two_way, ["Exec", "Run"]);
    let missing: Vec<_> = rpcs
        .iter()
        .filter(|rpc| ids.contains(rpc.name()) == rpc.is_client_streaming())
        .map(MethodDescriptor::full_name)
        .collect();
    assert!(missing.is_empty(), "without an http option: {missing:?}");
    assert_eq!(ids.len(), operations(&document).count(), "an id twice");
}

#[test]
fn every_stream_can_be_read_as_events_and_every_error_is_a_problem() {
    let document = gateway::openapi();
    let streams: BTreeSet<_> = rpcs()
        .into_iter()
        .filter(MethodDescriptor::is_server_streaming)
        .map(|rpc| rpc.name().to_owned())
        .collect();
    for operation in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let content = operation["responses"]["200"]["content"]
            .as_object()
            .unwrap();
        let is_stream = streams.contains(id.trim_end_matches("Too"));
        assert_eq!(content.contains_key("text/event-stream"), is_stream, "{id}");
        assert_eq!(content.contains_key("application/json"), !is_stream, "{id}");
        let problem = &operation["responses"]["default"]["$ref"];
        assert_eq!(problem, "#/components/responses/Problem", "{id}");
        assert_ne!(operation["summary"], "", "{id}");
    }
}

#[test]
fn what_callers_only_read_is_said_to_be_so() {
    let document = gateway::openapi();
    let app = &document["components"]["schemas"]["App"]["properties"];
    assert_eq!(app["id"]["readOnly"], true);
    assert_eq!(app["name"].get("readOnly"), None);
    assert_eq!(app["createTime"]["format"], "date-time");
}

#[test]
fn the_document_is_valid() {
    let checked = Command::new(PYTHON)
        .args(["-m", "openapi_spec_validator", "--schema", "3.1.0", COPY])
        .output()
        .expect("run `scripts/provision tests` first");
    let told = String::from_utf8_lossy(&checked.stdout);
    let wrong = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{told}{wrong}");
}

/// A document of the gateway of Jockey's API.
async fn get(path: &str) -> (StatusCode, HeaderMap, String) {
    get_of(path, &gateway::Settings::default()).await
}

async fn get_of(path: &str, settings: &gateway::Settings) -> (StatusCode, HeaderMap, String) {
    let router: Router = gateway::router(Routes::default(), settings);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (parts.status, parts.headers, text)
}

#[tokio::test]
async fn the_document_and_the_page_are_served_to_anybody() {
    let (status, headers, text) = get("/v1/openapi.json").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        gateway::openapi()
    );
    let (status, headers, _) = get("/v1").await;
    assert_eq!(
        (status, &headers["location"]),
        (StatusCode::PERMANENT_REDIRECT, &"/v1/".parse().unwrap())
    );
}

#[tokio::test]
async fn the_page_offers_to_sign_in_where_that_can_be_done() {
    for signs_in in [true, false] {
        let settings = gateway::Settings {
            signs_in,
            ..gateway::Settings::default()
        };
        let (_, _, page) = get_of("/v1/", &settings).await;
        assert_eq!(page.contains("Sign in with GitHub"), signs_in);
        assert_eq!(page.contains("/login"), signs_in);
    }
}

#[tokio::test]
async fn the_page_shows_every_call_and_needs_nothing_from_elsewhere() {
    let (status, headers, page) = get("/v1/").await;
    assert_eq!(status, StatusCode::OK);
    // What goes both ways cannot be called over HTTP.
    for rpc in rpcs().iter().filter(|rpc| !rpc.is_client_streaming()) {
        assert!(
            page.contains(&format!(">{}</a>", rpc.name())),
            "{}",
            rpc.name()
        );
    }
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    // No script, style or handler inside, and no address but this server's.
    for foreign in [
        "<script>", "<style", "style=", "onclick", "http://", "https://", "src=\"//",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for loaded in ["/v1/page.css", "/v1/page.js"] {
        assert!(page.contains(loaded));
        assert_eq!(get(loaded).await.0, StatusCode::OK, "{loaded}");
    }
}
