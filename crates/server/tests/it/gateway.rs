//! The API over HTTP and JSON: the same server, the same port.

use crate::{
    harness::{Jockeyd, PATIENCE},
    sources::WEB,
};
use anyhow::Context;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use std::path::Path;
use testkit::git::Change;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::codegen::Bytes;

/// An app of `example/<name>`.
fn app(name: &str) -> Value {
    json!({"name": name, "repo": format!("example/{name}")})
}

#[tokio::test]
async fn an_app_is_created_read_changed_and_deleted() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    let made = rest.post("/v1/apps", &app("shop")).await?;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    assert_eq!(made.json()["app"]["name"], "shop");

    let read = rest.get("/v1/apps/shop").await?;
    let etag = read.header("etag").to_owned();
    assert_eq!(
        etag,
        format!(
            "\"{}\"",
            read.json()["app"]["etag"].as_str().context("one")?
        )
    );
    let body = json!({"dockerfile": "build/Dockerfile"}).to_string();
    let path = "/v1/apps/shop?updateMask=dockerfile";
    let change = |tag: String| {
        let rest = &rest;
        let body = &body;
        async move {
            rest.ask(Method::PATCH, path, &[("if-match", &tag)], body)
                .await
        }
    };
    let changed = change(etag.clone()).await?;
    assert_eq!(
        changed.json()["app"]["dockerfile"],
        "build/Dockerfile",
        "{}",
        changed.text
    );
    assert_ne!(changed.header("etag"), etag);
    let stale = change(etag).await?;
    assert_eq!(
        stale.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        stale.text
    );
    assert_eq!(stale.json()["reason"], "STALE_ETAG");

    let dry = rest
        .ask(Method::DELETE, "/v1/apps/shop?dryRun=true", &[], "")
        .await?;
    assert_eq!(dry.status, StatusCode::OK, "{}", dry.text);
    assert_eq!(rest.get("/v1/apps/shop").await?.status, StatusCode::OK);
    let gone = rest.ask(Method::DELETE, "/v1/apps/shop", &[], "").await?;
    assert_eq!(gone.json()["app"]["name"], "shop", "{}", gone.text);
    assert_eq!(
        rest.get("/v1/apps/shop").await?.status,
        StatusCode::NOT_FOUND
    );
    Ok(())
}

#[tokio::test]
async fn lists_are_paged_by_tokens() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    for name in ["one", "two", "three"] {
        rest.post("/v1/apps", &app(name)).await?;
    }
    let first = rest.get("/v1/apps?pageSize=2").await?.json();
    let token = first["nextPageToken"].as_str().context("a token")?;
    let second = rest
        .get(&format!("/v1/apps?pageSize=2&pageToken={token}"))
        .await?
        .json();
    let names = |page: &Value| -> Vec<String> {
        let apps = page["apps"].as_array().cloned().unwrap_or_default();
        apps.iter()
            .map(|app| app["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(
        (names(&first), names(&second)),
        (vec!["one".into(), "two".into()], vec!["three".into()])
    );
    assert_eq!(second["nextPageToken"], "");
    Ok(())
}

#[tokio::test]
async fn errors_are_problems_with_a_reason_and_advice() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    let unknown = rest.get("/v1/apps/nobody").await?;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.header("content-type"), "application/problem+json");
    let problem = unknown.json();
    assert_eq!(problem["type"], "urn:jockey:problem:UNKNOWN_APP");
    assert_eq!(problem["reason"], "UNKNOWN_APP");
    assert_eq!(problem["advice"], "see `jockey apps list`");

    let invalid = rest
        .post("/v1/apps", &json!({"name": "UPPER", "repo": "a/b"}))
        .await?;
    assert_eq!(invalid.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        invalid.json()["violations"][0]["field"],
        "name",
        "{}",
        invalid.text
    );
    let typo = rest.post("/v1/apps", &json!({"nam": "shop"})).await?;
    assert_eq!(typo.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        typo.json()["violations"][0]["field"],
        "nam",
        "{}",
        typo.text
    );

    let nobody = rest.with_token("nonsense").get("/v1/apps").await?;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    assert_eq!(nobody.json()["reason"], "TOKEN_UNKNOWN");
    let viewer = server.token("viewer", &["--name", "looker"]).await?;
    let denied = rest
        .with_token(&viewer)
        .post("/v1/apps", &app("shop"))
        .await?;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    assert_eq!(denied.json()["reason"], "ROLE_TOO_LOW");
    Ok(())
}

