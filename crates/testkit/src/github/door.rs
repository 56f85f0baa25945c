//! The door: where calls come in, are counted, and are sent on.

use super::{
    apps, bearer, clones, hooks, oauth,
    pages::Here,
    people,
    problem::Problem,
    reports, repos,
    weather::{Cost, silence},
    world::{Request as Seen, World},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header},
    response::IntoResponse,
};
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, sync::Arc};
use tokio::{net::TcpListener, task::JoinSet};
use tower::ServiceExt;

/// Below which an Enterprise server has its API.
const ENTERPRISE: &str = "/api/v3";

/// Serves until it is dropped, its connections with it.
pub(super) async fn serve(listener: TcpListener, world: Arc<World>) {
    let inside = Router::new()
        .merge(people::routes())
        .merge(repos::routes())
        .merge(reports::routes())
        .merge(hooks::routes())
        .merge(apps::routes())
        .merge(oauth::routes())
        .fallback(async || Problem::not_found())
        .with_state(Arc::clone(&world));
    let mut connections = JoinSet::new();
    loop {
        // Both may be dropped: an accepted connection is spawned at once, and a connection that has ended is only
        // taken note of.
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = stream else { continue };
        let (world, inside) = (Arc::clone(&world), inside.clone());
        connections.spawn(async move {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let (world, inside) = (Arc::clone(&world), inside.clone());
                async move { Ok::<_, Infallible>(enter(world, inside, request.map(Body::new)).await) }
            });
            // A client that hangs up in the middle is no concern of ours.
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn enter(world: Arc<World>, inside: Router, request: Request<Body>) -> Response<Body> {
    silence(&world).await;
    let method = request.method().to_string();
    let path = request.uri().to_string();
    let part = Part::of(request.uri().path());
    let response = match in_the_way(&world, part, request.headers()) {
        Some(response) => response,
        None if part == Part::Git => clones::serve(Arc::clone(&world), request).await,
        None => call(&world, part, inside, request).await,
    };
    let status = response.status().as_u16();
    let seen = Seen {
        method,
        path,
        status,
    };
    world.state().requests.push(seen);
    response
}

/// What calls are of, each with limits of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Api,
    /// OAuth, whose calls are none of the API's.
    Login,
    /// Git over HTTP, which counts for no limit.
    Git,
}

impl Part {
    fn of(path: &str) -> Self {
        match clones::parse(path) {
            Some(_) => Self::Git,
            None if path.starts_with("/login/") => Self::Login,
            None => Self::Api,
        }
    }
}

/// An outage, or a limit that the call runs into.
fn in_the_way(world: &World, part: Part, headers: &HeaderMap) -> Option<Response<Body>> {
    let mut state = world.state();
    if let Some(outage) = state.weather.outage() {
        return Some(outage);
    }
    match part {
        Part::Api => {
            let caller = bearer::caller(&state, world, headers);
            state.weather.limit(caller, world.now())
        }
        Part::Login => state.weather.secondary_limit(),
        Part::Git => None,
    }
}

/// A call of the API, or of OAuth.
async fn call(
    world: &Arc<World>,
    part: Part,
    inside: Router,
    mut request: Request<Body>,
) -> Response<Body> {
    if !request.headers().contains_key(header::USER_AGENT) {
        let words = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Problem::forbidden(words).into_response();
    }
    let whole = request.uri().path().to_owned();
    let (base, path) = match whole.strip_prefix(ENTERPRISE) {
        Some(rest) => (format!("{}{ENTERPRISE}", world.base), rest.to_owned()),
        None => (world.base.clone(), whole),
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let path = match settle(world, &base, &path, &query, request.method()) {
        Ok(path) => path,
        Err(redirect) => return *redirect,
    };
    let target = if query.is_empty() {
        path.inside.clone()
    } else {
        format!("{}?{query}", path.inside)
    };
    let Ok(uri) = target.parse::<Uri>() else {
        return Problem::not_found().into_response();
    };
    *request.uri_mut() = uri;
    let here = Here {
        base,
        path: path.shown,
        query: oauth::pairs(&query),
    };
    request.extensions_mut().insert(here);
    let headers = request.headers().clone();
    let is_get = request.method() == Method::GET;
    let known = headers.get(header::IF_NONE_MATCH).cloned();
    let Ok(response) = inside.oneshot(request).await;
    let (mut response, cost) = if is_get {
        tagged(response, known.as_ref()).await
    } else {
        (response, Cost::One)
    };
    if part == Part::Api {
        let mut state = world.state();
        let caller = bearer::caller(&state, world, &headers);
        let limits = state.weather.count(caller, world.seconds(), cost);
        response.headers_mut().extend(limits);
    }
    response
}

/// A path as the routes have it, and as addresses in answers show it.
struct Settled {
    inside: String,
    shown: String,
}

/// Numbers of repositories become their names; names that they had before lead to their numbers, for reading with 301
/// and for anything else with 307, after which the same is to be sent again.
fn settle(
    world: &World,
    base: &str,
    path: &str,
    query: &str,
    method: &Method,
) -> Result<Settled, Box<Response<Body>>> {
    let state = world.state();
    let same = || Settled {
        inside: path.to_owned(),
        shown: path.to_owned(),
    };
    if let Some(rest) = path.strip_prefix("/repositories/") {
        let (id, rest) = rest
            .split_once('/')
            .map_or((rest, String::new()), |(id, rest)| (id, format!("/{rest}")));
        let repo = id.parse().ok().and_then(|id: u64| state.repos.get(&id));
        return Ok(repo.map_or_else(same, |repo| Settled {
            inside: format!("/repos/{}{rest}", repo.name),
            shown: path.to_owned(),
        }));
    }
    let Some(rest) = path.strip_prefix("/repos/") else {
        return Ok(same());
    };
    let mut parts = rest.splitn(3, '/');
    let (owner, name) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let rest = parts
        .next()
        .map(|rest| format!("/{rest}"))
        .unwrap_or_default();
    let Ok(name) = format!("{owner}/{name}").parse() else {
        return Ok(same());
    };
    if let Some((id, _)) = state.find_repo(&name) {
        return Ok(Settled {
            inside: path.to_owned(),
            shown: format!("/repositories/{id}{rest}"),
        });
    }
    let Some(id) = state.renamed.get(&name) else {
        return Ok(same());
    };
    let mark = if query.is_empty() { "" } else { "?" };
    let location = format!("{base}/repositories/{id}{rest}{mark}{query}");
    let status = if method == Method::GET {
        StatusCode::MOVED_PERMANENTLY
    } else {
        StatusCode::TEMPORARY_REDIRECT
    };
    // It says so of both.
    let problem = Problem::new(status, "Moved Permanently").header("location", location);
    Err(Box::new(problem.into_response()))
}

/// An answer with its tag; 304 and nothing else for a client that has it already.
async fn tagged(response: Response<Body>, known: Option<&HeaderValue>) -> (Response<Body>, Cost) {
    if response.status() != StatusCode::OK {
        return (response, Cost::One);
    }
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.expect("the body of a handler is in memory");
    let hash = ring::digest::digest(&ring::digest::SHA256, &body);
    let hash: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = HeaderValue::from_str(&format!("W/\"{hash}\"")).expect("digits are a header");
    parts.headers.insert(header::ETAG, tag.clone());
    if known == Some(&tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        return (Response::from_parts(parts, Body::empty()), Cost::Nothing);
    }
    (Response::from_parts(parts, Body::from(body)), Cost::One)
}
