//! What a classic build leaves besides its image: its earlier stages, and all of it when it fails.
//!
//! No label is on these layers and no image of ours stands on them, so that parentage does not find them. Each is given
//! a name of this Installation as soon as the builder tells that it has made it: kept by the Engine, it outlives us.
//! Those that end up below the image lose it again.

use super::{names, owned::ListedImage, split_name};
use crate::{docker::Inner, failure::Failure, labels::INSTALLATION};
use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use domain::{ImageRef, InstallationId};
use std::collections::{BTreeMap, BTreeSet};

/// The fewest digits of a short id: builders tell twelve.
const SHORT_MIN: usize = 12;

/// The repository of all such names of one Installation. Nothing is ever pushed to it.
pub(super) fn repository(installation: InstallationId) -> String {
    format!("jockey-layer/{installation}")
}

/// Whether it is the name that a layer of this id has. It ends in the short id, as the builder tells it.
pub(super) fn is_name_of(name: &str, id: &str, installation: InstallationId) -> bool {
    let (of, short) = split_name(name);
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    of == repository(installation) && short.len() >= SHORT_MIN && digits.starts_with(short)
}

/// The layers of one build under way.
pub(super) struct Layers<'a> {
    inner: &'a Inner,
    /// What there was before the build: not made by it, whatever its output says.
    before: BTreeSet<String>,
    /// Those that were given a name, by their ids.
    marked: BTreeMap<String, String>,
}

impl<'a> Layers<'a> {
    pub(super) async fn watch(inner: &'a Inner) -> Result<Self, Failure> {
        let before = inner.all_images().await?;
        Ok(Self {
            inner,
            before: before.into_iter().map(|image| image.id).collect(),
            marked: BTreeMap::new(),
        })
    }

    /// Gives a layer its name, by the short id that the builder tells. What has a name already is an image of
    /// somebody, such as the base that this build has fetched. What has an Installation's label needs none: it is the
    /// build's image, which would go with the only name that it has.
    pub(super) async fn mark(&mut self, short: &str) -> Result<(), Failure> {
        let Some(seen) = self.inner.look_at_image(short).await? else {
            return Ok(());
        };
        let named = names(seen.repo_tags.iter().chain(&seen.repo_digests));
        let labels = seen.config.and_then(|config| config.labels);
        let is_labelled = labels.is_some_and(|labels| labels.contains_key(INSTALLATION));
        if self.before.contains(&seen.id) || !named.is_empty() || is_labelled {
            return Ok(());
        }
        let repository = repository(self.inner.installation);
        let options = TagImageOptionsBuilder::new()
            .repo(&repository)
            .tag(short)
            .build();
        let client = self.inner.engine.client().await?;
        client.tag_image(&seen.id, Some(options)).await?;
        self.marked.insert(seen.id, format!("{repository}:{short}"));
        Ok(())
    }

    /// Takes the names off the layers that the image stands on: its own label speaks for them.
    pub(super) async fn settle(self, image: &ImageRef) -> Result<(), Failure> {
        let all: BTreeMap<String, ListedImage> = self
            .inner
            .all_images()
            .await?
            .into_iter()
            .map(|image| (image.id.clone(), image))
            .collect();
        let client = self.inner.engine.client().await?;
        let mut next = all.get(image.as_str());
        while let Some(image) = next {
            if let Some(name) = self.marked.get(&image.id) {
                let options = RemoveImageOptionsBuilder::new().noprune(true).build();
                client.remove_image(name, Some(options), None).await?;
            }
            next = all.get(&image.parent_id);
        }
        Ok(())
    }
}
