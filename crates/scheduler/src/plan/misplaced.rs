//! Rule 3, constraints: what runs where it may not run any more moves, start-first, as soon as there is a place for it.

use super::{Why, draft::Draft, end};
use crate::{
    input::DesiredWorker,
    place::Demand,
    world::{Crew, Member, count},
};

/// Why an instance that runs is to make room, if it is. While no other node can take it, it stays, and says so: nobody is
/// served better by its absence.
pub(crate) fn leaves(
    draft: &mut Draft<'_, '_>,
    crew: &Crew<'_, '_>,
    worker: &DesiredWorker,
    member: &Member<'_>,
) -> Option<Why> {
    let host = draft.world.nodes.hosts()[member.host?];
    let constraint = worker.spec.unmet(&host.node)?.clone();
    let has_successor = count(crew.fresh().filter(|member| member.counts())) > crew.scale();
    let demand = Demand::of(crew, worker, Vec::new());
    match draft.rooms().find(&demand) {
        Err(refusals) if !has_successor => {
            let doubt = end::doubt(draft, crew);
            draft.hold("stop", member, doubt.unwrap_or(Why::NoRoom { refusals }));
            None
        }
        Ok(_) | Err(_) => Some(Why::Misplaced { constraint }),
    }
}
