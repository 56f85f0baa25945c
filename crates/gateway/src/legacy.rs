//! The JSON API of the original Jockey: paths, forms and JSON in its ways, for the services of `jockey.legacy.v1`.
//!
//! What a call means is said there. Here is a table of paths, and the rules that hold for every call: how parameters are
//! read and merged, how messages look, and how an error is told. Every answer is a JSON object, whatever went wrong.

mod answer;
mod errors;
mod fill;
mod params;
mod routes;
mod shown;
mod token;

use crate::{
    call::{Behalf, Services},
    inward::Bodies,
    raw::Raw,
    table::{Found, Table},
};
use axum::{body::Body, response::Response};
use errors::Told;
use http::{HeaderMap, Method, Request, request::Parts};
use params::Params;
use prost_reflect::{DescriptorPool, DynamicMessage};
use routes::Target;
use shown::Shapes;
use std::sync::{Arc, LazyLock};

/// The package of the services that are called.
const PACKAGE: &str = "jockey.legacy.v1";
/// The most bodies at once that are read to look for a token.
const STRANGERS_MAX: usize = 16;

/// The calls of the original Jockey, and the services behind them.
pub(crate) struct Legacy {
    table: Table<Target>,
    shapes: Shapes,
    services: Services,
    bodies: Arc<Bodies>,
    /// Those that are read before anybody is asked who calls.
    strangers: Bodies,
}

/// The parameters of a body.
enum Given {
    Unread(Body),
    Read(Params),
}

/// Reads them.
async fn given_in(bodies: &Bodies, headers: &HeaderMap, body: Body) -> Result<Params, Told> {
    let body = bodies.read(body).await;
    let body = body.map_err(|refusal| Told::refused(&refusal))?;
    params::body(headers, &body)
}

impl Legacy {
    /// None: these descriptors do not have the services.
    ///
    /// # Panics
    /// When they have some of them.
    pub(crate) fn new(
        pool: &DescriptorPool,
        services: Services,
        bodies: Arc<Bodies>,
    ) -> Option<Self> {
        let shapes = Shapes::of(pool)?;
        let table = routes::table(pool).expect("every route has its call");
        Some(Self {
            table,
            shapes,
            services,
            bodies,
            strangers: Bodies::at_most(STRANGERS_MAX),
        })
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        let (mut parts, body) = request.into_parts();
        match self.ask(&mut parts, body).await {
            Ok(response) => response,
            Err(told) => told.response(),
        }
    }

    async fn ask(&self, parts: &mut Parts, body: Body) -> Result<Response, Told> {
        let (target, path) = self.find(&parts.method, parts.uri.path())?;
        if let Some(raw) = &target.raw {
            return self.pass_on(target, raw, path, parts, body).await;
        }
        let query = params::form(parts.uri.query().unwrap_or_default().as_bytes());
        let place = token::take(&mut parts.headers, &Params::new(), &query);
        let given = match token::is_there(&parts.headers) {
            true => Given::Unread(body),
            // The token may be in the body, so that it is read for anybody.
            false => {
                let given = given_in(&self.strangers, &parts.headers, body).await?;
                token::take(&mut parts.headers, &given, &query);
                Given::Read(given)
            }
        };
        let behalf = Behalf::of(parts);
        let headers = &parts.headers;
        let message = async {
            let mut given = match given {
                Given::Read(given) => given,
                Given::Unread(body) => given_in(&self.bodies, headers, body).await?,
            };
            params::lay_over(&mut given, query);
            given.extend(path);
            Ok(fill::message(target.rpc.descriptor().input(), &given))
        };
        let answered = self.call(target, behalf, message).await;
        let mut response = answered.unwrap_or_else(|told| told.response());
        token::deprecate(&mut response, place);
        Ok(response)
    }

    /// Calls with the body as it came: it is signed, and no token is looked for.
    async fn pass_on(
        &self,
        target: &Target,
        raw: &Raw,
        path: Params,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Told> {
        let message = async {
            let body = self.strangers.read(body).await;
            let body = body.map_err(|refusal| Told::refused(&refusal))?;
            let mut message = fill::message(target.rpc.descriptor().input(), &path);
            raw.fill(&mut message, &parts.headers, body);
            Ok(message)
        };
        self.call(target, Behalf::of(parts), message).await
    }

    async fn call(
        &self,
        target: &Target,
        behalf: Behalf,
        message: impl Future<Output = Result<DynamicMessage, Told>>,
    ) -> Result<Response, Told> {
        let Target { rpc, status, .. } = target;
        if rpc.descriptor().is_server_streaming() {
            let stream = self.services.stream(rpc, behalf, message).await?;
            return answer::streamed(&self.shapes, rpc.clone(), stream).await;
        }
        let answer = self.services.call(rpc, behalf, message).await?;
        let json = self.shapes.json(&answer);
        Ok(answer::whole(status.of(&answer), json))
    }

    /// The call that a path stands for, and its variables. A path that has none is one, whatever the method.
    fn find(&self, method: &Method, path: &str) -> Result<(&Target, Params), Told> {
        let method = if method == Method::PATCH {
            &Method::PUT
        } else {
            method
        };
        let plain = routes::plain(path);
        match self.table.find(method, &plain) {
            Found::Target(target, variables) => {
                let owned = variables
                    .into_iter()
                    .map(|(name, text)| (name.to_owned(), text.into()));
                Ok((target, owned.collect()))
            }
            Found::Methods(_) | Found::Nothing => Err(Told::no_route(method, &plain)),
        }
    }
}

/// A message of `jockey.legacy.v1` as its calls show it, without an envelope. None: there is no such message.
///
/// # Panics
/// Never: the descriptors were compiled into the program, and a test reads them.
#[must_use]
pub fn legacy_json(message: &str, encoded: &[u8]) -> Option<String> {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(proto::DESCRIPTOR).expect("the descriptors hold together")
    });
    let shapes = Shapes::of(&POOL)?;
    let descriptor = POOL.get_message_by_name(message)?;
    let message = DynamicMessage::decode(descriptor, encoded).ok()?;
    Some(shapes.json(&message))
}
