//! What the gateway says of itself: the OpenAPI document and the page that shows it. Anybody may read them.

use crate::{Settings, annotations::Binding, openapi, page, table::Table};
use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use prost_reflect::DescriptorPool;

/// What a browser may do with the page: load its own script and style, and call this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Where they are.
pub(crate) fn router(pool: &DescriptorPool, table: &Table<Binding>, settings: &Settings) -> Router {
    let document = openapi::document(pool, table).to_string();
    let page = page::page(pool, table, settings).into_string();
    Router::new()
        .route("/v1", get(|| async { Redirect::permanent("/v1/") }))
        .route("/v1/", text(HTML, page))
        .route("/v1/page.css", text("text/css; charset=utf-8", page::STYLE))
        .route(
            "/v1/page.js",
            text("text/javascript; charset=utf-8", page::SCRIPT),
        )
        .route("/v1/openapi.json", text("application/json", document))
}

/// Answers with one text.
fn text(kind: &'static str, text: impl Into<Bytes>) -> MethodRouter {
    let text = text.into();
    get(move || std::future::ready(response(kind, text.clone())))
}

/// A page that no cache keeps.
pub(crate) fn html(status: StatusCode, page: String) -> Response {
    let mut response = response(HTML, page.into());
    let no_store = HeaderValue::from_static("no-store");
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

fn response(kind: &'static str, text: Bytes) -> Response {
    let mut response = text.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
