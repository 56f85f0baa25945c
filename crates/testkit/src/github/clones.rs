//! Git over HTTP, with authentication: git's own backend behind the same door.

use super::{
    bearer::bearer,
    repos::{Wish, reach},
    world::World,
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header},
    response::IntoResponse,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use std::{io, path::PathBuf, process::Stdio, sync::Arc};
use tokio::{io::AsyncWriteExt, process::Command};

/// Whether a path is git's: `/owner/name[.git]/info/refs` or `…/git-upload-pack`. Then the repository, and the rest.
pub(super) fn parse(path: &str) -> Option<(String, String, &'static str)> {
    let (repo, rest) = ["info/refs", "git-upload-pack"]
        .into_iter()
        .find_map(|rest| Some((path.strip_suffix(rest)?.strip_suffix('/')?, rest)))?;
    let (owner, name) = repo.strip_prefix('/')?.split_once('/')?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    let plain = !owner.is_empty() && !name.is_empty() && !name.contains('/');
    plain.then(|| (owner.to_owned(), name.to_owned(), rest))
}

/// Serves one call of git's.
pub(super) async fn serve(world: Arc<World>, request: Request<Body>) -> Response<Body> {
    let Some((owner, name, rest)) = parse(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let moved = renamed(&world, &owner, &name);
    let (owner, name) = moved.clone().unwrap_or((owner, name));
    let path = match allowed(&world, request.headers(), &owner, &name) {
        Ok(path) => path,
        Err(refusal) => return *refusal,
    };
    if moved.is_some() {
        let query = request.uri().query().unwrap_or_default();
        let address = format!("{}/{owner}/{name}.git/{rest}?{query}", world.base);
        let elsewhere = [(header::LOCATION, address)];
        return (StatusCode::MOVED_PERMANENTLY, elsewhere).into_response();
    }
    match backend(path, rest, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What a repository is called by now that had this name before.
fn renamed(world: &World, owner: &str, name: &str) -> Option<(String, String)> {
    let old = format!("{owner}/{name}").parse().ok()?;
    let state = world.state();
    if state.find_repo(&old).is_some() {
        return None;
    }
    let repo = state.repos.get(state.renamed.get(&old)?)?;
    let (owner, name) = repo.name.as_str().split_once('/')?;
    Some((owner.to_owned(), name.to_owned()))
}

fn password(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(text.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    Some(text.split_once(':')?.1.to_owned())
}

/// The directory of a repository that the caller may read. Who says nothing is asked who they are, as long as the
/// repository is not public; who may not see it is told that it is not there.
fn allowed(
    world: &World,
    headers: &HeaderMap,
    owner: &str,
    name: &str,
) -> Result<PathBuf, Box<Response<Body>>> {
    let ask = || {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"GitHub\"")];
        Box::new((StatusCode::UNAUTHORIZED, challenge).into_response())
    };
    let gone = || Box::new((StatusCode::NOT_FOUND, "Repository not found.").into_response());
    let state = world.state();
    let id = match password(headers) {
        Some(token) => {
            let caller = bearer(&state, world, &token).map_err(|_| ask())?;
            reach(&state, &caller, owner, name, Wish::Read).map_err(|_| gone())?
        }
        None => {
            let name = format!("{owner}/{name}").parse().map_err(|_| ask())?;
            let found = state.find_repo(&name).filter(|(_, repo)| !repo.private);
            found.ok_or_else(ask)?.0
        }
    };
    Ok(state.repos[&id].git.path().to_owned())
}

async fn backend(path: PathBuf, rest: &str, request: Request<Body>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let header = |name: HeaderName| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &path)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env(
            "GIT_PROTOCOL",
            header(HeaderName::from_static("git-protocol")),
        )
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", format!("/{rest}"))
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header(header::CONTENT_TYPE))
        .env("HTTP_CONTENT_ENCODING", header(header::CONTENT_ENCODING))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut input = child.stdin.take().expect("stdin is piped");
    let feed = async move {
        // A backend that has seen enough closes its end, which is its right.
        let _fed = input.write_all(&body).await;
        drop(input);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    Ok(of_cgi(&output?.stdout))
}

/// A CGI program's output (RFC 3875, 6).
fn of_cgi(output: &[u8]) -> Response<Body> {
    let end = output.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    let head = String::from_utf8_lossy(&output[..end]);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok());
            *response.status_mut() = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
