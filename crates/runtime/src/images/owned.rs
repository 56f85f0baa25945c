//! Which images are this Installation's: those that bear its label and no name but those that it gave them, those that
//! bear the name of a layer, and the unlabelled layers below them.
//!
//! The label alone says little: what is made `FROM` an image, or of one of its containers by `docker commit`, has it too.
//! A name alone says little as well, where anybody may give it to an image of theirs. So an image needs both; a layer,
//! which cannot have a label, a name that ends in its own id, which is never handed down. What has a name that somebody
//! else gave is not removed; `latest`, beside the name that its build gave an image, is ours.
//!
//! The classic builder leaves an image for each step, without a label, since the labels of a build are put on by its
//! last step. They are found by parentage, and what no image stands on by its name (`layers`). BuildKit leaves none.

use super::{drafts, layers, names, registry, split_name};
use crate::{
    docker::Inner,
    failure::Failure,
    labels::{self, Labels},
    query::Query,
};
use domain::{ByteSize, ImageRef, InstallationId, Timestamp};
use ports::images::OwnedImage;
use serde::Deserialize;
use std::{cmp::Reverse, collections::BTreeMap};

/// One line of the list of images. Engines differ in what else they say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListedImage {
    pub(super) id: String,
    pub(super) parent_id: String,
    pub(super) repo_tags: Option<Vec<String>>,
    pub(super) repo_digests: Option<Vec<String>>,
    /// Seconds since 1970.
    pub(super) created: i64,
    pub(super) size: i64,
    /// Negative or missing: not computed.
    pub(super) shared_size: i64,
    pub(super) labels: Option<Labels>,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(rename = "ImageID")]
    image: String,
    #[serde(rename = "Names", default)]
    names: Vec<String>,
}

impl Inner {
    pub(super) async fn owned_images(&self) -> Result<Vec<OwnedImage>, Failure> {
        let all = self.all_images().await?;
        Ok(owned(all, self.installation)
            .iter()
            .filter_map(|image| image.as_owned(self.installation))
            .collect())
    }

    /// Every image there is, layers of classic builds included, whoever made it.
    pub(super) async fn all_images(&self) -> Result<Vec<ListedImage>, Failure> {
        self.engine.get("/images/json?all=1").await
    }

    /// A container, of anybody, running or not, that is of this image.
    pub(super) async fn user_of(&self, id: &str) -> Result<Option<String>, Failure> {
        let filters = serde_json::json!({"ancestor": [id]});
        let path = Query::default()
            .with("all", "1")
            .with_json("filters", &filters);
        // Of an image that is not there nobody is.
        let users: Vec<User> = match self.engine.get(&path.of("/containers/json")).await {
            Err(failure) if failure.is_missing() => return Ok(None),
            users => users?,
        };
        let user = users.into_iter().find(|user| user.image == id);
        Ok(user.map(|user| user.names.first().cloned().unwrap_or_default()))
    }
}

/// Those of them that are this Installation's, each before what it stands on: in this order they can be removed.
pub(super) fn owned(all: Vec<ListedImage>, installation: InstallationId) -> Vec<ListedImage> {
    let by_id: BTreeMap<String, ListedImage> = all
        .into_iter()
        .map(|image| (image.id.clone(), image))
        .collect();
    let mut found: BTreeMap<&str, &ListedImage> = BTreeMap::new();
    let told = by_id
        .values()
        .filter(|image| image.is_made(installation) || image.is_marked(installation));
    for image in told {
        let mut next = Some(image);
        while let Some(image) = next.filter(|image| !found.contains_key(image.id.as_str())) {
            found.insert(&image.id, image);
            next = by_id
                .get(&image.parent_id)
                .filter(|parent| parent.is_layer());
        }
    }
    let depth = |image: &&ListedImage| {
        let below = std::iter::successors(Some(*image), |image| by_id.get(&image.parent_id));
        Reverse(below.count())
    };
    let mut found: Vec<&ListedImage> = found.into_values().collect();
    found.sort_by_key(depth);
    found.into_iter().cloned().collect()
}

