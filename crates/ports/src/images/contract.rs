//! What every `Images` does, stated as tests for the fake and for the Docker adapter alike.

use super::{Error, ImageBuild, Images};
use crate::Effect;
use bytes::Bytes;
use domain::ImageRef;
use futures_util::stream::{self, StreamExt};
use std::{collections::BTreeMap, io, sync::Arc};
use tokio::sync::mpsc;

/// A node to test on, with what the tests need of it.
pub struct Ground {
    pub images: Arc<dyn Images>,
    /// A tar stream with a `Dockerfile` that builds, and with a file that nobody else has.
    pub context: Bytes,
    /// A tar stream with a `Dockerfile` whose `RUN false` fails.
    pub failing: Bytes,
    /// Well-formed, on no node and in no registry.
    pub absent: ImageRef,
    /// A name that nobody else takes.
    pub name: String,
    /// Takes a name away again, as a person would.
    pub untag: Box<dyn Fn(&str) + Send + Sync>,
}

/// All of it. Leaves nothing on the node.
///
/// # Panics
/// When the node does otherwise.
pub async fn contract(ground: &Ground) {
    what_is_built_is_ours_until_it_is_removed(ground).await;
    what_nobody_came_to_name_is_removed(ground).await;
    what_is_the_latest_is_ours_and_removed(ground).await;
    a_step_that_fails_fails_the_build(ground).await;
    a_context_that_breaks_off_fails_the_build(ground).await;
    what_is_not_there_is_said_so(ground).await;
    ground.images.disk_use().await.expect("a sum");
}

async fn build(
    ground: &Ground,
    context: Vec<io::Result<Bytes>>,
) -> (Result<ImageRef, Error>, Vec<String>) {
    let (lines, mut read) = mpsc::channel(16);
    let build = ImageBuild {
        context: stream::iter(context).boxed(),
        dockerfile: "Dockerfile".to_owned(),
        labels: BTreeMap::from([("jockey.app".to_owned(), "shop".to_owned())]),
        secrets: BTreeMap::new(),
        lines,
    };
    let reader = async {
        let mut all = Vec::new();
        while let Some(line) = read.recv().await {
            all.push(line);
        }
        all
    };
    tokio::join!(ground.images.build(build), reader)
}

async fn what_is_built_is_ours_until_it_is_removed(ground: &Ground) {
    let (built, lines) = build(ground, vec![Ok(ground.context.clone())]).await;
    let image = built.expect("an image");
    assert!(!lines.is_empty(), "a build tells what it does");
    let facts = ground.images.inspect(image.as_str()).await.expect("facts");
    assert_eq!(facts.id, image);
    let is_ours = async || {
        let own = ground.images.list().await.expect("a list");
        own.iter().any(|own| own.image == image)
    };
    assert!(
        is_ours().await,
        "whoever built it may die before it is named"
    );
    let tag = async |name: &str| ground.images.tag(&image, name).await.expect("a tag");
    let own_name = format!("jockey/contract:678d49f-{}", image.short());
    assert_eq!(tag(&own_name).await, Effect::Done);
    let own = ground.images.list().await.expect("a list");
    let listed = own.iter().find(|own| own.image == image);
    let names = listed.map(|own| own.names.clone()).unwrap_or_default();
    assert!(names.contains(&own_name), "it bears our name: {names:?}");

    assert_eq!(tag(&ground.name).await, Effect::Done);
    assert_eq!(
        ground.images.inspect(&ground.name).await.expect("facts").id,
        image
    );
    assert!(!is_ours().await, "somebody has named it");
    let refused = ground.images.remove(&image).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    (ground.untag)(&ground.name);

    let own = ground.images.list().await.expect("a list");
    let listed = own
        .iter()
        .find(|own| own.image == image)
        .expect("it is ours");
    assert_eq!(
        listed.labels.get("jockey.app").map(String::as_str),
        Some("shop")
    );
    assert_eq!(
        ground.images.remove(&image).await.expect("a removal"),
        Effect::Done
    );
    assert_eq!(
        ground.images.remove(&image).await.expect("a removal"),
        Effect::WasSo
    );
    let gone = ground.images.inspect(image.as_str()).await;
    assert!(matches!(gone, Err(Error::Missing(_))), "{gone:?}");
}

async fn what_nobody_came_to_name_is_removed(ground: &Ground) {
    let (built, _) = build(ground, vec![Ok(ground.context.clone())]).await;
    let image = built.expect("an image");
    let own = ground.images.list().await.expect("a list");
    assert!(own.iter().any(|own| own.image == image), "{own:?}");
    let removed = ground.images.remove(&image).await;
    assert_eq!(removed.expect("a removal"), Effect::Done);
    let gone = ground.images.inspect(image.as_str()).await;
    assert!(matches!(gone, Err(Error::Missing(_))), "{gone:?}");
}

async fn what_is_the_latest_is_ours_and_removed(ground: &Ground) {
    let (built, _) = build(ground, vec![Ok(ground.context.clone())]).await;
    let image = built.expect("an image");
    // A repository that no other run takes.
    let own_name = format!("jockey/contract-{0}:678d49f-{0}", image.short());
    let latest = image.latest_beside(&own_name).expect("a name");
    for name in [&own_name, &latest] {
        let tagged = ground.images.tag(&image, name).await;
        assert_eq!(tagged.expect("a tag"), Effect::Done, "{name}");
    }
    let facts = ground.images.inspect(&latest).await.expect("facts");
    assert_eq!(facts.id, image);
    let own = ground.images.list().await.expect("a list");
    let listed = own.iter().find(|own| own.image == image);
    let names = listed.map(|own| own.names.clone()).unwrap_or_default();
    assert!(names.contains(&latest), "it is ours: {names:?}");
    let removed = ground.images.remove(&image).await;
    assert_eq!(removed.expect("a removal"), Effect::Done);
    let gone = ground.images.inspect(&latest).await;
    assert!(matches!(gone, Err(Error::Missing(_))), "{gone:?}");
}

async fn a_step_that_fails_fails_the_build(ground: &Ground) {
    let (built, _) = build(ground, vec![Ok(ground.failing.clone())]).await;
    assert!(matches!(built, Err(Error::Failed(_))), "{built:?}");
}

async fn a_context_that_breaks_off_fails_the_build(ground: &Ground) {
    let half = ground.context.slice(..512.min(ground.context.len()));
    let broken = io::Error::other("the repository is gone");
    let (built, _) = build(ground, vec![Ok(half), Err(broken)]).await;
    assert!(matches!(built, Err(Error::Context(_))), "{built:?}");
}

async fn what_is_not_there_is_said_so(ground: &Ground) {
    let facts = ground.images.inspect(ground.absent.as_str()).await;
    assert!(matches!(facts, Err(Error::Missing(_))), "{facts:?}");
    let tag = ground.images.tag(&ground.absent, &ground.name).await;
    assert!(matches!(tag, Err(Error::Missing(_))), "{tag:?}");
    let removed = ground.images.remove(&ground.absent).await;
    assert!(matches!(removed, Ok(Effect::WasSo)), "{removed:?}");
}
