//! Builds that take virtual time and end as they were told to.

use super::{
    lock,
    node::{Registry, content_id},
};
use async_trait::async_trait;
use domain::{
    CommitSha, ImageRef,
    build::{DeclaredWorker, Strategy},
};
use ports::{
    build_engine::{BuildOrder, Built, Error, Told},
    images,
};
use std::{collections::BTreeMap, sync::Mutex, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// What comes of building a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub takes: Duration,
    /// An error text: the build fails with it.
    pub outcome: Result<Vec<DeclaredWorker>, String>,
}

/// Builds every commit it was told of, and pushes the image.
pub struct BuildEngine {
    registry: Registry,
    recipes: Mutex<BTreeMap<CommitSha, Recipe>>,
    away: Mutex<Option<Instant>>,
}

impl BuildEngine {
    /// An engine that pushes to this registry.
    #[must_use]
    pub fn pushing_to(registry: Registry) -> Self {
        Self {
            registry,
            recipes: Mutex::default(),
            away: Mutex::default(),
        }
    }

    /// Says what comes of a commit.
    pub fn teach(&self, commit: &CommitSha, recipe: Recipe) {
        lock(&self.recipes).insert(commit.clone(), recipe);
    }

    /// For so long, in virtual time, the Engine cannot be reached.
    pub fn go_away_for(&self, time: Duration) {
        *lock(&self.away) = Some(Instant::now() + time);
    }

    fn is_away(&self) -> bool {
        lock(&self.away).is_some_and(|until| Instant::now() < until)
    }

    /// The image that a commit becomes.
    ///
    /// # Panics
    /// Never: a content id pins an image.
    #[must_use]
    pub fn image_of(commit: &CommitSha) -> ImageRef {
        let id = content_id(commit.as_str().as_bytes());
        let pinned = format!("registry.test/app@{id}");
        pinned.parse().expect("a content id pins an image")
    }
}

#[async_trait]
impl ports::BuildEngine for BuildEngine {
    async fn build(&self, order: &BuildOrder, told: mpsc::Sender<Told>) -> Result<Built, Error> {
        if self.is_away() {
            let gone = "no such file or directory".to_owned();
            return Err(Error::Images(images::Error::Unreachable(gone)));
        }
        let recipe = lock(&self.recipes).get(&order.commit).cloned();
        let Some(recipe) = recipe else {
            return Err(Error::NoStrategy {
                repo: order.repo.clone(),
                dockerfile: order.recipe.dockerfile().to_owned(),
                commit: order.commit.short().to_owned(),
            });
        };
        // Nobody listens any more: the build goes on all the same.
        let _ = told.send(Told::Strategy(Strategy::Dockerfile)).await;
        let say = async |line: String| drop(told.send(Told::Line(line)).await);
        say(format!("building {}", order.commit.short())).await;
        tokio::time::sleep(recipe.takes).await;
        match recipe.outcome {
            Ok(workers) => {
                let image = Self::image_of(&order.commit);
                self.registry.answers().map_err(Error::Images)?;
                self.registry.put(&image);
                say(format!("built {}", image.short())).await;
                Ok(Built { image, workers })
            }
            Err(reason) => {
                say(reason.clone()).await;
                Err(Error::Failed(reason))
            }
        }
    }
}
