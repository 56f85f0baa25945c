//! Requests that a program makes up from the description of the API: none is a fault of the server's, and every answer is
//! as described.

use crate::{
    calls::contains,
    harness::{Jockeyd, PATIENCE},
    rest::Rest,
    sources::WEB,
};
use anyhow::Context;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::{fmt::Write as _, path::Path, process::Stdio, time::Duration};
use tokio::{process::Command, time::Instant};

const SCHEMATHESIS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-python/bin/schemathesis"
);
const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// What is asked of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// How long it makes some up, unless JOCKEY_MADE_UP_SECONDS says otherwise.
const SECONDS: u64 = 20;
/// What it makes them up from, unless JOCKEY_MADE_UP_SEED says otherwise: who looks for others looks on purpose.
const SEED: u64 = 1;
/// How much longer it may take to start and to tell.
const MORE: Duration = Duration::from_secs(300);

/// A variable of the environment, or what counts where nothing is said.
fn number(variable: &str, otherwise: u64) -> anyhow::Result<u64> {
    let said = std::env::var(variable);
    Ok(said.map_or(Ok(otherwise), |text| text.parse())?)
}

#[tokio::test]
async fn no_request_that_the_description_allows_is_a_fault_of_the_server() -> anyhow::Result<()> {
    anyhow::ensure!(
        Path::new(SCHEMATHESIS).exists(),
        "{SCHEMATHESIS} is missing: run scripts/provision tests"
    );
    let seconds = number("JOCKEY_MADE_UP_SECONDS", SECONDS)?;
    let seed = number("JOCKEY_MADE_UP_SEED", SEED)?;
    let server = Jockeyd::start_with(&["--call-rate", "0"]).await?;
    server.create_app("made-up").await?;
    let rest = server.rest()?;
    let told = Command::new(SCHEMATHESIS)
        .args(["run", DESCRIPTION, "--url", &rest.base])
        .args(["--header", &format!("authorization: Bearer {}", rest.token)])
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing,stateful"])
        .args([
            "--max-time",
            &seconds.to_string(),
            "--request-timeout",
            "60",
        ])
        .args(["--seed", &seed.to_string()])
        // Streams do not end: see below. Without its token nothing is asked.
        .args(["--exclude-path-regex", ":watch$|/logs"])
        .args(["--exclude-operation-id", "DeleteToken"])
        .args(["--no-color", "--continue-on-failure"])
        .current_dir(server.state())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let told = tokio::time::timeout(Duration::from_secs(seconds) + MORE, told).await??;
    let (out, err) = (
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr),
    );
    assert!(
        told.status.success(),
        "of JOCKEY_MADE_UP_SEED={seed}:\n{out}\n{err}"
    );
    contains(&out, &["Test cases:", "passed"]);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}

/// What is given for each parameter: what is there, what is not, and what cannot be. As many as a prime number, so that each
/// parameter gets each of them, together with another one of the next parameter each time.
const VALUES: &[&str] = &[
    "",
    "made-up",
    "bld-1",
    "dep-1",
    "evt-1",
    "1",
    "-1",
    "9223372036854775808",
    "true",
    "2024-02-30T25:00:00Z",
    "2024-02-28T00:00:00.5Z",
    "no such thing",
    "../..",
    "\u{1f40c}\u{0}\r\n",
    "%",
    "*",
    "null",
];
/// How often each stream is asked for: for each value of a parameter, with it and with it left out.
const ROUNDS: usize = 2 * VALUES.len();
/// How many are open at once, and how long each is read that goes on.
const AT_ONCE: usize = 40;
const READ: Duration = Duration::from_secs(1);

/// The calls of the description whose answers are streams.
fn streams() -> anyhow::Result<Vec<(String, Value)>> {
    let described: Value = serde_json::from_str(&std::fs::read_to_string(DESCRIPTION)?)?;
    let paths = described["paths"].as_object().context("it has paths")?;
    let is_stream = |call: &Value| {
        let content = call["responses"]["200"]["content"].as_object();
        content.is_some_and(|kinds| kinds.contains_key("text/event-stream"))
    };
    let calls = paths
        .iter()
        .map(|(path, calls)| (path.clone(), calls["get"].clone()));
    Ok(calls.filter(|(_, call)| is_stream(call)).collect())
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte.is_ascii_alphanumeric() {
            true => encoded.push(char::from(byte)),
            false => write!(encoded, "%{byte:02X}").expect("a text takes all"),
        }
        encoded
    })
}

/// Asks for a stream, and reads a little of it.
async fn read_some(rest: &Rest, path: &str, call: &Value, round: usize) -> anyhow::Result<()> {
    let (mut path, mut query, mut headers) = (path.to_owned(), String::new(), Vec::new());
    let parameters = call["parameters"].as_array().cloned().unwrap_or_default();
    for (place, parameter) in parameters.iter().enumerate() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = VALUES[(round * (place + 1) + place) % VALUES.len()];
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &encoded(value)),
            Some("query") if (round + place).is_multiple_of(2) => {
                write!(query, "{name}={}&", encoded(value))?;
            }
            Some("header") if value.is_ascii() => {
                headers.push((name, value));
            }
            _ => {}
        }
    }
    let kind = ["application/x-ndjson", "text/event-stream", "*/*"][round % 3];
    headers.push(("accept", kind));
    let asked = format!("{path}?{query}");
    let answer = rest.begin(Method::GET, &asked, &headers, "").await?;
    let status = answer.status();
    anyhow::ensure!(!status.is_server_error(), "{asked} {headers:?}: {status}");
    let (mut body, mut text) = (answer.into_body(), String::new());
    // What goes on is left where it is, and a refusal is read to its end.
    let until = Instant::now()
        + match status {
            StatusCode::OK => READ,
            _ => PATIENCE,
        };
    while let Ok(Some(frame)) = tokio::time::timeout_at(until, body.frame()).await {
        let frame = frame.with_context(|| format!("{asked} breaks off"))?;
        text += &String::from_utf8_lossy(frame.data_ref().map_or(&[], |data| data));
    }
    // The last that a stream says of what ends it.
    anyhow::ensure!(
        !text.contains("\"status\":5"),
        "{asked} {headers:?}: {text}"
    );
    anyhow::ensure!(
        status == StatusCode::OK || text.contains("\"reason\""),
        "{asked}: {status} {text}"
    );
    Ok(())
}

#[tokio::test]
async fn no_stream_that_anybody_may_ask_for_is_a_fault_of_the_server() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--call-rate", "0"]).await?;
    let files = [("Dockerfile", WEB), ("page", "one")];
    server.app("made-up", &files).await?;
    server.deployed("made-up").await?;
    let rest = server.rest()?;
    let calls = streams()?;
    assert!(calls.len() >= 6, "{calls:#?}");
    let asked: Vec<_> = calls
        .iter()
        .flat_map(|call| (0..ROUNDS).map(move |round| (call, round)))
        .collect();
    for some in asked.chunks(AT_ONCE) {
        let some = some.iter();
        let read = some.map(|((path, call), round)| read_some(&rest, path, call, *round));
        futures_util::future::try_join_all(read).await?;
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}
