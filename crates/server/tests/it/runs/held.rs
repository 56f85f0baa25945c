//! What a process writes and nobody reads.

use super::{APP, command, stage, until};
use crate::{
    harness::{Jockeyd, PATIENCE},
    programs::jockey,
};
use anyhow::Context;
use std::process::Command;
use testkit::docker;
use tokio::io::AsyncReadExt;

/// More than all that may be on its way from a process to who reads it.
const SIZE: usize = 64 << 20;

/// Whether a thread of this process waits for somebody to read what it writes to a pipe.
fn is_held(process: u32) -> anyhow::Result<bool> {
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may have ended meanwhile.
        let waits = std::fs::read_to_string(thread?.path().join("wchan"));
        if waits.is_ok_and(|waits| waits.contains("pipe_write")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the process of a run is there: its container stays until its end is on record.
fn is_running(server: &Jockeyd) -> anyhow::Result<bool> {
    let label = format!("label={}", server.scope.label());
    let run = "label=jockey.run";
    let listed = docker::run(["ps", "-q", "--filter", &label, "--filter", run])?;
    Ok(!listed.trim().is_empty())
}

/// As a terminal is held by Ctrl-S. Signals are passed on all the same, so the server hears of its client, too.
#[tokio::test]
async fn output_that_nobody_reads_keeps_its_process_waiting_and_nothing_else() -> anyhow::Result<()>
{
    let (server, _) = stage(&[]).await?;
    let line = format!("trap 'kill %1; exit 9' TERM; (yes | head -c {SIZE}) & wait");
    let words = ["run", "-a", APP, "--no-stdin", "--", "sh", "-c", &line];
    let mut client = command(&server, &jockey()?, &words)?.spawn()?;
    let process = client.id().context("it runs")?;
    until(&server, "its output waits", async || is_held(process)).await?;
    assert!(is_running(&server)?);

    let told = Command::new("kill")
        .args(["-TERM", &process.to_string()])
        .status()?;
    assert!(told.success());
    until(&server, "the process has ended", async || {
        Ok(!is_running(&server)?)
    })
    .await?;
    assert!(is_held(process)?, "nobody has read anything yet");

    let mut out = client.stdout.take().context("stdout")?;
    let mut read = Vec::new();
    tokio::time::timeout(PATIENCE, out.read_to_end(&mut read)).await??;
    let ended = tokio::time::timeout(PATIENCE, client.wait()).await??;
    assert_eq!(ended.code(), Some(9));
    assert!(
        !read.is_empty() && read.len() < SIZE,
        "{} bytes",
        read.len()
    );
    assert!(read.chunks(2).all(|line| b"y\n".starts_with(line)));
    Ok(())
}
