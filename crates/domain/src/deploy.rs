//! Deploys: a Release made current.

use crate::{
    AppId, BuildId, DeployId, EnvironmentId, GitRef, IllegalTransition, InstanceId, NodeName,
    ReleaseId, Timestamp, WorkerName,
};
use std::time::Duration;

/// Making a Release current from a known time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    pub id: DeployId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub cause: Cause,
    /// What was asked for, where that was a ref.
    pub git_ref: Option<GitRef>,
    /// The Build that it waits for, or came from.
    pub build: Option<BuildId>,
    /// Known from `deploying` on.
    pub release: Option<ReleaseId>,
    pub state: DeployState,
    /// What it is doing or waiting for, for people: `waiting for bld-7`, `2 of 3 healthy`.
    pub step: String,
    /// How long it may be `deploying` before it fails. Default 10 min, 10 s to 24 h.
    pub patience: Duration,
    /// How much of it is spent, as far as is on record: counted while a server saw it `deploying`, whatever the clocks
    /// said meanwhile.
    pub spent: Duration,
    pub failure: Option<Failure>,
    /// Who asked for it.
    pub created_by: String,
    pub created_at: Timestamp,
    /// When it entered `deploying`.
    pub started_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    /// When it became deployed, failed or cancelled.
    pub completed_at: Option<Timestamp>,
}

/// The `patience` of a Deploy that does not say otherwise.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(600);

/// Why a Deploy failed or was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A sentence that names the instance, and its exit code or failing probe.
    pub reason: String,
    /// The instance that decided it, where one did.
    pub instance: Option<FailedInstance>,
    /// The last lines of that instance, or of the build. At most 50.
    pub log_tail: Vec<String>,
}

/// The instance that decided a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedInstance {
    pub id: InstanceId,
    pub worker: WorkerName,
    pub node: NodeName,
    /// None: it was running, and not healthy.
    pub exit_code: Option<i64>,
    /// The check that did not succeed and what came of it, as in `GET / answered 503`. Empty: no check failed.
    pub probe: String,
}

crate::words! {
    /// Why there is a Deploy.
    Cause {
        /// A commit was asked for.
        Commit => "commit",
        /// A Config Set changed.
        Config => "config",
        /// A Worker's definition changed.
        Worker => "worker",
        /// An earlier Release was asked for.
        Rollback => "rollback",
        /// A branch was pushed that a rule of its App deploys.
        Push => "push",
    }
}

crate::words! {
    /// Where a Deploy stands.
    DeployState {
        /// Accepted; waiting for its turn.
        Created => "created",
        /// Its image is being built.
        Building => "building",
        /// Its instances are being started, watched, and the old ones taken away.
        Deploying => "deploying",
        /// It is what runs.
        Deployed => "deployed",
        /// A later one took its place.
        Stopped => "stopped",
        /// It did not get healthy, or could not be built. What ran before it still does.
        Failed => "failed",
        /// Somebody said so, or a later request superseded it before it was deployed.
        Cancelled => "cancelled",
    }
}

crate::words! {
    /// What happens to a Deploy.
    DeployEvent {
        /// Its turn has come and its image has to be built.
        BuildStarted => "build_started",
        /// Its image is there and its Release is made.
        ImageReady => "image_ready",
        /// Every instance is healthy, the old ones are drained and gone.
        AllHealthy => "all_healthy",
        /// A later one is deployed.
        Superseded => "superseded",
        /// Its deadline passed, its instances keep dying, or its build failed.
        GaveUp => "gave_up",
        /// Somebody said so.
        Cancelled => "cancelled",
    }
}

impl Cause {
    /// Whether it brings a change of variables or of Workers to what runs: the same Build again, as a new Release.
    #[must_use]
    pub const fn is_for_a_change(self) -> bool {
        match self {
            Self::Config | Self::Worker => true,
            Self::Commit | Self::Rollback | Self::Push => false,
        }
    }
}

impl DeployState {
    /// The state after `event`. This match is the whole machine; nothing else moves a deploy.
    ///
    /// # Errors
    /// `IllegalTransition` for every pair that is not listed here.
    pub fn after(self, event: DeployEvent) -> Result<Self, IllegalTransition> {
        use {DeployEvent as E, DeployState as S};
        match (self, event) {
            (S::Created, E::BuildStarted) => Ok(S::Building),
            (S::Created | S::Building, E::ImageReady) => Ok(S::Deploying),
            (S::Deploying, E::AllHealthy) => Ok(S::Deployed),
            (S::Deployed, E::Superseded) => Ok(S::Stopped),
            (S::Created | S::Building | S::Deploying, E::GaveUp) => Ok(S::Failed),
            (S::Created | S::Building | S::Deploying, E::Cancelled) => Ok(S::Cancelled),
            (from, event) => Err(IllegalTransition {
                machine: "a deploy",
                from: from.as_str(),
                event: event.as_str(),
            }),
        }
    }

    /// Whether it holds, or waits for, the App in its Environment.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Created | Self::Building | Self::Deploying)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_machine_reads_as_a_table() {
        let mut table = String::new();
        for state in DeployState::ALL {
            for event in DeployEvent::ALL {
                if let Ok(next) = state.after(*event) {
                    table.push_str(&format!("{state} + {event} = {next}\n"));
                }
            }
        }
        assert_eq!(
            table,
            "created + build_started = building\n\
             created + image_ready = deploying\n\
             created + gave_up = failed\n\
             created + cancelled = cancelled\n\
             building + image_ready = deploying\n\
             building + gave_up = failed\n\
             building + cancelled = cancelled\n\
             deploying + all_healthy = deployed\n\
             deploying + gave_up = failed\n\
             deploying + cancelled = cancelled\n\
             deployed + superseded = stopped\n"
        );
    }
}
