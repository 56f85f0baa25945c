//! The disk of a host that is reached by its node program alone.

use super::world::World;
use crate::{
    harness::{change, exactly},
    sources::WEB,
};
use anyhow::Context;
use proto::v1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joined_host_keeps_what_the_ledger_needs_and_what_is_not_ours() -> anyhow::Result<()> {
    let flags = ["--retained-releases", "1", "--image-grace", "0s"];
    let mut world = World::start(&["node-1", "node-2"], &flags).await?;
    world.join("node-2").await?;
    let server = &world.server;
    let manifest = "[workers.web]\nscale = 2\n";
    let files = [
        ("Dockerfile", WEB),
        ("page", "none"),
        ("jockey.toml", manifest),
    ];
    let repository = server.app("web", &files).await?;
    let mut images = Vec::new();
    for page in ["one", "two"] {
        repository.commit(&change(page, &[("page", page)]))?;
        server.deployed("web").await?;
        let both = server.settled("web", "two", exactly(2)).await?;
        let there = both.iter().find(|it| it.node == "node-2");
        images.push(there.context("one is on node-2")?.image.clone());
    }
    let engine = &world.cluster.hosts()[1].engine;
    engine.run(["tag", "busybox:1", "stranger"])?;
    let is_there = |image: &str| engine.run(["image", "inspect", image]).is_ok();
    let asked = v1::CollectGarbageRequest::default();
    let done = server.admin().system().collect_garbage(asked).await?;
    let done = done.into_inner();
    assert!(!is_there(&images[0]), "{done:?}");
    assert!(is_there(&images[1]) && is_there("stranger"), "{done:?}");
    Ok(())
}
