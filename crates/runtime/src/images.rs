//! `Images`: one node's images.

mod build;
mod disk;
mod drafts;
mod layers;
mod owned;
mod registry;
mod remove;
mod session;

use crate::{
    docker::{Docker, Inner},
    failure::Failure,
    labels::Labels,
};
use async_trait::async_trait;
use bollard::query_parameters::TagImageOptionsBuilder;
use domain::{ByteSize, ImageRef};
use ports::{
    Effect, Images,
    images::{DiskUse, Error, HasHealthcheck, ImageBuild, ImageFacts, OwnedImage},
};
use serde::Deserialize;

#[async_trait]
impl Images for Docker {
    async fn build(&self, build: ImageBuild) -> Result<ImageRef, Error> {
        self.0.while_it_answers(self.0.build(build)).await
    }

    async fn inspect(&self, image: &str) -> Result<ImageFacts, Error> {
        match self.0.look_at_image(image).await? {
            Some(seen) => seen.facts(),
            None => Err(Error::Missing(image.to_owned())),
        }
    }

    async fn tag(&self, image: &ImageRef, name: &str) -> Result<Effect, Error> {
        self.0.tag(image, name).await
    }

    async fn push(&self, name: &str) -> Result<ImageRef, Error> {
        self.0.while_it_answers(self.0.push(name)).await
    }

    async fn pull(&self, image: &ImageRef) -> Result<Effect, Error> {
        self.0.while_it_answers(self.0.pull(image)).await
    }

    async fn list(&self) -> Result<Vec<OwnedImage>, Error> {
        Ok(self.0.owned_images().await?)
    }

    async fn remove(&self, image: &ImageRef) -> Result<Effect, Error> {
        self.0.remove_image(image).await
    }

    async fn disk_use(&self) -> Result<DiskUse, Error> {
        Ok(self.0.disk_use().await?)
    }

    async fn trim_build_cache(&self, keep: ByteSize) -> Result<ByteSize, Error> {
        Ok(self.0.trim_build_cache(keep).await?)
    }
}

/// All about one image.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SeenImage {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    config: Option<Config>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    labels: Option<Labels>,
    healthcheck: Option<Healthcheck>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Healthcheck {
    test: Option<Vec<String>>,
}

impl SeenImage {
    fn facts(self) -> Result<ImageFacts, Error> {
        let healthcheck = self.config.and_then(|config| config.healthcheck?.test);
        let tests = healthcheck
            .is_some_and(|test| !test.is_empty() && test.first().is_none_or(|kind| kind != "NONE"));
        Ok(ImageFacts {
            id: pinned(&self.id)?,
            digests: self.repo_digests.unwrap_or_default(),
            has_healthcheck: if tests {
                HasHealthcheck::Yes
            } else {
                HasHealthcheck::No
            },
        })
    }
}

/// The Engine calls what has no name `<none>:<none>`.
fn names<'a>(listed: impl Iterator<Item = &'a Vec<String>>) -> Vec<String> {
    let given = listed.flatten().filter(|name| !name.contains("<none>"));
    given.cloned().collect()
}

/// The Engine's own text as a pinned image.
fn pinned(text: &str) -> Result<ImageRef, Error> {
    text.parse()
        .map_err(|error| Error::Refused(format!("{error}")))
}

impl Inner {
    /// What there is under this id, digest or name, whoever made it.
    async fn look_at_image(&self, image: &str) -> Result<Option<SeenImage>, Failure> {
        match self.engine.get(&format!("/images/{image}/json")).await {
            Ok(seen) => Ok(Some(seen)),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn tag(&self, image: &ImageRef, name: &str) -> Result<Effect, Error> {
        let Some(seen) = self.look_at_image(image.as_str()).await? else {
            return Err(Error::Missing(image.to_string()));
        };
        let (repository, tag) = split_name(name);
        let full = format!("{repository}:{tag}");
        let has_it = seen.repo_tags.iter().flatten().any(|known| *known == full);
        let effect = match has_it {
            true => Effect::WasSo,
            false => self.add_name(&seen.id, repository, tag).await?,
        };
        if pinned(&seen.id)?.is_named_by_its_build(&full) {
            self.drop_drafts(&seen.repo_tags).await;
        }
        Ok(effect)
    }

    async fn add_name(&self, id: &str, repository: &str, tag: &str) -> Result<Effect, Failure> {
        let options = TagImageOptionsBuilder::new()
            .repo(repository)
            .tag(tag)
            .build();
        let client = self.engine.client().await?;
        client.tag_image(id, Some(options)).await?;
        Ok(Effect::Done)
    }
}

/// A name's repository and tag: the colon of a registry's port is none.
fn split_name(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_at_its_tag() {
        assert_eq!(
            split_name("127.0.0.1:5000/shop"),
            ("127.0.0.1:5000/shop", "latest")
        );
        assert_eq!(
            split_name("127.0.0.1:5000/shop:v1"),
            ("127.0.0.1:5000/shop", "v1")
        );
        assert_eq!(split_name("shop"), ("shop", "latest"));
    }
}
