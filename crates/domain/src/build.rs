//! Builds: a commit made into an image.

use crate::{
    AppId, BuildId, CommitSha, GitRef, IllegalTransition, ImageRef, Timestamp,
    app::{Builder, Recipe},
    worker::{Scale, Worker, WorkerSource, WorkerSpec},
};
use std::collections::BTreeMap;

/// The result of building one commit of an App. Used in every Environment, so no variable of any is present in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub id: BuildId,
    pub app: AppId,
    /// What was asked for: a branch, a tag, a commit, HEAD.
    pub git_ref: GitRef,
    /// The commit it resolved to.
    pub commit: CommitSha,
    pub recipe: Recipe,
    /// How its image is made. None: not known until the commit has been fetched.
    pub strategy: Option<Strategy>,
    pub wanted: Wanted,
    pub state: BuildState,
    /// The image. Present once completed.
    pub image: Option<ImageRef>,
    /// The Workers that the commit declares, in the order of its file. Present once completed.
    pub workers: Vec<DeclaredWorker>,
    /// Why it failed or was cancelled, for people.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

impl Build {
    /// Whether its image is made as a recipe says. In what a Dockerfile makes, no builder has a part; of what a builder
    /// makes it is on record which it was.
    #[must_use]
    pub fn is_made_by(&self, recipe: &Recipe) -> bool {
        let same_builder = match &self.strategy {
            Some(Strategy::Dockerfile) => true,
            Some(Strategy::Buildpacks(builder)) => recipe.builder.as_ref() == Some(builder),
            None => recipe.builder == self.recipe.builder,
        };
        same_builder
            && recipe.dockerfile == self.recipe.dockerfile
            && recipe.secrets == self.recipe.secrets
    }
}

/// How the image of a commit is made, as the engine chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// By the repository's own Dockerfile.
    Dockerfile,
    /// By this builder: the App's, else the server's.
    Buildpacks(Builder),
}

/// A Worker as a commit declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredWorker {
    pub spec: WorkerSpec,
    /// The scale that a Worker met for the first time gets.
    pub first_scale: Scale,
    pub source: WorkerSource,
}

/// Those of a commit's Workers that count beside the ones that are stored: the API's definitions win, and the Worker that
/// nobody declared is left out where the API made others.
pub fn that_count<'a>(
    declared: &'a [DeclaredWorker],
    stored: &'a [Worker],
) -> impl Iterator<Item = &'a DeclaredWorker> {
    let of_api = || {
        let all = stored.iter();
        all.filter(|worker| worker.source == WorkerSource::Api)
    };
    declared.iter().filter(move |worker| {
        let stands_in = worker.source == WorkerSource::Image && of_api().next().is_some();
        !stands_in && !of_api().any(|known| known.spec.name == worker.spec.name)
    })
}

/// The definitions of a Release, in order of name: those of the API, and those of the commit that count. What a file once
/// declared and declares no more is left out.
#[must_use]
pub fn definitions(declared: &[DeclaredWorker], stored: &[Worker]) -> Vec<WorkerSpec> {
    let of_api = stored
        .iter()
        .filter(|worker| worker.source == WorkerSource::Api)
        .map(|worker| &worker.spec);
    let of_commit = that_count(declared, stored).map(|worker| &worker.spec);
    let by_name: BTreeMap<_, _> = of_api
        .chain(of_commit)
        .map(|spec| (&spec.name, spec))
        .collect();
    by_name.into_values().cloned().collect()
}

crate::words! {
    /// Who wants a Build. One that only Deploys want is cancelled when none of them waits for it any more.
    Wanted {
        /// Deploys alone.
        ByDeploys => "deploys",
        /// Somebody asked for it by itself.
        ByItself => "itself",
    }
}

crate::words! {
    /// Where a Build stands.
    BuildState {
        /// Waiting for a builder, or being built.
        InProgress => "in_progress",
        /// Its image is there.
        Completed => "completed",
        /// It ended without an image.
        Failed => "failed",
        /// Nobody wanted it any more.
        Cancelled => "cancelled",
    }
}

crate::words! {
    /// What happens to a Build.
    BuildEvent {
        /// The image is there, and pushed where a registry is configured.
        ImageReady => "image_ready",
        /// It cannot be built.
        GaveUp => "gave_up",
        /// Nobody wants it any more.
        Cancelled => "cancelled",
    }
}

impl BuildState {
    /// The state after `event`. This match is the whole machine; nothing else moves a build.
    ///
    /// # Errors
    /// `IllegalTransition` for every pair that is not listed here.
    pub fn after(self, event: BuildEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::InProgress, BuildEvent::ImageReady) => Ok(Self::Completed),
            (Self::InProgress, BuildEvent::GaveUp) => Ok(Self::Failed),
            (Self::InProgress, BuildEvent::Cancelled) => Ok(Self::Cancelled),
            (from, event) => Err(IllegalTransition {
                machine: "a build",
                from: from.as_str(),
                event: event.as_str(),
            }),
        }
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::InProgress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_machine_reads_as_a_table() {
        let mut table = String::new();
        for state in BuildState::ALL {
            for event in BuildEvent::ALL {
                if let Ok(next) = state.after(*event) {
                    table.push_str(&format!("{state} + {event} = {next}\n"));
                }
            }
        }
        assert_eq!(
            table,
            "in_progress + image_ready = completed\n\
             in_progress + gave_up = failed\n\
             in_progress + cancelled = cancelled\n"
        );
    }
}
