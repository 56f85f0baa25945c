//! HTTP and JSON for those who do not speak gRPC.
//!
//! A request is turned into the message of an RPC by what the compiled descriptors of `proto` say, the service is called
//! inside this process, and its answer is turned into JSON: no line for any RPC. Nothing of Jockey is known here: no rule,
//! no permission, no entity.

mod annotations;
mod browser;
mod call;
mod comments;
mod cors;
mod documents;
mod inward;
mod legacy;
mod old_pages;
mod openapi;
mod outward;
mod page;
mod problem;
mod raw;
mod refusal;
mod rest;
mod secure;
mod sign_in;
mod table;
mod template;

pub use legacy::legacy_json;

use axum::{Router, extract::Request, routing::any};
use browser::Browser;
use call::Services;
use http::HeaderValue;
use inward::Bodies;
use legacy::Legacy;
use prost_reflect::DescriptorPool;
use rest::Rest;
pub use sign_in::CALLBACK;
use sign_in::SignIn;
use std::sync::Arc;
use tonic::service::Routes;

/// The most bodies of callers who were let in that are read at once, of 4 MiB each.
const BODIES_MAX: usize = 16;

/// What an installation chooses.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Origins, such as `https://jockey.example.com`, whose pages may call the API from a browser. Default: none.
    pub cors_origins: Vec<HeaderValue>,
    /// Where browsers reach this server, such as `https://jockey.example.com`. Default: not known.
    pub own_url: Option<String>,
    /// Whether they do so over TLS, by the server itself or a proxy before it. Default: they do not.
    pub is_https: bool,
    /// Whether people can sign in by a browser. Default: they cannot, and no page offers it.
    pub signs_in: bool,
}

/// Everything that is served beside gRPC, on these services.
///
/// # Panics
/// Never: the descriptors were compiled into the program, and a test reads them.
pub fn router(routes: Routes, settings: &Settings) -> Router {
    router_of(proto::DESCRIPTOR, proto::DOCUMENTED, routes, settings)
}

/// The same for another API, of its descriptors, and of those with comments, which nobody reads before they ask for the
/// documents.
///
/// # Panics
/// When the descriptors or their annotations are not right.
pub fn router_of(
    descriptors: &[u8],
    documented: &'static [u8],
    routes: Routes,
    settings: &Settings,
) -> Router {
    let pool = DescriptorPool::decode(descriptors).expect("the descriptors hold together");
    let table = annotations::table(&pool).expect("every annotation can be served");
    let documents = documents::router(documented, settings);
    let services = Services::new(routes);
    let bodies = Arc::new(Bodies::at_most(BODIES_MAX));
    let legacy = Legacy::new(&pool, services.clone(), Arc::clone(&bodies)).map(Arc::new);
    let browser = Arc::new(Browser {
        own_url: settings.own_url.clone(),
        is_https: settings.is_https,
        signs_in: settings.signs_in,
    });
    let sign_in = SignIn::new(&pool, services.clone(), Arc::clone(&browser));
    let sign_in = sign_in.map(SignIn::router).unwrap_or_default();
    let rest = Arc::new(Rest::new(table, services, bodies, browser));
    let v1 = move |request: Request| {
        let rest = Arc::clone(&rest);
        async move { rest.answer(request).await }
    };
    let old = move |request: Request| {
        let legacy = legacy.clone();
        async move {
            let Some(legacy) = legacy else {
                return rest::nothing_at(request.uri());
            };
            let (parts, body) = request.into_parts();
            match old_pages::led(&parts).or_else(|| old_pages::root(&parts)) {
                Some(response) => response,
                None => legacy.answer(Request::from_parts(parts, body)).await,
            }
        }
    };
    let router = documents
        .merge(sign_in)
        .route("/v1/{*call}", any(v1))
        .fallback(old);
    let router = cors::allow(router, &settings.cors_origins);
    secure::every_answer(router, settings)
}

/// The OpenAPI document of the API.
///
/// # Panics
/// Never: the descriptors were compiled into the program, and a test reads them.
#[must_use]
pub fn openapi() -> serde_json::Value {
    let pool = DescriptorPool::decode(proto::DOCUMENTED).expect("the descriptors hold together");
    let table = annotations::table(&pool).expect("every annotation can be served");
    openapi::document(&pool, &table)
}
