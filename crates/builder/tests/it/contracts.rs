//! The promises of the ports, kept by git and by the real engine.

use std::sync::Arc;

use builder::{
    Engine, NoSecrets, Settings,
    git::{Anonymous, OneToken},
};
use bytes::Bytes;
use domain::{BuildId, CommitSha, InstallationId, app::Recipe};
use ports::{
    build_engine::{self, BuildOrder},
    source::{self, credentials},
};
use testkit::{
    fake,
    git::{Access, Change},
};

use crate::world::{World, git_ref, repo};

async fn check_source(world: &World, base: &str) {
    let twin = world.commit(Change::new("first").file("d/a", "some content\n"));
    let commit = world.commit(Change::new("nothing changed"));
    let ground = source::contract::Ground {
        source: world.source_at(base),
        repo: repo(),
        branch: git_ref("main"),
        commit,
        twin,
        path: "d/a".to_owned(),
        content: Bytes::from("some content\n"),
        nowhere: "example/nowhere".parse().unwrap(),
    };
    source::contract::contract(&ground).await;
}

#[tokio::test]
async fn git_over_files_keeps_the_contract_of_sources() {
    let world = World::new();
    check_source(&world, &world.repositories.base_url()).await;
}

#[tokio::test]
async fn git_over_http_keeps_the_contract_of_sources() {
    let world = World::new();
    let server = world.repositories.serve(Access::Anyone).unwrap();
    check_source(&world, &server.base_url()).await;
}

#[tokio::test]
async fn each_keeps_the_contract_of_credentials() {
    let public = credentials::contract::Ground {
        credentials: &Anonymous,
        with: Vec::new(),
        without: vec![repo()],
    };
    credentials::contract::contract(&public).await;
    let private = credentials::contract::Ground {
        credentials: &OneToken("ghp_sesame".into()),
        with: vec![(repo(), "ghp_sesame")],
        without: Vec::new(),
    };
    credentials::contract::contract(&private).await;
}

#[tokio::test]
async fn the_engine_keeps_the_contract_of_build_engines() {
    let world = World::new();
    let order = |number: i64, commit: CommitSha| BuildOrder {
        build: BuildId::new(number),
        app_name: "shop".parse().unwrap(),
        repo: repo(),
        commit,
        recipe: Recipe::default(),
    };
    let without_strategy = world.commit(Change::new("bare").file("a", "1"));
    let good = world.commit(Change::new("good").file("Dockerfile", "FROM busybox:1\n"));
    let change = Change::new("failing").file("Dockerfile", "FROM busybox:1\nRUN false\n");
    let failing = world.commit(change);

    let clock = Arc::new(fake::Clock::default());
    let registry = fake::node::Registry::default();
    let node = fake::Node::new("a".parse().unwrap(), clock, registry);
    let images = node.images(InstallationId::from_bits(1));
    let (secrets, settings) = (Arc::new(NoSecrets), Settings::default());
    let ground = build_engine::contract::Ground {
        engine: Arc::new(Engine::new(world.source(), images, secrets, settings)),
        good: order(1, good),
        failing: order(2, failing),
        without_strategy: order(3, without_strategy),
    };
    build_engine::contract::contract(&ground).await;
}
