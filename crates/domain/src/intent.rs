//! Intents: what a server has set out to do to one instance, on record before it is done.

use crate::{
    AppId, DeployId, EnvironmentId, IllegalTransition, InstanceId, NodeName, Timestamp, WorkerName,
    worker::{NamedPorts, Resources},
};

/// What a server has set out to do to one instance. One of each kind at the most for an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    pub instance: InstanceId,
    pub kind: IntentKind,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub deploy: DeployId,
    pub worker: WorkerName,
    pub node: NodeName,
    /// The host port that the instance holds on its node from the intent to start until it is gone.
    pub port: Option<u16>,
    /// Those that lead to the named ports of its Worker, held as long.
    pub ports: NamedPorts,
    /// What the instance reserves on its node for as long.
    pub resources: Resources,
    pub state: IntentState,
    /// Of the start of a singleton: the number that its process is handed, by which those it talks to tell it from
    /// earlier ones. What was started with one is also stopped by the program of its node, should that lose its lease.
    pub fence: Option<i64>,
    /// Why, as the plan said it.
    pub why: String,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

impl Intent {
    /// Every host port that the instance holds.
    pub fn host_ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.port.into_iter().chain(self.ports.numbers())
    }
}

crate::words! {
    /// What is to be done.
    IntentKind {
        /// Create and start it.
        Start => "start",
        /// Take it out of the catalog, drain it, stop it and remove it. An instance with one is condemned.
        Stop => "stop",
    }
}

crate::words! {
    /// Where an Intent stands. It is closed only on evidence from its node.
    IntentState {
        /// Set out, and not known to be done.
        Open => "open",
        /// Seen to be done.
        Done => "done",
        /// Seen not to be possible.
        Failed => "failed",
        /// Not wanted any more, and seen not to have happened.
        Abandoned => "abandoned",
    }
}

crate::words! {
    /// What is seen of an Intent on its node.
    IntentEvent {
        /// It is so.
        Seen => "seen",
        /// It cannot be so.
        Refused => "refused",
        /// It is not so, and is not wanted any more.
        Dropped => "dropped",
    }
}

impl IntentState {
    /// The state after `event`.
    ///
    /// # Errors
    /// `IllegalTransition` for every intent that is closed: evidence is taken once.
    pub fn after(self, event: IntentEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Open, IntentEvent::Seen) => Ok(Self::Done),
            (Self::Open, IntentEvent::Refused) => Ok(Self::Failed),
            (Self::Open, IntentEvent::Dropped) => Ok(Self::Abandoned),
            (from, event) => Err(IllegalTransition {
                machine: "an intent",
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
        for state in IntentState::ALL {
            for event in IntentEvent::ALL {
                if let Ok(next) = state.after(*event) {
                    table.push_str(&format!("{state} + {event} = {next}\n"));
                }
            }
        }
        assert_eq!(
            table,
            "open + seen = done\n\
             open + refused = failed\n\
             open + dropped = abandoned\n"
        );
    }
}
