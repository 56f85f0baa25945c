//! Which images are this Installation's: those that bear its label, and the unlabelled layers below them.
//!
//! The classic builder leaves an image for each step, without a label, since the labels of a build are put on by its
//! last step. They are found by parentage. BuildKit leaves none.

use crate::{
    docker::Inner,
    failure::Failure,
    labels::{self, Labels},
    query::Query,
};
use domain::{ByteSize, InstallationId, Timestamp};
use ports::images::OwnedImage;
use serde::Deserialize;
use std::collections::BTreeMap;

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
        let all: Vec<ListedImage> = self.engine.get("/images/json?all=1").await?;
        Ok(owned(all, self.installation)
            .iter()
            .filter_map(ListedImage::as_owned)
            .collect())
    }

    /// Whether it is an unlabelled layer of one of our builds.
    pub(super) async fn is_own_layer(&self, id: &str) -> Result<bool, Failure> {
        let all: Vec<ListedImage> = self.engine.get("/images/json?all=1").await?;
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

/// Those of them that are this Installation's, in order of id.
pub(super) fn owned(all: Vec<ListedImage>, installation: InstallationId) -> Vec<ListedImage> {
    let by_id: BTreeMap<String, ListedImage> = all
        .into_iter()
        .map(|image| (image.id.clone(), image))
        .collect();
    let mut found: BTreeMap<&str, &ListedImage> = BTreeMap::new();
    let labelled = by_id
        .values()
        .filter(|image| image.is_labelled(installation));
    for image in labelled {
        let mut next = Some(image);
        while let Some(image) = next.filter(|image| !found.contains_key(image.id.as_str())) {
            found.insert(&image.id, image);
            next = by_id
                .get(&image.parent_id)
                .filter(|parent| parent.is_layer());
        }
    }
    found.into_values().cloned().collect()
}

impl ListedImage {
    fn is_labelled(&self, installation: InstallationId) -> bool {
        self.labels
            .as_ref()
            .is_some_and(|labels| labels::are_of(labels, installation))
    }

    /// Whether nobody has named it, and no Installation has labelled it: a step of a build.
    fn is_layer(&self) -> bool {
        let labelled = self
            .labels
            .as_ref()
            .is_some_and(|labels| labels.contains_key(labels::INSTALLATION));
        self.names().is_empty() && !labelled
    }

    /// The Engine calls what has none `<none>:<none>`.
    fn names(&self) -> Vec<String> {
        let all = self.repo_tags.iter().chain(&self.repo_digests).flatten();
        all.filter(|name| !name.contains("<none>"))
            .cloned()
            .collect()
    }

    fn as_owned(&self) -> Option<OwnedImage> {
        let labels = self
            .labels
            .iter()
            .flatten()
            .filter(|(name, _)| name.starts_with("jockey."));
        Some(OwnedImage {
            image: self.id.parse().ok()?,
            names: self.names(),
            size: ByteSize::bytes(u64::try_from(self.size).unwrap_or(0)),
            created_at: Timestamp::from_micros(self.created.saturating_mul(1_000_000)),
            labels: labels
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        })
    }
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
    fn the_unlabelled_layers_below_ours_are_ours() {
        let us = InstallationId::from_bits(1);
        let them = InstallationId::from_bits(2);
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
        ] {
            let found = owned(images(&all), us);
            let ids: Vec<&str> = found.iter().map(|image| image.id.as_str()).collect();
            assert_eq!(ids.join(" "), want, "{why}");
        }
    }
}
