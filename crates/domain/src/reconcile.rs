//! Reconciles: a plan for an Environment, previewed or run by hand.

use crate::{
    AppId, CommitSha, DeployId, EnvironmentId, IllegalTransition, InstanceId, NodeName,
    ReconcileId, StackId, Timestamp, WorkerId, WorkerName,
};

/// A plan for an Environment, or for one App in it. The control loop needs none: this is for people who want to see
/// one, and for clients that ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconcile {
    pub id: ReconcileId,
    pub environment: EnvironmentId,
    /// None: every App of the Environment.
    pub app: Option<AppId>,
    /// The pool that it evens out. None: it brings about what is wanted, and nothing else.
    pub rebalance: Option<Rebalance>,
    pub state: ReconcileState,
    /// The plan as it was when it was made, a line a step.
    pub plan: Vec<String>,
    /// What of it starts, stops or replaces an instance.
    pub steps: Vec<PlannedStep>,
    /// Why it failed, for people.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

/// Which of an Environment's pools is evened out, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebalance {
    pub stack: StackId,
    /// How many instances may be on the move at once, 1 or more.
    pub at_once: u16,
}

/// One step of a plan that was shown: a copy, since what it names changes, or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    pub action: PlannedAction,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub worker: PlannedWorker,
    pub node: NodeName,
    /// Where the node is reached.
    pub address: String,
    /// What the node says of the data center that it is in, by `dc` of its metadata. None: nothing.
    pub center: Option<String>,
    /// The commit that runs, or is to run. None: not known.
    pub commit: Option<CommitSha>,
    /// The instance that is stopped or replaced. None: of a start.
    pub instance: Option<PlannedInstance>,
    /// Why, for people.
    pub why: String,
}

/// The Worker of a planned step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWorker {
    /// None: its definition is not there any more.
    pub id: Option<WorkerId>,
    pub name: WorkerName,
    pub command: String,
    /// The same, word by word. Empty: noted down by an earlier version.
    pub argv: Vec<String>,
    pub scale: u16,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// The instance of a planned step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedInstance {
    pub id: InstanceId,
    /// What its node calls it.
    pub handle: String,
    /// `APP-WORKER`, also where its Environment's template has another name for it.
    pub service: String,
    pub port: Option<u16>,
    pub deploy: DeployId,
}

crate::words! {
    /// What a planned step does.
    PlannedAction {
        /// An instance is started.
        Start => "start",
        /// An instance is taken out of traffic and stopped.
        Stop => "stop",
        /// An instance is replaced by a new one.
        Restart => "restart",
    }
}

crate::words! {
    /// Where a Reconcile stands.
    ReconcileState {
        /// Shown, and never run.
        Preview => "preview",
        /// Being brought about.
        InProgress => "in_progress",
        /// The world matched.
        Completed => "completed",
        /// It did not come to match within its deadline.
        Failed => "failed",
    }
}

crate::words! {
    /// What happens to a Reconcile.
    ReconcileEvent {
        /// The world matches.
        Matched => "matched",
        /// Its deadline passed.
        GaveUp => "gave_up",
    }
}

impl ReconcileState {
    /// The state after `event`.
    ///
    /// # Errors
    /// `IllegalTransition` for every pair that is not listed here.
    pub fn after(self, event: ReconcileEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::InProgress, ReconcileEvent::Matched) => Ok(Self::Completed),
            (Self::InProgress, ReconcileEvent::GaveUp) => Ok(Self::Failed),
            (from, event) => Err(IllegalTransition {
                machine: "a reconcile",
                from: from.as_str(),
                event: event.as_str(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_machine_reads_as_a_table() {
        let mut table = String::new();
        for state in ReconcileState::ALL {
            for event in ReconcileEvent::ALL {
                if let Ok(next) = state.after(*event) {
                    table.push_str(&format!("{state} + {event} = {next}\n"));
                }
            }
        }
        assert_eq!(
            table,
            "in_progress + matched = completed\n\
             in_progress + gave_up = failed\n"
        );
    }
}
