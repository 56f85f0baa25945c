//! Rule 8: one of ours whose Deploy is not in the database is reported, and held until a person says adopt or sweep.

use super::{Why, draft::Draft};
use crate::world::{Crew, Role};

/// Afterwards no rule looks at them again: they count for nothing but the room and the port they take.
pub(crate) fn apply(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>) {
    for member in crew.with(Role::Foreign) {
        draft.hold("stop", member, Why::UnknownDeploy);
    }
}
