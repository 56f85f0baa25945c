//! A Worker without a port, which nobody can ask: it counts once it has run for its settle time.

use crate::{
    calls::{containers, contains},
    harness::{Jockeyd, change, exactly},
    sources::TOOLS,
};

/// How long it has to run, in seconds.
const SETTLE: i64 = 6;

fn manifest(command: &str) -> String {
    format!("[workers.clock]\ncommand = \"{command}\"\nscale = 1\nsettle = \"{SETTLE}s\"\n")
}

#[tokio::test]
async fn a_worker_that_ends_within_its_settle_time_fails_its_deploy() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let lasting = manifest("sleep 600");
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "-"),
        ("jockey.toml", &*lasting),
    ];
    let repository = server.app("clock", &files).await?;
    let deploy = server.deployed("clock").await?;
    let (began, ended) = (
        deploy.start_time.expect("it began"),
        deploy.end_time.expect("it ended"),
    );
    assert!(ended.seconds - began.seconds >= SETTLE, "{deploy:?}");
    let before = server.settled("clock", "one", exactly(1)).await?;

    // It runs when it is first seen, and for a while.
    let brief = manifest("sleep 1; exit 5");
    repository.commit(&change("brief", &[("jockey.toml", &brief)]))?;
    let deploy = server.failed("clock", "HEAD").await?;
    contains(&deploy.reason, &["exited with code 5", "clock"]);
    let after = server.settled("clock", "the one", exactly(1)).await?;
    assert_eq!(containers(&after), containers(&before));
    assert_eq!(after[0].restarts, 0, "{after:?}");
    assert_eq!(server.scope.containers()?, [after[0].container.clone()]);
    Ok(())
}
