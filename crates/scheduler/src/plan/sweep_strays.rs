//! What no intent stands for, and copies of our labels, are taken away.

use super::{Action, Why, draft::Draft, end, keep_healthy::KeepHealthy};
use crate::{
    input::Registration,
    world::{Crew, Presence, Role},
};

/// Afterwards none is left alone but one that serves while too few others do: a database that forgot its intents is no
/// reason to go dark.
pub(crate) fn apply(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>, healthy: &mut KeepHealthy) {
    for member in crew.with(Role::Stray) {
        let serves = member.is_healthy() && member.registration() == Registration::Serving;
        if serves && !healthy.is_met() {
            draft.hold("stop", member, healthy.refusal());
        } else {
            end::condemn(draft, member, Why::Stray);
        }
    }
    for member in crew.with(Role::Copy) {
        // By its handle alone: the catalog knows the original by the id that both bear.
        match member.presence {
            Presence::Running | Presence::Restarting => draft.step(member, Action::Stop, Why::Copy),
            Presence::Created | Presence::Exited => draft.step(member, Action::Remove, Why::Copy),
            Presence::Awaited
            | Presence::Silent
            | Presence::Lost
            | Presence::GivenUp
            | Presence::Lapsed
            | Presence::Vanished => {}
        }
    }
}
