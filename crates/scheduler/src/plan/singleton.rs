//! Rule 9: a singleton never overlaps. It starts when nothing of its Worker is left that might run, of whichever Deploy,
//! seen or not, ours to touch or not. Of a node that cannot be seen its program says so, which stops what has a number
//! before its lease runs out; of one that is gone for good only a person can.

use super::{Why, draft::Draft};
use crate::world::{Crew, Member, Presence, Role};
use domain::InstanceId;

/// What keeps `starting` (None: a new instance) from being started now.
pub(crate) fn overlap(
    draft: &mut Draft<'_, '_>,
    crew: &Crew<'_, '_>,
    starting: Option<InstanceId>,
) -> Option<Why> {
    if !crew.is_singleton() {
        return None;
    }
    // What stands for a twin is its original.
    let mut members = crew.members.iter().filter(|one| one.role != Role::Twin);
    let other = members.find(|member| match member.presence {
        Presence::Awaited
        | Presence::Created
        | Presence::Running
        | Presence::Restarting
        | Presence::Silent
        | Presence::Lost => Some(member.instance) != starting || member.start.is_none(),
        Presence::Exited | Presence::GivenUp | Presence::Lapsed | Presence::Vanished => false,
    })?;
    Some(waits(draft, other).unwrap_or(Why::Overlap {
        other: other.instance,
    }))
}

/// What is waited for of a singleton that cannot be seen: the end of its node's lease, at which it is planned again.
pub(crate) fn waits(draft: &mut Draft<'_, '_>, member: &Member<'_>) -> Option<Why> {
    let is_unseen = match member.presence {
        Presence::Silent | Presence::Lost => true,
        Presence::Awaited
        | Presence::Created
        | Presence::Running
        | Presence::Restarting
        | Presence::Exited
        | Presence::GivenUp
        | Presence::Lapsed
        | Presence::Vanished => false,
    };
    let start = member.start.filter(|start| start.fence.is_some())?;
    let left = *draft.world.input.leases.get(&start.node)?;
    if !is_unseen || left.is_zero() {
        return None;
    }
    draft.wake_at(draft.now() + left);
    Some(Why::Leased {
        other: member.instance,
        node: start.node.clone(),
        left,
    })
}

/// What keeps a start that is on record from being taken up on its own node: the program there would stop it.
pub(crate) fn unleased(
    draft: &Draft<'_, '_>,
    crew: &Crew<'_, '_>,
    member: &Member<'_>,
) -> Option<Why> {
    let lapsed = crew.is_singleton() && draft.world.input.has_lapsed(member.node);
    lapsed.then(|| Why::Unleased {
        node: member.node.clone(),
    })
}
