//! Which images go, and which stay.

use crate::stage::{Stage, change, web};
use bytes::Bytes;
use controller::disk::{Mode, collect};
use domain::{ByteSize, CommitSha, DeployState, GitRef, RepoName, app::Recipe, build::Wanted};
use futures_util::stream;
use ports::{
    Images,
    images::ImageBuild,
    store::{
        Apps, Builds,
        builds::{BuildOutcome, NewBuild},
        deploys::OnConflict,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use testkit::fake::{BuildEngine, node::Behaviour};

#[tokio::test(start_paused = true)]
async fn an_old_image_stays_until_the_build_that_makes_it_is_done() {
    let stage = Stage::new().await;
    let new = NewBuild {
        app: stage.app,
        git_ref: GitRef::head(),
        commit: "678d49f0".repeat(5).parse().unwrap(),
        recipe: Recipe::default(),
        wanted: Wanted::ByItself,
    };
    let build = stage.store.request_build(new, &change()).await.unwrap();
    let build = build.into_build().id;
    let node = stage.deps.fleet.nodes().remove(0);
    let images = stage.deps.fleet.images(&node).unwrap();
    let image = named_image(&*images, build.number()).await;
    // As old as one that is made of cached layers.
    tokio::time::sleep(stage.deps.settings.image_grace + Duration::from_secs(1)).await;

    assert_eq!(
        collect(&stage.deps, None, Mode::Run).await.unwrap().len(),
        0
    );
    let reason = "for a test".to_owned();
    let failed = BuildOutcome::Failed { reason };
    let store = &stage.store;
    store
        .finish_build(build, failed, None, &change())
        .await
        .unwrap();
    let collected = collect(&stage.deps, None, Mode::Run).await.unwrap();
    let collected: Vec<_> = collected.into_iter().map(|one| one.image.image).collect();
    assert_eq!(collected, [image]);
}

#[tokio::test(start_paused = true)]
async fn the_build_cache_is_trimmed_where_it_is_said_to_be_ours_alone() {
    for (limit, left) in [(None, 900), (Some(300), 300), (Some(1_000), 900)] {
        let mut stage = Stage::new().await;
        let mut settings = (*stage.deps.settings).clone();
        settings.build_cache = limit.map(ByteSize::bytes);
        stage.deps.settings = Arc::new(settings);
        stage.node.cache(ByteSize::bytes(900));
        let _server = stage.start();
        tokio::time::sleep(2 * stage.deps.settings.collect_every).await;
        let node = stage.deps.fleet.nodes().remove(0);
        let images = stage.deps.fleet.images(&node).unwrap();
        let held = images.disk_use().await.unwrap();
        assert_eq!(held.build_cache.as_bytes(), left, "{limit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_copy_of_a_repository_goes_when_no_app_names_it() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let commit: CommitSha = stage.commit(1, vec![web(1)], Behaviour::default());
    let repo: RepoName = "shop/api".parse().unwrap();
    let source = &stage.deps.source;
    source.fetch(&repo, &commit).await.unwrap();
    let cleaned = || tokio::time::sleep(2 * stage.deps.settings.collect_every);
    cleaned().await;
    assert_eq!(source.copies().await.unwrap(), [repo].into());
    stage.store.delete_app(stage.app, &change()).await.unwrap();
    cleaned().await;
    assert_eq!(source.copies().await.unwrap(), [].into());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_nobody_came_to_name_goes_once_its_build_is_done() {
    let stage = Stage::new().await;
    let node = stage.deps.fleet.nodes().remove(0);
    let images = stage.deps.fleet.images(&node).unwrap();
    let image = nameless_image(&*images, 7).await;
    let collected = async || {
        let collected = collect(&stage.deps, None, Mode::Run).await.unwrap();
        let ids = collected.into_iter().map(|one| one.image.image);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(collected().await, [], "it is young");
    tokio::time::sleep(stage.deps.settings.image_grace + Duration::from_secs(1)).await;
    assert_eq!(collected().await, [image]);
}

#[tokio::test(start_paused = true)]
async fn old_images_go_by_themselves_where_a_server_runs() {
    let mut stage = Stage::new().await;
    let mut settings = (*stage.deps.settings).clone();
    settings.retained_releases = 1;
    stage.deps.settings = Arc::new(settings);
    let _server = stage.start();
    let mut images = BTreeSet::new();
    let mut newest = String::new();
    for number in 1..=3 {
        let commit = stage.commit(number, vec![web(1)], Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
        newest = BuildEngine::image_of(&commit).short().to_owned();
        images.insert(newest.clone());
    }
    let node = stage.deps.fleet.nodes().remove(0);
    let of_node = stage.deps.fleet.images(&node).unwrap();
    let there = async || {
        let all = of_node.list().await.unwrap().into_iter();
        all.map(|image| image.image.short().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let cleaned = || tokio::time::sleep(2 * stage.deps.settings.collect_every);
    cleaned().await;
    assert_eq!(there().await, images, "they are young");
    tokio::time::sleep(stage.deps.settings.image_grace).await;
    cleaned().await;
    assert_eq!(there().await, [newest].into());
}

/// An image that bears the label of a Build and the name that builds give.
async fn named_image(images: &dyn Images, build: i64) -> domain::ImageRef {
    let image = nameless_image(images, build).await;
    let name = format!("jockey/shop:678d49f-{}", image.short());
    images.tag(&image, &name).await.unwrap();
    image
}

/// An image as its server leaves it that dies before it names it.
async fn nameless_image(images: &dyn Images, build: i64) -> domain::ImageRef {
    let (lines, _nobody_reads) = tokio::sync::mpsc::channel(16);
    let order = ImageBuild {
        context: Box::pin(stream::iter([Ok(Bytes::from("FROM busybox:1"))])),
        dockerfile: "Dockerfile".to_owned(),
        labels: BTreeMap::from([("jockey.build".to_owned(), build.to_string())]),
        secrets: BTreeMap::new(),
        lines,
    };
    images.build(order).await.unwrap()
}
