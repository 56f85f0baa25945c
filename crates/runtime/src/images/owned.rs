//! Which images are this Installation's: those that bear its label or the name of a layer, and the unlabelled layers
//! below them.
//!
//! The classic builder leaves an image for each step, without a label, since the labels of a build are put on by its
//! last step. They are found by parentage, and what no image stands on by its name (`layers`). BuildKit leaves none.

use super::{layers, names};
use crate::{
    docker::Inner,
    failure::Failure,
    labels::{self, Labels},
    query::Query,
};
use domain::{ByteSize, InstallationId, Timestamp};
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

    /// Whether it is an unlabelled layer of one of our builds.
    pub(super) async fn is_own_layer(&self, id: &str) -> Result<bool, Failure> {
        let all = self.all_images().await?;
        Ok(owned(all, self.installation)
            .iter()
            .any(|image| image.id == id))
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
        .filter(|image| image.is_labelled(installation) || image.is_marked(installation));
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
    fn is_labelled(&self, installation: InstallationId) -> bool {
        self.labels
            .as_ref()
            .is_some_and(|labels| labels::are_of(labels, installation))
    }

    /// Whether a build of ours has left it. What somebody else has given a name too is ours no more.
    fn is_marked(&self, installation: InstallationId) -> bool {
        let names = self.names();
        let is_mark = |name: &String| is_mark(name, installation);
        !names.is_empty() && names.iter().all(is_mark) && !self.is_of_anybody()
    }

    /// Whether nobody has named it, and no Installation has labelled it: a step of a build.
    fn is_layer(&self) -> bool {
        self.names().is_empty() && !self.is_of_anybody()
    }

    fn is_of_anybody(&self) -> bool {
        let labels = self.labels.as_ref();
        labels.is_some_and(|labels| labels.contains_key(labels::INSTALLATION))
    }

    fn names(&self) -> Vec<String> {
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

/// Whether it is the name of a layer, which means nothing to others.
fn is_mark(name: &str, installation: InstallationId) -> bool {
    name.split_once(':')
        .is_some_and(|(repository, _)| repository == layers::repository(installation))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id<parent label name`, the last two `-` where there is none.
    fn images(text: &str) -> Vec<ListedImage> {
        let image = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let (id, parent) = words[0].split_once('<').unwrap();
            let given = |word: &str| (word != "-").then(|| word.to_owned());
            ListedImage {
                id: id.to_owned(),
                parent_id: parent.to_owned(),
                labels: given(words[1]).map(|id| [(labels::INSTALLATION.to_owned(), id)].into()),
                repo_tags: Some(vec![given(words[2]).unwrap_or("<none>:<none>".to_owned())]),
                ..ListedImage::default()
            }
        };
        text.split(", ").map(image).collect()
    }

    #[test]
    fn what_bears_our_label_or_mark_and_the_layers_below_are_ours() {
        let us = InstallationId::from_bits(1);
        let them = InstallationId::from_bits(2);
        let mark = |installation| layers::repository(installation) + ":x";
        let (our_mark, their_mark) = (mark(us), mark(them));
        for (why, all, want) in [
            ("labelled", format!("a< {us} -, b< - -"), "a"),
            (
                "steps up to the base",
                format!("a<b {us} -, b<c - -, c<d - -, d< - busybox:1"),
                "a b c",
            ),
            (
                "not what others made",
                format!("a<b {us} -, b<c {them} -, c< - -"),
                "a",
            ),
            ("not what is above ours", format!("x<a - -, a< {us} -"), "a"),
            (
                "nor what is named",
                format!("a<b {us} shop:1, b< - mine:1"),
                "a",
            ),
            (
                "what a build of ours left, and what it stands on last",
                format!("c< - -, a<c - -, b<a - {our_mark}, x<c - {their_mark}"),
                "b a c",
            ),
            (
                "below our image too, until its build has come to its end",
                format!("a<b {us} -, b< - {our_mark}"),
                "a b",
            ),
            (
                "not when another has labelled it",
                format!("a< {them} {our_mark}"),
                "",
            ),
        ] {
            let found = owned(images(&all), us);
            let ids: Vec<&str> = found.iter().map(|image| image.id.as_str()).collect();
            assert_eq!(ids.join(" "), want, "{why}");
        }
    }
}
