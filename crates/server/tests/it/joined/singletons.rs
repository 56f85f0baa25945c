//! Singletons on hosts that are cut off from the servers: their node programs stop them before they start elsewhere.

use super::world::World;
use crate::{
    harness::{PATIENCE, is_healthy},
    network::get,
    sources::ENVIRONMENT,
};
use anyhow::{Context, ensure};
use proto::v1::{self, NodeState};
use std::time::{Duration, Instant};
use testkit::cluster::Host;

/// Short, so that three of them pass in a test, and long enough for somebody to see that one is waited for; a program asks
/// for it every few seconds.
const LEASE: &str = "30s";
const MANIFEST: &str = "[workers.web]\nsingleton = true\n";

/// What the Engine of a host says of a container, which is there whether it runs or not.
struct Standing {
    process: u32,
    runs: bool,
    started: String,
    finished: String,
    fence: i64,
}

fn host<'w>(world: &'w World, name: &str) -> &'w Host {
    let mut hosts = world.cluster.hosts().iter();
    hosts.find(|host| host.name() == name).expect("it is there")
}

/// Asked of the host itself, and not of the server.
fn look(world: &World, node: &str, container: &str) -> anyhow::Result<Standing> {
    let format = "{{.State.Pid}} {{.State.Running}} {{.State.StartedAt}} {{.State.FinishedAt}} {{index .Config.Labels \"jockey.fence\"}}";
    let engine = &host(world, node).engine;
    let text = engine.run(["inspect", "--format", format, container])?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [process, runs, started, finished, fence] = words[..] else {
        anyhow::bail!("{text}");
    };
    Ok(Standing {
        process: process.parse()?,
        runs: runs == "true",
        started: started.to_owned(),
        finished: finished.to_owned(),
        fence: fence.parse()?,
    })
}

/// Waits for a healthy one on another node than that.
async fn elsewhere(world: &World, node: &str) -> anyhow::Result<v1::Instance> {
    let moved = |it: &&v1::Instance| is_healthy(it) && it.node != node;
    let all = world
        .server
        .settled("web", "one elsewhere", |all| {
            all.iter().any(|it| moved(&it))
        })
        .await?;
    let found = all.iter().find(moved);
    Ok(found.context("it was there")?.clone())
}

/// Waits until `jockey nodes why` tells this.
async fn is_told(world: &World, words: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = ["nodes", "why", "-a", "web", "-e", "development"];
        let told = world.server.jockey(&asked).await?.with(0).out;
        if told.contains(words) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "waiting for `{words}`:\n{told}");
    }
}

/// The number that the process itself has.
async fn number(instance: &v1::Instance) -> anyhow::Result<i64> {
    let told = get(&instance.address).await?;
    let mut lines = told.lines();
    let line = lines.find_map(|line| line.strip_prefix("JOCKEY_FENCE="));
    Ok(line.context("it is told")?.parse()?)
}

/// Waits until nothing of ours is left on a host.
async fn is_empty(world: &World, node: &str) -> anyhow::Result<()> {
    let label = format!("label={}", world.server.scope.label());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let engine = &host(world, node).engine;
        let left = engine.run(["ps", "--all", "--quiet", "--filter", &label])?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{left} is left on {node}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_singleton_is_stopped_on_a_host_that_is_cut_off_before_it_starts_elsewhere()
-> anyhow::Result<()> {
    let names = ["node-1", "node-2", "node-3"];
    let mut world = World::start(&names, &["--singleton-lease", LEASE]).await?;
    world.join("node-2").await?;
    world.join("node-3").await?;
    // The server's own host has no program.
    let words = ["nodes", "cordon", "node-1"];
    world.server.jockey(&words).await?.with(0);
    let files = [("Dockerfile", ENVIRONMENT), ("jockey.toml", MANIFEST)];
    world.server.app("web", &files).await?;
    world.server.deployed("web").await?;
    let first = elsewhere(&world, "node-1").await?;
    assert_eq!(first.node, "node-2");
    let first_number = number(&first).await?;
    let stranger = stranger(&world, "node-2", &first.container)?;

    // Cut off, with its Docker alive: it is waited for, and stopped there before another one starts.
    world.cluster.cut("node-2")?;
    is_told(&world, "until the lease of node-2 has run out").await?;
    let second = elsewhere(&world, "node-2").await?;
    assert_eq!(second.node, "node-3");
    let old = look(&world, "node-2", &first.container)?;
    let new = look(&world, "node-3", &second.container)?;
    assert!(!old.runs, "{}", world.programs[0].log());
    assert!(
        old.finished < new.started,
        "{} {}",
        old.finished,
        new.started
    );
    assert!(new.fence > old.fence, "{} {}", new.fence, old.fence);
    let second_number = number(&second).await?;
    assert_eq!((first_number, second_number), (old.fence, new.fence));
    assert!(look(&world, "node-2", &stranger)?.runs, "another Jockey's");

    // Mended, nothing is there twice, and what runs stays where it is.
    world.cluster.mend("node-2")?;
    world.node_is("node-2", NodeState::Alive).await?;
    is_empty(&world, "node-2").await?;
    let after = look(&world, "node-3", &second.container)?;
    assert!(after.runs && after.started == new.started);

    // Cut off with a Docker that does not answer any more: its process is killed.
    host(&world, "node-3").engine.hold()?;
    world.cluster.cut("node-3")?;
    let third = elsewhere(&world, "node-3").await?;
    assert_eq!(third.node, "node-2");
    let process = std::fs::read_to_string(format!("/proc/{}/stat", after.process));
    assert!(process.is_err(), "{process:?}: {}", world.programs[1].log());
    host(&world, "node-3").engine.release()?;
    world.cluster.mend("node-3")?;
    world.node_is("node-3", NodeState::Alive).await?;
    is_empty(&world, "node-3").await?;
    let old = number(&third).await?;
    assert!(old > second_number, "{old}");
    Ok(())
}

/// A container of the same image that bears the number of a singleton, and is another Installation's.
fn stranger(world: &World, node: &str, like: &str) -> anyhow::Result<String> {
    let engine = &host(world, node).engine;
    let image = engine.run(["inspect", "--format", "{{.Image}}", like])?;
    engine.run([
        "run",
        "--detach",
        "--label=jockey.installation=ffffffffffffffffffffffffffffffff",
        "--label=jockey.fence=1",
        &image,
    ])
}
