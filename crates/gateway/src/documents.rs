//! What the gateway says of itself: the OpenAPI document and the page that shows it. Anybody may read them.

use crate::{Settings, annotations, openapi, page};
use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use prost_reflect::DescriptorPool;
use std::sync::{Arc, LazyLock};

/// What a browser may do with the page: load its own script and style, and call this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The two, as they are served.
struct Documents {
    page: Bytes,
    openapi: Bytes,
}

impl Documents {
    fn of(documented: &[u8], settings: &Settings) -> Self {
        let pool = DescriptorPool::decode(documented).expect("the descriptors hold together");
        let table = annotations::table(&pool).expect("every annotation can be served");
        Self {
            page: page::page(&pool, &table, settings).into_string().into(),
            openapi: openapi::document(&pool, &table).to_string().into(),
        }
    }
}

/// Where they are. They are made when they are asked for first: most servers are never asked.
pub(crate) fn router(documented: &'static [u8], settings: &Settings) -> Router {
    let settings = settings.clone();
    let documents = Arc::new(LazyLock::new(move || Documents::of(documented, &settings)));
    let of_page = Arc::clone(&documents);
    let page = move || std::future::ready(response(HTML, of_page.page.clone()));
    let openapi = move || std::future::ready(response(JSON, documents.openapi.clone()));
    Router::new()
        .route("/v1", get(|| async { Redirect::permanent("/v1/") }))
        .route("/v1/", get(page))
        .route("/v1/page.css", text("text/css; charset=utf-8", page::STYLE))
        .route(
            "/v1/page.js",
            text("text/javascript; charset=utf-8", page::SCRIPT),
        )
        .route("/v1/openapi.json", get(openapi))
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