#[tokio::test]
async fn a_deploy_is_asked_for_once_and_watched_to_its_end() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    server
        .app("sample", &[("Dockerfile", WEB), ("page", "hello")])
        .await?;
    let body = json!({"app": "sample", "environment": "development", "ref": "HEAD"});
    let dry = rest.post("/v1/deploys?dryRun=true", &body).await?;
    assert_eq!(dry.status, StatusCode::OK, "{}", dry.text);
    let key = [("idempotency-key", "key-1")];
    let ask = async || {
        rest.ask(Method::POST, "/v1/deploys", &key, &body.to_string())
            .await
    };
    let (first, second) = (ask().await?, ask().await?);
    let id = first.json()["deploy"]["id"]
        .as_str()
        .context("an id")?
        .to_owned();
    assert_eq!(second.json()["deploy"]["id"], id.as_str());

    let path = format!("/v1/deploys/{id}:watch");
    let watched = rest.get(&path);
    let watched = tokio::time::timeout(PATIENCE, watched).await??;
    assert_eq!(watched.header("content-type"), "application/x-ndjson");
    let last = watched.text.lines().last().context("a line")?;
    assert!(last.contains("DEPLOY_STATE_DEPLOYED"), "{}", watched.text);
    let listed = rest
        .get("/v1/deploys?app=sample&state=DEPLOY_STATE_DEPLOYED")
        .await?
        .json();
    assert_eq!(listed["deploys"][0]["id"], id.as_str(), "{listed}");
    assert_eq!(listed["deploys"].as_array().map(Vec::len), Some(1));

    let build = listed["deploys"][0]["build"].as_str().context("a build")?;
    let logs = rest.get(&format!("/v1/builds/{build}/logs")).await?;
    assert_eq!(logs.status, StatusCode::OK, "{}", logs.text);
    let line: Value = serde_json::from_str(logs.text.lines().next().context("a line")?)?;
    assert_eq!(line["lines"][0]["number"], "1");
    Ok(())
}

#[tokio::test]
async fn events_go_on_where_a_browser_lost_them() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    rest.post("/v1/apps", &app("before")).await?;
    let seen = rest.get("/v1/events?pageSize=1").await?.json();
    let seen = seen["events"][0]["id"]
        .as_str()
        .context("an event")?
        .to_owned();
    rest.post("/v1/apps", &app("after")).await?;
    let headers = [
        ("accept", "text/event-stream"),
        ("last-event-id", seen.as_str()),
    ];
    let response = rest
        .begin(Method::GET, "/v1/events:watch", &headers, "")
        .await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut told = String::new();
    while !told.contains("\n\n") {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await?;
        let frame = frame.context("the stream ended")??;
        told += std::str::from_utf8(frame.data_ref().context("data")?)?;
    }
    assert!(
        told.contains("\"app\":\"after\"") && !told.contains("before"),
        "{told}"
    );
    assert!(told.contains("id: evt-"), "{told}");
    Ok(())
}

