//! Which images go, and which stay.

use crate::stage::{Stage, change};
use bytes::Bytes;
use controller::disk::{Mode, collect};
use domain::{GitRef, app::Recipe, build::Wanted};
use futures_util::stream;
use ports::{
    Images,
    images::ImageBuild,
    store::{
        Builds,
        builds::{BuildOutcome, NewBuild},
    },
};
use std::{collections::BTreeMap, time::Duration};

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

/// An image that bears the label of a Build and the name that builds give.
async fn named_image(images: &dyn Images, build: i64) -> domain::ImageRef {
    let (lines, _nobody_reads) = tokio::sync::mpsc::channel(16);
    let order = ImageBuild {
        context: Box::pin(stream::iter([Ok(Bytes::from("FROM busybox:1"))])),
        dockerfile: "Dockerfile".to_owned(),
        labels: BTreeMap::from([("jockey.build".to_owned(), build.to_string())]),
        secrets: BTreeMap::new(),
        lines,
    };
    let image = images.build(order).await.unwrap();
    let name = format!("jockey/shop:678d49f-{}", image.short());
    images.tag(&image, &name).await.unwrap();
    image
}
