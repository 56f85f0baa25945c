//! Where instances go, for people: constraints, the reasons, a pool that is evened out, and a drain that is watched.

use super::world::{World, nodes_of, on};
use crate::{
    calls::contains,
    harness::{exactly, is_healthy},
    sources::WEB,
    zero_downtime::Traffic,
};
use proto::v1;
use serde_json::Value;

const CHOOSY: &str = "[workers.web]\nconstraints = [\"disk == ssd\", \"gpu != none\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_stands_where_the_meta_says_so_and_moves_when_it_does_not() -> anyhow::Result<()>
{
    let mut world = World::start(&["node-1", "node-2"]).await?;
    world.say_disk("node-1", "hdd")?;
    world.say_disk("node-2", "ssd")?;
    world.meta_is("node-2", "disk", "ssd").await?;
    let files = [
        ("Dockerfile", WEB),
        ("page", "one"),
        ("jockey.toml", CHOOSY),
    ];
    world.server.app("web", &files).await?;
    world.server.deployed("web").await?;
    let first = world.server.settled("web", "one", exactly(1)).await?;
    assert_eq!(nodes_of(&first), ["node-2"]);

    let words = ["nodes", "why", "-a", "web", "-e", "development"];
    let told = world.server.jockey(&words).await?.with(0).out;
    contains(
        &told,
        &[
            first[0].id.as_str(),
            "node-2",
            "0 of 1 run; of the nodes that could take it none had fewer instances: 0",
            "it does not meet `disk == ssd`: its disk is hdd",
            "it has 1 instance",
        ],
    );

    // Neither meets it: it stays, and says why.
    world.say_disk("node-2", "hdd")?;
    world.meta_is("node-2", "disk", "hdd").await?;
    let words = [
        "nodes",
        "why",
        "-a",
        "web",
        "-e",
        "development",
        "web",
        "-o",
        "json",
    ];
    let told: Value = serde_json::from_str(&world.server.jockey(&words).await?.with(0).out)?;
    assert_eq!(told["held"][0]["reason"], "NO_ROOM", "{told:#}");
    assert_eq!(told["nodes"][1]["reason"], "UNMET", "{told:#}");
    assert_eq!(told["instances"][0]["instance"], first[0].id.as_str());

    // The other one does now: it goes there, and somebody serves all the time.
    let traffic = Traffic::start(&world.server, "web");
    world.say_disk("node-1", "ssd")?;
    let moved = |all: &[v1::Instance]| exactly(1)(all) && on(all, "node-1").len() == 1;
    world.server.settled("web", "on node-1", moved).await?;
    let (asked, failures) = traffic.stop().await?;
    assert!(failures.is_empty(), "of {asked}: {failures:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_joined_gets_its_share_when_asked_and_is_drained_while_watched()
-> anyhow::Result<()> {
    let mut world = World::start(&["node-1", "node-2"]).await?;
    let files = [("Dockerfile", WEB), ("page", "one")];
    world.server.app("web", &files).await?;
    world.server.deployed("web").await?;
    world.server.scale("web", "web", 4).await?;
    let first = world.server.settled("web", "four", exactly(4)).await?;
    assert_eq!(nodes_of(&first), ["node-1", "node-1", "node-2", "node-2"]);
    world.join("node-3")?;
    world.node_is("node-3", v1::NodeState::Alive).await?;
    let server = &world.server;

    let shown = server.jockey(&["nodes", "rebalance", "--dry-run"]).await?;
    contains(
        &shown.with(0).out,
        &["start", "node-3", "to even the pool out"],
    );
    let traffic = Traffic::start(server, "web");
    let told = server.jockey(&["nodes", "rebalance"]).await?.with(0);
    contains(&told.out, &["development/", "is even"]);
    contains(&told.err, &["node-3 1"]);
    let (asked, failures) = traffic.stop().await?;
    assert!(failures.is_empty(), "of {asked}: {failures:#?}");
    let even = server.settled("web", "four", exactly(4)).await?;
    assert!(even.iter().all(is_healthy));
    assert_eq!(on(&even, "node-3").len(), 1, "{even:?}");
    let kept = even
        .iter()
        .filter(|one| first.iter().any(|it| it.id == one.id));
    assert_eq!(kept.count(), 3, "one has moved, and no more");

    // Once more: nothing is begun.
    let told = server.jockey(&["nodes", "rebalance"]).await?.with(0);
    contains(&told.out, &["nothing has to be moved"]);
    let told = server.jockey(&["nodes", "rebalance", "--cancel"]).await?;
    contains(&told.with(0).out, &["nothing is under way"]);
    let why = ["nodes", "why", "-a", "web", "-e", "development"];
    contains(
        &server.jockey(&why).await?.with(0).out,
        &["to even the pool out"],
    );

    // A drain is watched to its end.
    let told = server.jockey(&["nodes", "drain", "node-3"]).await?.with(0);
    contains(&told.out, &["node-3 is empty"]);
    contains(&told.err, &["1 instance left"]);
    let left = server.settled("web", "four", exactly(4)).await?;
    assert!(on(&left, "node-3").is_empty(), "{left:?}");
    Ok(())
}
