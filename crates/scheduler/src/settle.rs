//! Which intents are closed by what was seen. A plan is made of what is left.

use crate::{
    input::PlanInput,
    world::{Member, Presence, Role, World},
};
use domain::{InstanceId, IntentState};

/// An intent that evidence from its node closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closure {
    /// The open start is done: the instance was seen to have been started. It may have ended since.
    Started { instance: InstanceId },
    /// The open stop is done: its node does not show the instance any more. A start of it that is still open is closed
    /// with it, as abandoned, and its port and room are given back.
    Gone { instance: InstanceId },
    /// The instance was started, nobody here stopped it, and its node does not show it any more. Its start is closed
    /// with an end on record (`Manner::Died`, `removed by somebody else`), and its port and room are given back.
    Vanished { instance: InstanceId },
    /// A person gave its node up, and it does not answer. It is closed as one that was stopped: should the node come back
    /// all the same, what is there is nothing of the record any more, and goes.
    GivenUp { instance: InstanceId },
    /// A singleton that its node's program has stopped, for the lease there has run out. Closed as `GivenUp` is: a lease that
    /// the host has later says nothing of it.
    Lapsed { instance: InstanceId },
}

/// The closures that the evidence at hand allows, in order of instance. Nothing is closed at which a server is acting,
/// and nothing on a node that did not answer, but for one that was given up.
#[must_use]
pub fn settle(input: &PlanInput) -> Vec<Closure> {
    let world = World::new(input);
    let mut closures: Vec<Closure> = world.members().iter().filter_map(closure).collect();
    closures.sort_unstable();
    closures
}

fn closure(member: &Member<'_>) -> Option<Closure> {
    if member.busy {
        return None;
    }
    let instance = member.instance;
    match member.role {
        Role::Standing | Role::Condemned => {}
        Role::Stray | Role::Copy | Role::Twin | Role::Foreign => return None,
    }
    let start_is_open = member
        .start
        .is_some_and(|intent| intent.state == IntentState::Open);
    match member.presence {
        Presence::Running | Presence::Restarting | Presence::Exited => {
            start_is_open.then_some(Closure::Started { instance })
        }
        Presence::Awaited => member.stop.map(|_| Closure::Gone { instance }),
        Presence::Vanished if member.stop.is_some() => Some(Closure::Gone { instance }),
        Presence::Vanished => Some(Closure::Vanished { instance }),
        Presence::GivenUp => Some(Closure::GivenUp { instance }),
        Presence::Lapsed => Some(Closure::Lapsed { instance }),
        Presence::Created | Presence::Silent | Presence::Lost => None,
    }
}
