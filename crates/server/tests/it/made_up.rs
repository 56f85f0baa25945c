//! Requests that a program makes up from the description of the API: none is a fault of the server's, and every answer is
//! as described.

use crate::{calls::contains, harness::Jockeyd};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::process::Command;

const SCHEMATHESIS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-python/bin/schemathesis"
);
const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// What is asked of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// How long it makes some up, unless JOCKEY_MADE_UP_SECONDS says otherwise.
const SECONDS: u64 = 20;
/// How much longer it may take to start and to tell.
const MORE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn no_request_that_the_description_allows_is_a_fault_of_the_server() -> anyhow::Result<()> {
    anyhow::ensure!(
        Path::new(SCHEMATHESIS).exists(),
        "{SCHEMATHESIS} is missing: run scripts/provision tests"
    );
    let seconds = std::env::var("JOCKEY_MADE_UP_SECONDS");
    let seconds = seconds.map_or(Ok(SECONDS), |text| text.parse())?;
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
            "10",
        ])
        // Streams do not end, and without its token nothing is asked.
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
    assert!(told.status.success(), "{out}\n{err}");
    contains(&out, &["Test cases:", "passed"]);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}
