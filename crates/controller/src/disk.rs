//! Disks: what is held and by what, and the removal of images that nothing needs.

use crate::{
    Error,
    deps::{Deps, Settings},
};
use domain::{BuildId, BuildState, ByteSize, NodeName, Timestamp, image::ImageRef};
use futures_util::future::join_all;
use ports::{
    Images,
    catalog::Pool,
    images::{self, DiskUse, OwnedImage},
    store::{self, Change, Page, deploys::KeptImage},
};
use std::{collections::BTreeSet, time::Duration};

/// The label of an image that says which Build has made it, by number.
const BUILD_LABEL: &str = "jockey.build";

/// How long a node may take to trim its build cache: it may have gigabytes to remove.
const TRIM: Duration = Duration::from_secs(5 * 60);

/// Whether anything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Preview,
    Run,
}

/// What one node holds.
#[derive(Debug, Clone)]
pub struct NodeDisk {
    pub node: NodeName,
    /// None: it does not answer.
    pub held: Option<Held>,
}

/// What a node that answers holds.
#[derive(Debug, Clone)]
pub struct Held {
    pub total: DiskUse,
    pub images: Vec<HeldImage>,
}

/// An image of this Installation, and what needs it.
#[derive(Debug, Clone)]
pub struct HeldImage {
    pub image: OwnedImage,
    /// Empty: nothing does.
    pub needed_by: Vec<String>,
}

/// An image that was, or would be, removed.
#[derive(Debug, Clone)]
pub struct Collected {
    pub node: NodeName,
    pub image: OwnedImage,
}

/// What each node holds, in order of name.
///
/// # Errors
/// Those of the database and of the catalog. A node that does not answer is told as such.
pub async fn usage(deps: &Deps) -> Result<Vec<NodeDisk>, Error> {
    let kept = &needs(deps).await?;
    let looks = nodes(deps).await?.into_iter().map(|node| async move {
        let held = look(deps, &node, kept).await;
        if let Err(error) = &held {
            tracing::warn!(%node, %error, "what the node holds is not known");
        }
        NodeDisk {
            node,
            held: held.ok(),
        }
    });
    Ok(join_all(looks).await)
}

async fn look(deps: &Deps, node: &NodeName, kept: &[KeptImage]) -> Result<Held, images::Error> {
    let images = deps.fleet.images(node);
    let images = images.map_err(|error| images::Error::Unreachable(error.to_string()))?;
    held(&*images, &with_runs(deps, node, kept).await).await
}

async fn held(images: &dyn Images, kept: &[KeptImage]) -> Result<Held, images::Error> {
    let total = images.disk_use().await?;
    let owned = images.list().await?.into_iter();
    let images = owned.map(|image| HeldImage {
        needed_by: needed_by(&image, kept),
        image,
    });
    Ok(Held {
        total,
        images: images.collect(),
    })
}

/// Removes the images of this Installation that nothing reaches and that are older than `image_grace`; on one node, where
/// it is named. One that is still used by a container is refused by its node, and stays.
///
/// # Errors
/// Those of the database and of the catalog. What a node refuses is told in the log and tried again next time.
pub async fn collect(
    deps: &Deps,
    only: Option<&NodeName>,
    mode: Mode,
) -> Result<Vec<Collected>, Error> {
    let kept = needs(deps).await?;
    let now = deps.clock.now();
    let mut collected = Vec::new();
    for node in nodes(deps).await? {
        if only.is_some_and(|only| *only != node) {
            continue;
        }
        let Ok(images) = deps.fleet.images(&node) else {
            continue;
        };
        let kept = with_runs(deps, &node, &kept).await;
        let owned = match images.list().await {
            Ok(owned) => owned,
            Err(error) => {
                tracing::warn!(%node, %error, "the node's images cannot be listed");
                continue;
            }
        };
        let mut unneeded = Vec::new();
        for image in owned {
            let is_young = now.since(image.created_at) < grace(&deps.settings, &image);
            if !is_young
                && needed_by(&image, &kept).is_empty()
                && !is_being_built(deps, &image).await?
            {
                unneeded.push(image);
            }
        }
        if mode == Mode::Run && !unneeded.is_empty() {
            // On record first: a Deploy must not count on an image that is gone.
            unneeded = give_up(deps, &node, unneeded).await?;
        }
        for image in unneeded {
            if mode == Mode::Run
                && let Err(error) = images.remove(&image.image).await
            {
                tracing::debug!(%node, image = image.image.short(), %error, "the image stays");
                continue;
            }
            collected.push(Collected {
                node: node.clone(),
                image,
            });
        }
    }
    Ok(collected)
}

/// Takes what is beyond the limit out of the build cache of every node, where there is one. Answers how much has gone.
///
/// # Errors
/// Those of the database and of the catalog. A node that does not answer is told in the log, and trimmed next time.
pub async fn trim(deps: &Deps) -> Result<ByteSize, Error> {
    let Some(keep) = deps.settings.build_cache else {
        return Ok(ByteSize::default());
    };
    let trims = nodes(deps).await?.into_iter().map(|node| async move {
        let trimmed = async {
            let images = deps.fleet.images(&node);
            let images = images.map_err(|error| images::Error::Unreachable(error.to_string()))?;
            images.trim_build_cache(keep).await
        };
        let late = || images::Error::Unreachable(format!("no answer within {TRIM:?}"));
        let trimmed = tokio::time::timeout(TRIM, trimmed).await;
        match trimmed.unwrap_or_else(|_| Err(late())) {
            Ok(gone) => gone.as_bytes(),
            Err(error) => {
                tracing::warn!(%node, %error, "the node's build cache stays as it is");
                0
            }
        }
    });
    Ok(ByteSize::bytes(join_all(trims).await.into_iter().sum()))
}

