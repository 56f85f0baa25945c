//! Answers `/v1`: finds the call, makes its message, calls the service in this process, and writes the answer.

use crate::{
    annotations::Binding,
    browser::Browser,
    call::{Behalf, Failed, Services},
    inward::{self, Asked, Bodies},
    outward,
    problem::Problem,
    refusal::{self, Refusal},
    table::{Found, Table},
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use std::sync::Arc;

/// The reason of a service that refuses an entity tag.
const STALE: &str = "STALE_ETAG";

/// The calls of `/v1` and the services behind them.
pub(crate) struct Rest {
    table: Table<Binding>,
    services: Services,
    bodies: Arc<Bodies>,
    browser: Arc<Browser>,
}

impl Rest {
    pub(crate) const fn new(
        table: Table<Binding>,
        services: Services,
        bodies: Arc<Bodies>,
        browser: Arc<Browser>,
    ) -> Self {
        Self {
            table,
            services,
            bodies,
            browser,
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        let (mut parts, body) = request.into_parts();
        let (binding, path) = match self.table.find(&parts.method, parts.uri.path()) {
            Found::Target(binding, path) => (binding, path),
            Found::Methods(allowed) if parts.method == Method::OPTIONS => {
                let allow = [(header::ALLOW, refusal::allow(&allowed))];
                return (StatusCode::NO_CONTENT, allow).into_response();
            }
            Found::Methods(allowed) => return refused(&Refusal::Method { allowed }),
            Found::Nothing => return nothing_at(&parts.uri),
        };
        if let Err(refusal) = self.browser.bear(&parts.method, &mut parts.headers) {
            return refused(&refusal);
        }
        let behalf = Behalf::of(&parts);
        let message = async {
            let asked = Asked {
                path,
                query: parts.uri.query(),
                headers: &parts.headers,
                body: self.bodies.read(body).await?,
            };
            inward::message(binding, &asked)
        };
        if binding.descriptor().is_server_streaming() {
            let stream = match self.services.stream(&binding.rpc, behalf, message).await {
                Ok(stream) => stream,
                Err(Failed::Message(refusal)) => return refused(&refusal),
                Err(Failed::Service(status)) => {
                    let problem = Problem::from(&status).in_terms_of(binding);
                    return problem.into_response();
                }
            };
            return if wants_events(&parts.headers) {
                outward::events(binding.clone(), stream)
            } else {
                outward::lines(binding.clone(), stream)
            };
        }
        match self.services.call(&binding.rpc, behalf, message).await {
            Ok(answer) => outward::answer(&parts.method, &parts.headers, &answer),
            Err(Failed::Message(refusal)) => refused(&refusal),
            Err(Failed::Service(status)) => failed(binding, &parts.headers, &status),
        }
    }
}

/// Answers for a path of which nobody knows.
pub(crate) fn nothing_at(uri: &Uri) -> Response {
    let path = uri.path().to_owned();
    refused(&Refusal::Path { path })
}

fn refused(refusal: &Refusal) -> Response {
    Problem::from(refusal).into_response()
}

/// The condition of a header that does not hold has a status of its own.
fn failed(binding: &Binding, asked: &HeaderMap, status: &tonic::Status) -> Response {
    let problem = Problem::from(status).in_terms_of(binding);
    let conditional = asked.contains_key(header::IF_MATCH);
    if conditional && problem.reason() == STALE {
        return problem
            .with_status(StatusCode::PRECONDITION_FAILED)
            .into_response();
    }
    problem.into_response()
}

fn wants_events(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|accept| {
        let accept = accept.to_str().unwrap_or_default();
        accept.contains(outward::EVENT_STREAM)
    })
}
