//! Rule 7, of a superseded Deploy: stopped, in the order of rule 1.

use super::{
    Why, draft::Draft, end, keep_healthy::KeepHealthy, one_first, prove_first::Proof, stop_surplus,
};
use crate::world::{Crew, Member, Presence, count};

/// Afterwards each instance of another Deploy is condemned, or held with the reason.
pub(crate) fn apply(
    draft: &mut Draft<'_, '_>,
    crew: &Crew<'_, '_>,
    healthy: &mut KeepHealthy,
    proof: &Proof,
) {
    let mut old: Vec<&Member<'_>> = crew.old().collect();
    if old.is_empty() {
        return;
    }
    stop_surplus::sort_by_need(draft, &mut old);
    let mut surplus = surplus(crew);
    let mut may_go = one_first::may_go(crew);
    for member in old {
        if !serves_perhaps(member) {
            let why = ended(member).unwrap_or_else(|| not_wanted(crew, member));
            end::condemn(draft, member, why);
            continue;
        }
        if member.busy {
            continue;
        }
        if member.presence == Presence::Silent {
            let why = end::unseen(draft, crew);
            draft.hold("stop", member, why);
            continue;
        }
        let why = match (proof.missing(), surplus) {
            (None, _) => not_wanted(crew, member),
            (Some(_), 1..) => Why::AboveScale {
                running: count(crew.old().filter(|member| member.counts())),
                scale: crew
                    .wanted()
                    .map_or_else(Default::default, |worker| worker.scale),
            },
            (Some(missing), 0) => {
                draft.hold("stop", member, missing);
                continue;
            }
        };
        if serves_nobody(crew, member) {
            end::condemn(draft, member, why);
            continue;
        }
        if let (0, Some(missing)) = (may_go, one_first::missing(crew)) {
            draft.hold("stop", member, missing);
            continue;
        }
        match healthy.spend(member) {
            Ok(()) => {
                surplus = surplus.saturating_sub(1);
                may_go = may_go.saturating_sub(1);
                end::condemn(draft, member, why);
            }
            Err(refusal) => draft.hold("stop", member, refusal),
        }
    }
}

/// How many more of the old ones run than the scale wants. They may go before anything is proven: those of an earlier
/// attempt, and those that a smaller scale left over, would else take the room that the new ones need.
fn surplus(crew: &Crew<'_, '_>) -> u16 {
    match crew.wanted() {
        Some(_) => count(crew.old().filter(|member| member.counts())).saturating_sub(crew.scale()),
        None => 0,
    }
}

fn serves_perhaps(member: &Member<'_>) -> bool {
    match member.presence {
        Presence::Running | Presence::Restarting | Presence::Silent => true,
        Presence::Awaited
        | Presence::Created
        | Presence::Exited
        | Presence::Lost
        | Presence::GivenUp
        | Presence::Lapsed
        | Presence::Vanished => false,
    }
}

/// Healthy, of a Deploy that was never deployed, and not in the catalog: it will not be made known to it any more.
fn serves_nobody(crew: &Crew<'_, '_>, member: &Member<'_>) -> bool {
    let later = crew.deploy().is_none_or(|deploy| member.deploy > deploy.id);
    later && member.is_healthy() && !member.is_in_service()
}

fn not_wanted(crew: &Crew<'_, '_>, member: &Member<'_>) -> Why {
    match crew.deploy() {
        Some(deploy) if member.deploy < deploy.id => Why::Superseded { by: deploy.id },
        Some(_) | None => Why::NotWanted,
    }
}

/// Why an instance that ended is taken away, whatever is wanted of it.
pub(crate) fn ended(member: &Member<'_>) -> Option<Why> {
    match member.phase()? {
        domain::observed::Phase::Exited { code, .. } => Some(Why::Ended { code: *code }),
        domain::observed::Phase::Created
        | domain::observed::Phase::Running { .. }
        | domain::observed::Phase::Paused { .. }
        | domain::observed::Phase::Restarting { .. } => None,
    }
}