/// How old it has to be. A build under way needs its earlier stages, unlabelled layers that nothing stands on yet.
fn grace(settings: &Settings, image: &OwnedImage) -> Duration {
    match image.labels.is_empty() {
        true => settings.image_grace.max(settings.build_deadline),
        false => settings.image_grace,
    }
}

/// Whether the Build that makes it is not done. Of layers that are cached an image may be made that is old at once.
async fn is_being_built(deps: &Deps, image: &OwnedImage) -> Result<bool, Error> {
    let number = image.labels.get(BUILD_LABEL);
    let Some(number) = number.and_then(|number| number.parse().ok()) else {
        return Ok(false);
    };
    let build = deps.store.find_build(BuildId::new(number)).await?;
    Ok(build.is_some_and(|build| build.state == BuildState::InProgress))
}

/// Their Builds serve no request any more: by their ids, and by every digest under which a Build may have recorded them.
/// Minutes may have gone by since it was found that nothing needs them, so the database looks again. Answers those that
/// nothing needs by now either.
async fn give_up(
    deps: &Deps,
    node: &NodeName,
    mut unneeded: Vec<OwnedImage>,
) -> Result<Vec<OwnedImage>, store::Error> {
    let change = Change {
        actor: "jockey".to_owned(),
        at: deps.clock.now(),
        message: format!("{} images on {node} go: nothing needs them", unneeded.len()),
        request: None,
        origin: ports::store::Origin::Server,
    };
    let known = |image: &OwnedImage| {
        let names = image.names.iter().filter_map(|name| name.parse().ok());
        std::iter::once(image.image.clone())
            .chain(names)
            .collect::<Vec<ImageRef>>()
    };
    let all: Vec<ImageRef> = unneeded.iter().flat_map(known).collect();
    let retained = deps.settings.retained_releases;
    let store = &deps.store;
    let kept = store
        .give_up_images(&all, retained, recent(deps), &change)
        .await?;
    unneeded.retain(|image| needed_by(image, &kept).is_empty());
    Ok(unneeded)
}

async fn needs(deps: &Deps) -> Result<Vec<KeptImage>, Error> {
    Ok(deps
        .store
        .kept_images(deps.settings.retained_releases, recent(deps))
        .await?)
}

/// What is needed anywhere, and what the one-off runs of a node need there. One that does not tell of its runs keeps the
/// images of them by itself: they are used.
async fn with_runs(deps: &Deps, node: &NodeName, kept: &[KeptImage]) -> Vec<KeptImage> {
    let listed = async { deps.fleet.runtime(node).ok()?.runs().await.ok() };
    let listed = tokio::time::timeout(deps.settings.list_deadline, listed).await;
    let runs = listed.ok().flatten().unwrap_or_default();
    let of_runs = runs.into_iter().filter_map(|run| {
        Some(KeptImage {
            image: run.image?,
            needed_by: run.run.to_string(),
        })
    });
    kept.iter().cloned().chain(of_runs).collect()
}

/// Since when a Build keeps its image for being new.
fn recent(deps: &Deps) -> Timestamp {
    deps.clock.now() - deps.settings.image_grace
}

fn needed_by(image: &OwnedImage, kept: &[KeptImage]) -> Vec<String> {
    let is_it = |kept: &&KeptImage| {
        kept.image == image.image || image.names.iter().any(|n| n == kept.image.as_str())
    };
    kept.iter()
        .filter(is_it)
        .map(|kept| kept.needed_by.clone())
        .collect()
}

/// Every node of every pool, and those that are known without one, once.
pub(crate) async fn nodes(deps: &Deps) -> Result<Vec<NodeName>, Error> {
    let stacks = deps.store.list_stacks("", Page::ALL).await?.items;
    let mut names: BTreeSet<_> = deps.fleet.nodes().into_iter().collect();
    for environment in deps.store.list_environments("", Page::ALL).await?.items {
        for stack in &stacks {
            let pool = Pool {
                environment: environment.id,
                environment_name: environment.name.clone(),
                stack: stack.id,
                stack_name: stack.name.clone(),
            };
            let members = deps.catalog.nodes(&pool).await?;
            names.extend(members.into_iter().map(|node| node.name));
        }
    }
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_layer_is_left_alone_as_long_as_a_build_may_take() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let mut settings = Settings::named("here".to_owned());
        (settings.image_grace, settings.build_deadline) = (minutes(5), minutes(30));
        let mut image = OwnedImage {
            image: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
            names: Vec::new(),
            size: ByteSize::default(),
            created_at: Timestamp::EPOCH,
            labels: BTreeMap::new(),
        };
        assert_eq!(grace(&settings, &image), minutes(30), "a layer");
        image.labels.insert("jockey.app".to_owned(), "1".to_owned());
        assert_eq!(grace(&settings, &image), minutes(5), "a finished image");
        settings.image_grace = minutes(60);
        image.labels.clear();
        assert_eq!(grace(&settings, &image), minutes(60), "never sooner");
    }
}