/// The commands of a page run as a reader types them, one after another.
#[tokio::test]
async fn the_commands_of_the_page_on_rest_run() -> anyhow::Result<()> {
    const PAGE: &str = include_str!("../../../../docs/rest.md");
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sample-app");
    let server = Jockeyd::start().await?;
    let sample = Change::new("Greet and tick").directory(Path::new(examples))?;
    server
        .repositories
        .create("example/sample-app")?
        .commit(&sample)?;
    let rest = server.rest()?;
    let blocks = PAGE.split("```sh\n").skip(1);
    let commands: String = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(commands.lines().count() > 15, "{commands}");
    let ran = tokio::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands])
        .env("JOCKEY_URL", &rest.base)
        .env("JOCKEY_TOKEN", &rest.token)
        .output();
    let ran = tokio::time::timeout(PATIENCE, ran).await??;
    let told = String::from_utf8_lossy(&ran.stdout);
    let wrong = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}\n{wrong}");
    assert!(told.contains("DEPLOY_STATE_DEPLOYED"), "{told}");
    assert_eq!(
        rest.get("/v1/apps/sample").await?.status,
        StatusCode::NOT_FOUND
    );
    Ok(())
}

#[tokio::test]
async fn one_port_speaks_grpc_and_http_of_both_versions() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.serving().await?;
    let page = server.rest()?.get("/v1/").await?;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("CreateDeploy"));
    // The same over HTTP/2 without TLS, as gRPC has it.
    let url = format!("{}/v1/openapi.json", server.rest()?.base);
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let request = http::Request::get(url).body(Full::<Bytes>::default())?;
    let response = client.request(request).await?;
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn pages_of_another_origin_may_call_only_where_the_server_was_told_so() -> anyhow::Result<()>
{
    const PAGE: &str = "https://page.example";
    let preflight = [
        ("origin", PAGE),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let told = ["--cors-origin", PAGE];
    for (flags, want) in [(&[][..], ""), (&told[..], PAGE)] {
        let server = Jockeyd::start_with(flags).await?;
        let rest = server.rest()?;
        let asked = rest.as_stranger(Method::OPTIONS, "/v1/apps", &preflight, "");
        let asked = asked.await?;
        let allowed = asked.header("access-control-allow-origin");
        assert_eq!(allowed, want, "{flags:?}: {asked:?}");
        let called = rest
            .ask(Method::GET, "/v1/apps", &preflight[..1], "")
            .await?;
        assert_eq!(called.status, StatusCode::OK, "{called:?}");
        let allowed = called.header("access-control-allow-origin");
        assert_eq!(allowed, want, "{flags:?}: {called:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_gives_its_place_back() -> anyhow::Result<()> {
    /// One more than may be open at once.
    const TIMES: usize = 257;
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    for _ in 0..TIMES {
        let response = rest.begin(Method::GET, "/v1/events:watch", &[], "").await?;
        assert_eq!(response.status(), StatusCode::OK);
        drop(response);
    }
    Ok(())
}

#[tokio::test]
async fn bodies_of_strangers_that_never_come_keep_nobody_else_waiting() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let rest = server.rest()?;
    let address = rest.base.trim_start_matches("http://").to_owned();
    let ask = async |head: &str| -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(&address).await?;
        let head = format!("{head} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        Ok(stream)
    };
    let answer = async |mut stream: TcpStream| -> anyhow::Result<String> {
        let mut heard = vec![0; 1 << 16];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut heard)).await??;
        Ok(String::from_utf8_lossy(&heard[..read]).to_lowercase())
    };
    // Who shows no token is told so, and nothing of the body is waited for.
    let told = answer(ask("POST /v1/apps").await?).await?;
    assert!(told.starts_with("http/1.1 401"), "{told}");
    // Where the token may be in the body, a few are read at once.
    let mut held = Vec::new();
    for _ in 0..32 {
        held.push(ask("POST /apps").await?);
    }
    // Those that wait for a place are told long before those that have one give up.
    let waiting = held.into_iter().map(|stream| Box::pin(answer(stream)));
    let (told, _, _still_held) = futures_util::future::select_all(waiting).await;
    let told = told?;
    assert!(told.starts_with("http/1.1 503"), "{told}");
    assert!(
        told.contains("retry-after: 1") && told.contains("unavailable"),
        "{told}"
    );
    let made = rest.post("/v1/apps", &app("let-in")).await?;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let made = rest.post("/apps", &app("let-in-too")).await?;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    Ok(())
}
