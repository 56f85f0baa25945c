use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{GitRef, ImageRef, app::Builder};
use ports::{
    BuildEngine, Images, Source,
    build_engine::{BuildOrder, Built, Error, Told},
    images::{self, ImageBuild},
};
use secrecy::SecretString;
use tokio::sync::mpsc;

use crate::{
    context,
    lines::{Lines, Mask},
    naming::image_name,
    secrets::BuildSecrets,
    strategy::Strategy,
    tree::Tree,
    workers,
};

/// How long it may take to call an image the latest: a build that is done does not wait for a registry that hangs.
const LATEST: Duration = Duration::from_secs(60);

/// What a server's operator chooses.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What builds commits without a Dockerfile, of Apps that name no builder.
    pub default_builder: Option<Builder>,
    /// Where images are pushed: a registry's address, and a path below it where one is wanted
    /// (`127.0.0.1:5000/team`). None: they stay on the node that built them.
    pub registry: Option<String>,
}

/// Builds commits of one host's repositories on one node.
///
/// An image gets a name, so that nobody takes it for dangling: `jockey/<app>:<commit>-<image>`, seven and twelve digits,
/// or the same below the registry's address. It is pinned by its id, or by its digest where it was pushed. That of the
/// default branch's tip is called `latest` as well, for people and for clients of old; nothing of ours goes by that.
pub struct Engine {
    source: Arc<dyn Source>,
    images: Arc<dyn Images>,
    secrets: Arc<dyn BuildSecrets>,
    settings: Settings,
}

impl Engine {
    /// Fetches from `source` and builds on the node of `images`.
    #[must_use]
    pub fn new(
        source: Arc<dyn Source>,
        images: Arc<dyn Images>,
        secrets: Arc<dyn BuildSecrets>,
        settings: Settings,
    ) -> Self {
        Self {
            source,
            images,
            secrets,
            settings,
        }
    }

    fn secrets_of(&self, order: &BuildOrder) -> Result<BTreeMap<String, SecretString>, Error> {
        let find = |name: &String| match self.secrets.find(name) {
            Some(value) => Ok((name.clone(), value)),
            None => Err(Error::SecretMissing(name.clone())),
        };
        order.recipe.secrets.iter().map(find).collect()
    }

    /// Names the image, and pushes it where a registry is configured.
    async fn publish(
        &self,
        order: &BuildOrder,
        image: ImageRef,
        lines: &Lines,
    ) -> Result<ImageRef, Error> {
        let registry = self.settings.registry.as_deref();
        let name = image_name(registry, &order.app_name, &order.commit, &image);
        let tagged = self.images.tag(&image, &name).await;
        tagged.map_err(Error::Images)?;
        let pinned = match registry {
            Some(_) => {
                lines.say(format!("pushing {name}")).await;
                self.images.push(&name).await.map_err(Error::Images)?
            }
            None => image.clone(),
        };
        if let Some(latest) = image.latest_beside(&name) {
            let called = self.call_latest(order, &image, &latest, lines);
            let why = match tokio::time::timeout(LATEST, called).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("that takes longer than {LATEST:?}")),
            };
            if let Some(why) = why {
                let line = format!("{latest} stays where it is: {why}");
                lines.say(line).await;
            }
        }
        Ok(pinned)
    }

    /// Whether a name is free, or on an image of ours.
    async fn may_take(&self, name: &str) -> Result<bool, images::Error> {
        let bearer = match self.images.inspect(name).await {
            Ok(bearer) => bearer.id,
            Err(images::Error::Missing(_)) => return Ok(true),
            Err(error) => return Err(error),
        };
        let own = self.images.list().await?;
        Ok(own.iter().any(|one| one.image == bearer))
    }

    /// Calls an image the latest of its App, if its commit is the tip of the default branch by now. That this cannot be
    /// done is no reason to fail a build: nothing of ours needs the name.
    async fn call_latest(
        &self,
        order: &BuildOrder,
        image: &ImageRef,
        latest: &str,
        lines: &Lines,
    ) -> Result<(), Error> {
        let tip = self.source.resolve(&order.repo, &GitRef::head()).await?;
        if tip != order.commit {
            return Ok(());
        }
        if !self.may_take(latest).await.map_err(Error::Images)? {
            let line = format!("{latest} stays where it is: somebody else has given that name");
            lines.say(line).await;
            return Ok(());
        }
        let tagged = self.images.tag(image, latest).await;
        tagged.map_err(Error::Images)?;
        if self.settings.registry.is_some() {
            lines.say(format!("pushing {latest}")).await;
            let pushed = self.images.push(latest).await;
            pushed.map_err(Error::Images)?;
        }
        Ok(())
    }
}

#[async_trait]
impl BuildEngine for Engine {
    #[tracing::instrument(skip_all, fields(build = %order.build, app = %order.app_name, commit = order.commit.short()))]
    async fn build(&self, order: &BuildOrder, told: mpsc::Sender<Told>) -> Result<Built, Error> {
        let lines = Lines(told);
        let secrets = self.secrets_of(order)?;
        let mask = Mask::of(secrets.values());
        let (repo, commit) = (&order.repo, &order.commit);

        lines
            .say(format!("fetching {repo} at {}", commit.short()))
            .await;
        self.source.fetch(repo, commit).await?;
        let tree = Tree::read(&*self.source, order).await?;
        let default_builder = self.settings.default_builder.as_ref();
        let strategy = Strategy::choose(order, &tree, default_builder)?;
        lines.chosen(strategy.recorded()).await;
        let workers = workers::declared(&tree, &strategy)?;
        let rules = context::rules(&tree, &strategy)?;
        if tree.submodules.is_some() {
            let line = "this repository has submodules, which are not fetched";
            lines.say(line).await;
        }

        lines.say(format!("using {}", strategy.describe())).await;
        let archive = self.source.archive(repo, commit).await?;
        let build = |told| {
            self.images.build(ImageBuild {
                context: context::stream(archive, rules),
                dockerfile: strategy.dockerfile().to_owned(),
                labels: labels(order),
                secrets,
                lines: told,
            })
        };
        let image = lines.pass_on(&mask, build).await;
        let image = image.map_err(|error| of_build(error, &mask))?;
        let image = self.publish(order, image, &lines).await?;
        lines.say(format!("built {image}")).await;
        Ok(Built { image, workers })
    }
}

fn labels(order: &BuildOrder) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("jockey.app".to_owned(), order.app_name.to_string()),
        ("jockey.build".to_owned(), order.build.number().to_string()),
        ("jockey.commit".to_owned(), order.commit.to_string()),
    ])
}

fn of_build(error: images::Error, mask: &Mask) -> Error {
    match error {
        images::Error::Failed(how) => Error::Failed(mask.apply(how)),
        images::Error::Interrupted(how) => {
            Error::Images(images::Error::Interrupted(mask.apply(how)))
        }
        images::Error::Refused(how) => Error::Images(images::Error::Refused(mask.apply(how))),
        other => Error::Images(other),
    }
}
