//! Which requests have an answer.

use crate::things::Gateway;
use axum::body::Body;
use http::{Method, StatusCode};

#[tokio::test]
async fn a_path_that_is_not_there_is_a_404_that_says_where_to_look() {
    let gateway = Gateway::new();
    for path in [
        "/v1/nothing",
        "/v1/things/a/b",
        "/v1/things/a:unknown",
        "/",
        "/v1/things/",
    ] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.json()["reason"], "UNKNOWN_PATH", "{path}");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("/v1/"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_a_405_that_says_which_it_takes() {
    let gateway = Gateway::new();
    for (method, path, allow) in [
        (
            Method::PUT,
            "/v1/things/a",
            "DELETE, GET, HEAD, PATCH, OPTIONS",
        ),
        (Method::GET, "/v1/things/a:polish", "POST, OPTIONS"),
        (Method::DELETE, "/v1/things", "GET, HEAD, POST, OPTIONS"),
    ] {
        let answer = gateway.ask(method.clone(), path, &[], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn options_says_which_methods_a_path_takes() {
    let gateway = Gateway::new();
    let answer = gateway
        .ask(Method::OPTIONS, "/v1/things", &[], Body::empty())
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn head_is_answered_as_get_is() {
    let gateway = Gateway::new();
    let answer = gateway
        .ask(Method::HEAD, "/v1/things/a", &[], Body::empty())
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("etag"), Some("\"tag-1\""));
}

#[tokio::test]
async fn a_second_path_of_a_call_leads_to_it_as_well() {
    let gateway = Gateway::new();
    let answer = gateway.get("/v1/parts/wheel/of/cart").await;
    let want = serde_json::json!({"name": "cart", "thing": {"name": "wheel"}});
    assert_eq!(answer.asked(), want);
}

#[tokio::test]
async fn pages_of_another_origin_may_call_only_where_that_is_set() {
    let preflight = [
        ("origin", "https://page.example"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,if-match"),
    ];
    let ask = async |gateway: &Gateway, method: Method, origin: &'static str| {
        let mut headers = preflight;
        headers[0].1 = origin;
        let answer = gateway
            .ask(method, "/v1/things", &headers, Body::empty())
            .await;
        answer
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    let page = "https://page.example";
    let open = Gateway::with(&gateway::Settings {
        cors_origins: vec![page.parse().unwrap()],
        ..gateway::Settings::default()
    });
    for method in [Method::OPTIONS, Method::GET] {
        assert_eq!(
            ask(&open, method.clone(), page).await.as_deref(),
            Some(page)
        );
        assert_eq!(
            ask(&open, method.clone(), "https://other.example").await,
            None
        );
        assert_eq!(ask(&Gateway::new(), method, page).await, None);
    }
}
