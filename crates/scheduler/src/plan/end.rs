//! The end of an instance: out of the catalog's answers, drained, forgotten, stopped, removed.

use super::{Action, Why, draft::Draft};
use crate::{
    input::Registration,
    world::{Crew, Member, Presence, Role},
};

/// Goes on with what is condemned. Afterwards each has its next step, or is held for the time it drains.
pub(crate) fn apply(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>) {
    for member in crew.with(Role::Condemned) {
        match draining(draft, crew, member) {
            Some(why) => draft.hold("stop", member, why),
            None => condemn(draft, member, Why::Condemned),
        }
    }
}

/// What keeps the next step back.
fn draining(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>, member: &Member<'_>) -> Option<Why> {
    if member.presence == Presence::Silent && !member.busy {
        return Some(unseen(draft, crew));
    }
    let drains = member.presence == Presence::Running
        && member.registration() != Registration::Serving
        && member.port().is_some()
        && !member.busy;
    let until = member.stop?.opened_at + crew.timing().drain;
    if drains && draft.now() < until {
        draft.wake_at(until);
        return Some(Why::Draining { until });
    }
    None
}

/// Begins the end of an instance, or goes on with it.
pub(crate) fn condemn(draft: &mut Draft<'_, '_>, member: &Member<'_>, why: Why) {
    if let Some(action) = next(member) {
        draft.step(member, action, why);
    }
}

/// The next step of its end. Nothing is drained that does not run or listens nowhere: nobody is connected to it.
fn next(member: &Member<'_>) -> Option<Action> {
    match (member.presence, member.registration()) {
        (Presence::Running, Registration::Serving) if member.port().is_some() => {
            Some(Action::Maintenance)
        }
        (
            Presence::Running | Presence::Restarting | Presence::Created | Presence::Exited,
            Registration::Serving | Registration::Maintenance,
        ) => Some(Action::Deregister),
        (Presence::Running | Presence::Restarting, Registration::None) => Some(Action::Stop),
        (Presence::Created | Presence::Exited, Registration::None) => Some(Action::Remove),
        (Presence::Awaited, _) if member.stop.is_none() => Some(Action::Abandon),
        (
            Presence::Awaited
            | Presence::Silent
            | Presence::Lost
            | Presence::GivenUp
            | Presence::Lapsed
            | Presence::Vanished,
            _,
        ) => None,
    }
}

/// Why what stands on a node that cannot be seen is left alone (rule 5).
pub(crate) fn unseen(draft: &Draft<'_, '_>, crew: &Crew<'_, '_>) -> Why {
    doubt(draft, crew).unwrap_or(Why::NodeSilent)
}

/// Why the pool is not believed. None: it is, or there has never been one.
pub(crate) fn doubt(draft: &Draft<'_, '_>, crew: &Crew<'_, '_>) -> Option<Why> {
    let turnout = draft.world.nodes.turnout(crew.app.stack);
    (!turnout.believed && turnout.known > 0).then_some(Why::PoolDoubted {
        answering: turnout.answering,
        known: turnout.known,
    })
}
