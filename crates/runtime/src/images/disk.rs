//! What is held on the node's disk.

use super::owned::{ListedImage, owned};
use crate::{
    docker::Inner,
    failure::Failure,
    labels::{self, Labels},
    query::Query,
};
use domain::ByteSize;
use ports::images::DiskUse;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it is waited for whoever else asks an Engine what it holds, and how often it is asked again meanwhile.
const OTHERS: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// The part of `/system/df` that is read. Up to API 1.51 the lists stand at the top, from 1.52 on each is in an
/// object of its own, with the sum beside it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Usage {
    layers_size: i64,
    images: Option<Vec<ListedImage>>,
    containers: Option<Vec<Container>>,
    build_cache: Option<Vec<Cached>>,
    image_usage: Kind<ListedImage>,
    container_usage: Kind<Container>,
    build_cache_usage: Kind<Cached>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Kind<T> {
    total_size: i64,
    items: Option<Vec<T>>,
}

impl<T> Default for Kind<T> {
    fn default() -> Self {
        Self {
            total_size: 0,
            items: None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    size_rw: i64,
    labels: Option<Labels>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Cached {
    size: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Trimmed {
    space_reclaimed: i64,
}

impl Inner {
    /// BuildKit's cache tells nobody's from ours, so it is given as a whole.
    pub(super) async fn disk_use(&self) -> Result<DiskUse, Failure> {
        let usage = self.usage().await?;
        let images = usage.images.or(usage.image_usage.items).unwrap_or_default();
        let containers = usage
            .containers
            .or(usage.container_usage.items)
            .unwrap_or_default();
        let cached = usage.build_cache.unwrap_or_default();
        let own = |labels: &Option<Labels>| {
            labels
                .as_ref()
                .is_some_and(|labels| labels::are_of(labels, self.installation))
        };
        // What they alone hold: a base that others use as well does not go with them.
        let own_images = owned(images, self.installation);
        let alone = own_images
            .iter()
            .map(|image| image.size - image.shared_size.max(0));
        let written = containers
            .iter()
            .filter(|one| own(&one.labels))
            .map(|one| one.size_rw);
        let cache: i64 = cached.iter().map(|one| one.size).sum();
        Ok(DiskUse {
            images: size(usage.layers_size.max(usage.image_usage.total_size)),
            own_images: size(alone.sum()),
            own_instances: size(written.sum()),
            build_cache: size(cache.max(usage.build_cache_usage.total_size)),
        })
    }

    /// Up to release 20.10 an Engine tells it to one asker at a time, and refuses all others.
    async fn usage(&self) -> Result<Usage, Failure> {
        let began = Instant::now();
        loop {
            let told: Result<Usage, Failure> = self.engine.get("/system/df?verbose=1").await;
            match told {
                Err(failure) if is_told_to_another(&failure) && began.elapsed() < OTHERS => {
                    sleep(ASK_AGAIN).await;
                }
                told => return told,
            }
        }
    }
}

fn is_told_to_another(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { message, .. } if message.contains("disk usage operation is already running"))
}

impl Inner {
    /// By the word of older Engines, and by that of API 1.48 and later.
    pub(super) async fn trim_build_cache(&self, keep: ByteSize) -> Result<ByteSize, Failure> {
        let keep = keep.as_bytes().to_string();
        let path = Query::default()
            .with("all", "1")
            .with("keep-storage", &keep)
            .with("reserved-space", &keep)
            .of("/build/prune");
        let trimmed: Trimmed = self.engine.wait(&path).await?;
        Ok(size(trimmed.space_reclaimed))
    }
}

fn size(bytes: i64) -> ByteSize {
    ByteSize::bytes(u64::try_from(bytes).unwrap_or(0))
}
