//! What happens on a host that is reached by its node program alone, and what is written there, is heard at once.

use super::world::World;
use crate::{
    harness::{PATIENCE, exactly},
    several::wait,
    sources::TOOLS,
};
use anyhow::{Context, bail, ensure};
use proto::v1;
use std::time::{Duration, Instant};
use testkit::docker::Engine;
use tonic::Streaming;

/// How long the loop of an Environment waits when it hears of nothing.
const TICK: Duration = Duration::from_secs(10);
/// How often it is tried, on a machine that may be busy.
const TRIES: usize = 3;

/// Nobody probes it, so that nothing but an event tells of its end.
const MANIFEST: &str = "[workers.clock]\ncommand = \"sleep 600\"\nscale = 1\nsettle = \"0s\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_and_what_is_written_on_a_joined_host_is_heard() -> anyhow::Result<()> {
    let mut world = World::start(&["node-1", "node-2"], &[]).await?;
    world.join("node-2").await?;
    let server = &world.server;
    let engine = &world.cluster.hosts()[1].engine;
    server.jockey(&["nodes", "cordon", "node-1"]).await?.with(0);
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "-"),
        ("jockey.toml", MANIFEST),
    ];
    server.app("clock", &files).await?;
    server.deployed("clock").await?;
    let mut all = server.settled("clock", "one", exactly(1)).await?;
    let mut one = all.remove(0);
    ensure!(one.node == "node-2", "{one:?}");

    say(engine, &one.container, "before")?;
    let request = v1::StreamInstanceLogsRequest {
        instance: one.id.clone(),
        follow: true,
        ..v1::StreamInstanceLogsRequest::default()
    };
    let mut instances = server.admin().instances();
    let asked = instances.stream_instance_logs(request).await;
    let mut log = asked?.into_inner();
    reads(&mut log, "before").await?;
    say(engine, &one.container, "meanwhile")?;
    reads(&mut log, "meanwhile").await?;

    let mut waited = Vec::new();
    for _ in 0..TRIES {
        is_kept(engine, &one.container).await?;
        engine.run(["rm", "--force", &one.container])?;
        let removed = Instant::now();
        let is_met = |all: &[v1::Instance]| all.iter().any(|it| it.id != one.id);
        server.settled("clock", "another one", is_met).await?;
        waited.push(removed.elapsed());
        // A look that nothing has caused comes a whole tick after the last one, which was before the removal, and what has
        // died is given a second, two or four by then.
        if waited.iter().any(|waited| *waited < TICK * 4 / 5) {
            return Ok(());
        }
        let is_replaced = |all: &[v1::Instance]| exactly(1)(all) && all[0].id != one.id;
        let mut all = server.settled("clock", "it alone", is_replaced).await?;
        one = all.remove(0);
    }
    bail!("no event was heard: {waited:?}\n{}", server.log())
}

/// Writes a line into the log of a container.
fn say(engine: &Engine, container: &str, word: &str) -> anyhow::Result<()> {
    let line = format!("echo {word} >/proc/1/fd/1");
    engine.run(["exec", container, "sh", "-c", &line])?;
    Ok(())
}

/// Reads on in a log until a line is this word.
async fn reads(
    log: &mut Streaming<v1::StreamInstanceLogsResponse>,
    word: &str,
) -> anyhow::Result<()> {
    let reading = async {
        while let Some(told) = log.message().await? {
            if told.lines.iter().any(|line| line.text == word) {
                return Ok(());
            }
        }
        bail!("the log ends before `{word}`")
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.with_context(|| format!("waiting for `{word}`"))?
}

/// Waits until the host starts it again by itself: the last thing that is done to an instance, after which its
/// Environment is quiet.
async fn is_kept(engine: &Engine, container: &str) -> anyhow::Result<()> {
    wait("it to be kept", async || {
        let format = "{{.HostConfig.RestartPolicy.Name}}";
        let policy = engine.run(["inspect", "--format", format, container])?;
        Ok(policy == "unless-stopped")
    })
    .await
}
