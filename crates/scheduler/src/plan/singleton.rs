//! Rule 9: a singleton never overlaps. It starts when nothing of its Worker is left that might run, of whichever Deploy,
//! seen or not, ours to touch or not. Of a node that is gone for good only a person can say so.

use super::Why;
use crate::world::{Crew, Presence, Role};
use domain::InstanceId;

/// What keeps `starting` (None: a new instance) from being started now.
pub(crate) fn overlap(crew: &Crew<'_, '_>, starting: Option<InstanceId>) -> Option<Why> {
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
        Presence::Exited | Presence::GivenUp | Presence::Vanished => false,
    })?;
    Some(Why::Overlap {
        other: other.instance,
    })
}
