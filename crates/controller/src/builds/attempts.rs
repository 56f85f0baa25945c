//! Tries of one Build, until one of them says how it ends.
//!
//! A host of git or a registry that does not answer has some chances: time enough to be started again. So has a builder that
//! breaks off though no step has failed. The Engine is what builds, so that without it there is nothing to do but wait: it may take
//! all the time that the build has, and spends no chance.

use super::BEFORE_RETRY;
use crate::deps::Deps;
use domain::{App, Build};
use ports::{
    build_engine::{BuildOrder, Error, Told},
    store::{Fence, builds::BuildOutcome},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;

/// How often a build is tried whose host of git or registry does not answer, or whose builder breaks off.
const CHANCES: u32 = 6;
/// The longest time between two tries.
const LONGEST: Duration = Duration::from_secs(15);

/// The tries of one Build.
pub(super) struct Attempts<'a> {
    deps: &'a Deps,
    fence: &'a Fence,
    build: &'a Build,
    /// What did not answer at the last try, while the next one is waited for.
    waits_for: Mutex<Option<String>>,
}

impl<'a> Attempts<'a> {
    pub(super) fn of(deps: &'a Deps, fence: &'a Fence, build: &'a Build) -> Self {
        Self {
            deps,
            fence,
            build,
            waits_for: Mutex::default(),
        }
    }

    /// What it waits for just now, for people. None: it builds.
    pub(super) fn waits_for(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Tries until there is an image, or no hope of one. What is told goes to `told` as it comes.
    pub(super) async fn run(&self, told: mpsc::Sender<Told>) -> BuildOutcome {
        let app = match self.app().await {
            Ok(app) => app,
            Err(outcome) => return outcome,
        };
        let order = BuildOrder {
            build: self.build.id,
            app_name: app.name,
            repo: app.repo,
            commit: self.build.commit.clone(),
            recipe: self.build.recipe.clone(),
        };
        let (mut chances, mut looks) = (CHANCES, 0);
        loop {
            let error = match self.deps.engine.build(&order, told.clone()).await {
                Ok(built) => {
                    return BuildOutcome::Completed {
                        image: built.image,
                        workers: built.workers,
                    };
                }
                Err(error) => error,
            };
            let pause = if error.is_engine_away() {
                looks += 1;
                pause_after(looks)
            } else {
                looks = 0;
                chances -= 1;
                pause_after(CHANCES - chances)
            };
            if !error.is_transient() || chances == 0 {
                return BuildOutcome::Failed {
                    reason: error.to_string(),
                };
            }
            self.wait(&error, pause, &told).await;
        }
    }

    async fn app(&self) -> Result<App, BuildOutcome> {
        loop {
            match self.deps.store.find_app(&self.build.app.to_string()).await {
                Ok(Some(app)) => return Ok(app),
                Ok(None) => {
                    return Err(BuildOutcome::Cancelled {
                        reason: "its app was deleted".to_owned(),
                    });
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "the app of the build cannot be read yet");
                    tokio::time::sleep(BEFORE_RETRY).await;
                }
                Err(error) => {
                    return Err(BuildOutcome::Failed {
                        reason: error.to_string(),
                    });
                }
            }
        }
    }

    /// Says what does not answer, to whoever reads the build's output and whoever watches a Deploy that waits for it, and
    /// lets time pass.
    async fn wait(&self, error: &Error, pause: Duration, told: &mpsc::Sender<Told>) {
        *self.lock() = Some(error.to_string());
        let line = format!("{error}; trying again in {} s", pause.as_secs());
        tracing::warn!("{line}");
        // A reader that is gone is no reason to stop building.
        told.send(Told::Line(line.clone())).await.ok();
        let id = self.build.id;
        self.say(&format!("{id} waits: {line}")).await;
        tokio::time::sleep(pause).await;
        *self.lock() = None;
        self.say(&step(self.build)).await;
    }

    /// That it cannot be told keeps nothing from being built.
    async fn say(&self, step: &str) {
        let id = self.build.id;
        if let Err(error) = self.deps.store.set_build_step(id, step, self.fence).await {
            tracing::debug!(%error, "what the build waits for is not on record");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.waits_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a Deploy says that it does while its Build is under way.
pub(crate) fn step(build: &Build) -> String {
    format!("{} builds {}", build.id, build.commit.short())
}

/// Before the next try, after so many in vain: longer and longer, and never very long.
fn pause_after(tries: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
    BEFORE_RETRY.saturating_mul(doubled).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_answer_is_asked_less_and_less_often() {
        let pauses: Vec<u64> = (1..=6).map(|tries| pause_after(tries).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 15, 15, 15]);
        assert_eq!(pause_after(u32::MAX), LONGEST);
    }
}