impl ListedImage {
    /// Whether a build of ours made it, here or where it was pulled from.
    fn is_made(&self, installation: InstallationId) -> bool {
        let Ok(image) = self.id.parse::<ImageRef>() else {
            return false;
        };
        let is_labelled = self
            .labels
            .as_ref()
            .is_some_and(|labels| labels::are_of(labels, installation));
        let tags = names(self.repo_tags.iter());
        let (built, others): (Vec<&String>, Vec<&String>) = tags
            .iter()
            .partition(|name| image.is_named_by_its_build(name));
        let pulled = registry::name_of_pulled(&image, installation);
        let latest = built.first().and_then(|name| image.latest_beside(name));
        // Who gives a second name of that form has copied the first to a place of their own.
        let is_ours = |name: &String| {
            *name == pulled || latest.as_ref() == Some(name) || drafts::is_draft(name, installation)
        };
        let are_given = built.len() <= 1 && others.iter().all(|name| is_ours(name));
        is_labelled
            && !tags.is_empty()
            && are_given
            && self.has_digests_of(built.first().map(|name| split_name(name).0), installation)
    }

    /// Whether its digests are all of this repository; of any one, where it was pulled.
    fn has_digests_of(&self, repository: Option<&str>, installation: InstallationId) -> bool {
        let digests = names(self.repo_digests.iter());
        let mut repositories: Vec<&str> = digests
            .iter()
            .filter(|digest| !is_mark(digest, installation))
            .filter_map(|digest| Some(digest.split_once('@')?.0))
            .collect();
        repositories.sort_unstable();
        repositories.dedup();
        match repository {
            Some(own) => repositories.iter().all(|of| *of == own),
            None => repositories.len() <= 1,
        }
    }

    /// Whether a build of ours has left it as a layer. What somebody else has given a name too is ours no more.
    ///
    /// **Invariant:** the names of drafts and of what was pulled say nothing here. They are only ever given to what has
    /// our label: without one it is somebody's image, whatever it is called.
    fn is_marked(&self, installation: InstallationId) -> bool {
        let tags = names(self.repo_tags.iter());
        let is_mark = |name: &String| layers::is_name_of(name, &self.id, installation);
        let repository = layers::repository(installation);
        !tags.is_empty()
            && tags.iter().all(is_mark)
            && self.has_digests_of(Some(&repository), installation)
            && !self.is_of_anybody()
    }

    /// Whether nobody has named it, and no Installation has labelled it: a step of a build.
    fn is_layer(&self) -> bool {
        self.names().is_empty() && !self.is_of_anybody()
    }

    fn is_of_anybody(&self) -> bool {
        let labels = self.labels.as_ref();
        labels.is_some_and(|labels| labels.contains_key(labels::INSTALLATION))
    }

    /// Tags first.
    pub(super) fn names(&self) -> Vec<String> {
        names(self.repo_tags.iter().chain(&self.repo_digests))
    }

    fn as_owned(&self, installation: InstallationId) -> Option<OwnedImage> {
        let labels = self
            .labels
            .iter()
            .flatten()
            .filter(|(name, _)| name.starts_with("jockey."));
        let mut names = self.names();
        names.retain(|name| !is_mark(name, installation));
        Some(OwnedImage {
            image: self.id.parse().ok()?,
            names,
            size: ByteSize::bytes(u64::try_from(self.size).unwrap_or(0)),
            created_at: Timestamp::from_micros(self.created.saturating_mul(1_000_000)),
            labels: labels
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        })
    }
}

/// Whether it is the name of a layer, of a pulled image or of one that has just been built, which means nothing to others.
fn is_mark(name: &str, installation: InstallationId) -> bool {
    let repository = name.split([':', '@']).next();
    repository.is_some_and(|repository| {
        repository == layers::repository(installation)
            || repository == registry::repository_of_pulled(installation)
            || repository == drafts::repository(installation)
    })
}

#[cfg(test)]
mod tests;
