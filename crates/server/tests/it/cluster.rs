//! Several hosts: what runs is spread over them, a host that is lost loses nothing but itself.

mod placement;
mod world;

use crate::{
    calls::containers,
    harness::{change, exactly, is_healthy},
    network::get,
    several::wait,
    sources::{SLOW, WEB},
    zero_downtime::Traffic,
};
use anyhow::ensure;
use proto::v1::{self, DeployState, NodeState};
use std::collections::BTreeSet;
use world::{World, nodes_of, on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_spread_over_hosts_roll_without_loss_and_heal() -> anyhow::Result<()> {
    let mut world = World::start(&["node-1", "node-2", "node-3"]).await?;
    let server = &world.server;
    let repository = server
        .app("web", &[("Dockerfile", WEB), ("page", "one")])
        .await?;
    server.deployed("web").await?;
    server.scale("web", "web", 3).await?;
    let first = server.settled("web", "three", exactly(3)).await?;
    assert_eq!(nodes_of(&first), ["node-1", "node-2", "node-3"]);
    for instance in &first {
        assert!(instance.address.starts_with("10.99."), "{instance:?}");
        assert_eq!(get(&instance.address).await?, "one");
    }

    // A rolling deploy under steady requests: none is lost.
    let traffic = Traffic::start(server, "web");
    repository.commit(&change("two", &[("page", "two")]))?;
    let deploy = server.deploy("web", "HEAD").await?;
    assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
    let second = server.settled("web", "three", exactly(3)).await?;
    let (asked, failures) = traffic.stop().await?;
    assert!(failures.is_empty(), "of {asked}: {failures:#?}");
    assert!(asked > 50, "only {asked} requests were made");
    assert_eq!(nodes_of(&second), ["node-1", "node-2", "node-3"]);
    // Each host has the very image that one of them built, from the registry by its digest.
    let images: BTreeSet<&str> = second.iter().map(|it| it.image.as_str()).collect();
    assert_eq!(images.len(), 1, "{images:?}");
    let builds = v1::ListBuildsRequest::default();
    let builds = server.admin().builds().list_builds(builds).await?;
    for build in builds.into_inner().builds {
        assert!(build.image.contains("@sha256:"), "{build:?}");
    }
    assert!(containers(&first).is_disjoint(&containers(&second)));

    // A host is gone. Nobody has said that it failed: it is silent, and nothing is stopped or moved for that.
    world.cluster.host("node-3").engine.kill()?;
    world.cluster.cut("node-3")?;
    world.node_is("node-3", NodeState::Silent).await?;
    let left = world.running()?;
    assert_eq!(left.len(), 2, "{left:?}");
    let kept: BTreeSet<String> = left.into_iter().map(|(_, container)| container).collect();
    let before = containers(&second);
    let before: BTreeSet<String> = before.into_iter().map(|id| id.to_string()).collect();
    assert!(kept.is_subset(&before), "{kept:?} of {before:?}");

    // Somebody says so: its instance is started elsewhere.
    world.say_failed("node-3")?;
    // The one that it had is listed as unknown until the host shows what became of it.
    let is_elsewhere = |all: &[v1::Instance]| {
        let healthy: Vec<_> = all.iter().filter(|i| is_healthy(i)).cloned().collect();
        healthy.len() == 3 && on(&healthy, "node-3").is_empty()
    };
    let healed = world
        .server
        .settled("web", "three on two hosts", is_elsewhere)
        .await?;
    assert!(
        kept.iter()
            .all(|id| healed.iter().any(|i| i.container == *id))
    );

    // It comes back: what it had goes, and nothing is there twice.
    world.cluster.mend("node-3")?;
    world.cluster.host("node-3").engine.resume()?;
    world.say_alive("node-3")?;
    world.node_is("node-3", NodeState::Alive).await?;
    world.containers_are(3).await?;
    let after = world.server.settled("web", "three", exactly(3)).await?;
    for instance in &after {
        assert_eq!(get(&instance.address).await?, "two");
    }

    // The registry is gone. Every node has the image of before.
    world.cluster.end_registry();
    world.server.rolled_back("web").await?;
    let back = world.server.settled("web", "three", exactly(3)).await?;
    for instance in &back {
        assert_eq!(get(&instance.address).await?, "one");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_cordoned_drained_and_taken_back_and_a_new_one_takes_its_share()
-> anyhow::Result<()> {
    let mut world = World::start(&["node-1", "node-2"]).await?;
    let server = &world.server;
    server
        .app("web", &[("Dockerfile", WEB), ("page", "one")])
        .await?;
    server.deployed("web").await?;
    server.scale("web", "web", 2).await?;
    let first = server.settled("web", "two", exactly(2)).await?;
    assert_eq!(nodes_of(&first), ["node-1", "node-2"]);

    let mut nodes = server.admin().nodes();
    let cordon = v1::CordonNodeRequest {
        node: "node-2".to_owned(),
        ..v1::CordonNodeRequest::default()
    };
    nodes.cordon_node(cordon).await?;
    server.scale("web", "web", 3).await?;
    let three = server.settled("web", "three", exactly(3)).await?;
    assert_eq!(nodes_of(&three), ["node-1", "node-1", "node-2"]);

    // While it is emptied, each of its instances is replaced before it goes.
    let traffic = Traffic::start(server, "web");
    let drain = v1::DrainNodeRequest {
        node: "node-2".to_owned(),
        ..v1::DrainNodeRequest::default()
    };
    nodes.drain_node(drain).await?;
    let is_empty = |all: &[v1::Instance]| exactly(3)(all) && on(all, "node-2").is_empty();
    let moved = server.settled("web", "node-2 empty", is_empty).await?;
    let (asked, failures) = traffic.stop().await?;
    assert!(failures.is_empty(), "of {asked}: {failures:#?}");
    assert_eq!(nodes_of(&moved), ["node-1"; 3]);

    let uncordon = v1::UncordonNodeRequest {
        node: "node-2".to_owned(),
        ..v1::UncordonNodeRequest::default()
    };
    nodes.uncordon_node(uncordon).await?;
    // A host joins while the server runs.
    world.join("node-3")?;
    world.node_is("node-3", NodeState::Alive).await?;
    let server = &world.server;
    server.scale("web", "web", 5).await?;
    let five = server.settled("web", "five", exactly(5)).await?;
    assert_eq!(on(&five, "node-2").len() + on(&five, "node-3").len(), 2);
    Ok(())
}

/// What has moved stays where it is, and so does what has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_is_ended_half_way_moves_nothing_more() -> anyhow::Result<()> {
    let world = World::start(&["node-1", "node-2"]).await?;
    let server = &world.server;
    let mut nodes = server.admin().nodes();
    let cordon = v1::CordonNodeRequest {
        node: "node-2".to_owned(),
        ..v1::CordonNodeRequest::default()
    };
    nodes.cordon_node(cordon).await?;
    // One after the other moves, and each serves when it is let go: there is time to end it between two of them.
    let manifest = "[workers.web]\nscale = 3\nstrategy = { max_surge = 1 }\ngrace = \"10m\"\n";
    let held = SLOW.replace("sleep 5 &&", "while ! test -e /go; do sleep 0.1; done;");
    let files = [("Dockerfile", &*held), ("jockey.toml", manifest)];
    server.app("web", &files).await?;
    let asked = server.ask_deploy("web", "HEAD").await?;
    wait("the first deploy", async || {
        world.let_go("node-1");
        let deploy = server.deploy_of(&asked.id).await?;
        ensure!(deploy.state() != DeployState::Failed, "{deploy:?}");
        Ok(deploy.state() == DeployState::Deployed)
    })
    .await?;
    let before = server.settled("web", "three", exactly(3)).await?;
    assert_eq!(nodes_of(&before), ["node-1"; 3]);

    let again = |node: &str| v1::UncordonNodeRequest {
        node: node.to_owned(),
        ..v1::UncordonNodeRequest::default()
    };
    nodes.uncordon_node(again("node-2")).await?;
    let drain = v1::DrainNodeRequest {
        node: "node-1".to_owned(),
        ..v1::DrainNodeRequest::default()
    };
    nodes.drain_node(drain).await?;
    let runs = |all: &[v1::Instance]| {
        let moved = on(all, "node-2");
        moved
            .iter()
            .any(|it| it.state() == v1::InstanceState::Running)
    };
    server.settled("web", "the first to start", runs).await?;
    world.let_go("node-2");
    let one_has_moved = |all: &[v1::Instance]| on(all, "node-1").len() < 3;
    server.settled("web", "one to move", one_has_moved).await?;
    nodes.uncordon_node(again("node-1")).await?;
    server.settled("web", "three again", exactly(3)).await?;
    world.nothing_is_to_do().await?;
    let after = server.settled("web", "three", exactly(3)).await?;
    let stayed = on(&after, "node-1");
    assert_eq!(stayed.len(), 2, "{after:#?}");
    let were = containers(&before);
    assert!(stayed.iter().all(|it| were.contains(&it.container)));
    Ok(())
}

#[tokio::test]
async fn a_node_takes_no_more_than_it_has_whoever_places_there() -> anyhow::Result<()> {
    let world = World::start(&["node-1", "node-2"]).await?;
    let server = &world.server;
    world.capacity("node-2").await?;
    let capacity = world.capacity("node-1").await?;
    // Each takes 60 % of a host: one fits on each, and the third nowhere.
    let millis = capacity.cpu_millis * 6 / 10;
    let cores = format!("{}.{:03}", millis / 1000, millis % 1000);
    let manifest = format!("[workers.web]\nscale = 3\n[workers.web.resources]\ncpu = {cores}\n");
    let files = [
        ("Dockerfile", WEB),
        ("page", "one"),
        ("jockey.toml", &*manifest),
    ];
    server.app("greedy", &files).await?;
    let asked = server.ask_deploy("greedy", "HEAD").await?;
    let two = server.settled("greedy", "two", exactly(2)).await?;
    assert_eq!(nodes_of(&two), ["node-1", "node-2"]);
    let step = server.deploy_of(&asked.id).await?;
    world.deploy_says(&step.id, "of a core free").await?;
    Ok(())
}
