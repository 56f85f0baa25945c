//! Runs that go on by themselves, their bounds, and who may.

use super::{APP, command, on_record, runs, stage, until};
use crate::{
    harness::{Jockeyd, exactly},
    programs::jockey,
};
use serde_json::json;
use std::process::Stdio;

#[tokio::test]
async fn a_detached_run_goes_on_and_its_end_is_kept() -> anyhow::Result<()> {
    let (mut server, _) = stage(&["--runs-at-once", "1"]).await?;
    let set = [
        "config",
        "set",
        "-a",
        APP,
        "-e",
        "development",
        "PASSWORD=hunter22",
    ];
    server.jockey(&set).await?.with(0);
    server.settled(APP, "one", exactly(1)).await?;
    let line = "read x; echo hunter22 done; sleep 10; exit 3";
    let run = [
        "run",
        "-a",
        APP,
        "-e",
        "development",
        "-d",
        "--",
        "sh",
        "-c",
        line,
    ];
    let started = server.jockey(&run).await?.with(0);
    let id = started.out.trim().to_owned();
    let more = server
        .jockey(&["run", "-a", APP, "-e", "development", "--", "true"])
        .await?;
    more.refuses(&["1 runs are under way in development", "jockey runs stop"]);
    server.kill()?;
    server.resume().await?;
    until(&server, "it is over", async || {
        Ok(on_record(&server).await?[0]["end"].is_object())
    })
    .await?;
    let run = on_record(&server).await?.remove(0);
    assert_eq!(run["id"], json!(id));
    assert_eq!(run["end"]["exit_code"], json!(3), "{run}");
    assert_eq!(run["end"]["log_tail"], json!(["hunter22 done"]), "{run}");
    assert_eq!(run["command"][2], "read x; echo *** done; sleep 10; exit 3");
    until(&server, "it is removed", async || {
        Ok(runs(&server)?.is_empty())
    })
    .await?;
    let events = server
        .jockey(&["events", "--limit", "100"])
        .await?
        .with(0)
        .out;
    assert!(
        events.contains("run.started") && events.contains("run.ended"),
        "{events}"
    );
    assert!(!events.contains("hunter22"), "{events}");

    ends_when_it_is_told_to_or_is_late(&server).await?;
    a_viewer_may_not(&server).await
}

async fn ends_when_it_is_told_to_or_is_late(server: &Jockeyd) -> anyhow::Result<()> {
    let long = [
        "run",
        "-a",
        APP,
        "-e",
        "development",
        "-d",
        "--",
        "sleep",
        "600",
    ];
    let id = server.jockey(&long).await?.with(0).out.trim().to_owned();
    server.jockey(&["runs", "stop", &id]).await?.with(0);
    assert_eq!(runs(server)?, [""; 0]);
    let late = [
        "run",
        "-a",
        APP,
        "-e",
        "development",
        "-d",
        "--deadline",
        "2s",
        "--",
        "sleep",
        "600",
    ];
    server.jockey(&late).await?.with(0);
    until(server, "it took too long", async || {
        Ok(on_record(server).await?[0]["end"]["reason"] == "it took too long")
    })
    .await?;

    Ok(())
}

async fn a_viewer_may_not(server: &Jockeyd) -> anyhow::Result<()> {
    let viewer = server.token("viewer", &[]).await?;
    std::fs::write(server.file("viewer"), viewer)?;
    let file = server.file("viewer");
    let words = [
        "--token-file",
        &*file.to_string_lossy(),
        "run",
        "-a",
        APP,
        "--",
        "true",
    ];
    let denied = command(server, &jockey()?, &words)?
        .stdin(Stdio::null())
        .output()
        .await?;
    assert_eq!(denied.status.code(), Some(4), "{denied:?}");
    Ok(())
}
