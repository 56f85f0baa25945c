//! Answers `/v1`: finds the call, makes its message, calls the service in this process, and writes the answer.

use crate::{
    annotations::Binding,
    browser::Browser,
    call::{Behalf, Failed, Services},
    inward::{self, Asked, Bodies},
    outward::{self, Layout},
    problem::Problem,
    refusal::{self, Refusal},
    sign_in,
    table::{Found, Table},
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, Request, StatusCode, Uri, header, request::Parts};
use std::sync::Arc;

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Program,
    /// They have opened an address in a browser, by a link or by hand.
    Person,
}

impl Reader {
    pub(crate) fn of(asked: &Parts) -> Self {
        let mut accepted = asked.headers.get_all(header::ACCEPT).iter();
        let names_html = accepted.any(|accept| {
            let accept = accept.to_str().unwrap_or_default();
            accept.contains("text/html")
        });
        let bears = asked.headers.contains_key(header::AUTHORIZATION);
        match asked.method == Method::GET && names_html && !bears {
            true => Self::Person,
            false => Self::Program,
        }
    }
}

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
        let reader = Reader::of(&parts);
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
                    return self.told(problem, reader, &parts.uri);
                }
            };
            return match reader {
                Reader::Program if wants_events(&parts.headers) => {
                    outward::events(binding.clone(), stream)
                }
                Reader::Program => outward::lines(binding.clone(), stream),
                Reader::Person => outward::text(binding.clone(), stream),
            };
        }
        match self.services.call(&binding.rpc, behalf, message).await {
            Ok(answer) => {
                let layout = match reader {
                    Reader::Program => Layout::Line,
                    Reader::Person => Layout::Wide,
                };
                outward::answer(&parts.method, &parts.headers, &answer, layout)
            }
            Err(Failed::Message(refusal)) => refused(&refusal),
            Err(Failed::Service(status)) => {
                let problem = failed(binding, &parts.headers, &status);
                self.told(problem, reader, &parts.uri)
            }
        }
    }

    /// A person who is not signed in is led to where that is done, and back.
    fn told(&self, problem: Problem, reader: Reader, uri: &Uri) -> Response {
        match reader {
            Reader::Person if problem.status() == StatusCode::UNAUTHORIZED => {
                sign_in::needed(&problem, uri, &self.browser)
            }
            Reader::Person | Reader::Program => problem.into_response(),
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
fn failed(binding: &Binding, asked: &HeaderMap, status: &tonic::Status) -> Problem {
    let problem = Problem::from(status).in_terms_of(binding);
    let conditional = asked.contains_key(header::IF_MATCH);
    if conditional && problem.reason() == STALE {
        return problem.with_status(StatusCode::PRECONDITION_FAILED);
    }
    problem
}

fn wants_events(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|accept| {
        let accept = accept.to_str().unwrap_or_default();
        accept.contains(outward::EVENT_STREAM)
    })
}
