//! Rule 7, over scale, and the second half of every replacement: those that make room go when others serve.

use super::{
    Why, draft::Draft, end, fates::Fates, keep_healthy::KeepHealthy, rebalance, start_missing,
};
use crate::world::{Crew, Member, Presence, count};
use std::cmp::Reverse;

/// Afterwards no more stay than the scale wants, and what makes room is condemned as far as rule 1 lets it.
pub(crate) fn apply<'a>(
    draft: &mut Draft<'_, 'a>,
    crew: &Crew<'_, 'a>,
    healthy: &mut KeepHealthy,
    fates: &Fates<'_, 'a>,
) {
    stop_leaving(draft, crew, healthy, fates);
    if fates.staying() <= crew.scale() {
        return;
    }
    let mut staying = fates.staying.clone();
    // One that is not seen, or that is acted at, may turn out not to serve: it pushes no other one out.
    staying.retain(|member| draft.may_act(member));
    let surplus = count(staying.iter()).saturating_sub(crew.scale());
    if surplus == 0 {
        return;
    }
    let running = count(crew.standing().filter(|member| member.counts()));
    match rebalance::is_asked_for(draft, crew) {
        true => draft.balance.sort_by_need(crew, &mut staying),
        false => sort_by_need(draft, &mut staying),
    }
    for member in staying.into_iter().take(usize::from(surplus)) {
        let why = match crew.wanted() {
            Some(worker) => Why::AboveScale {
                running,
                scale: worker.scale,
            },
            None => Why::NotWanted,
        };
        condemn(draft, healthy, member, why);
    }
}

/// One that serves nobody goes, too, when its place is needed: a successor that got no better would else keep the next
/// one from being tried.
fn stop_leaving<'a>(
    draft: &mut Draft<'_, 'a>,
    crew: &Crew<'_, 'a>,
    healthy: &mut KeepHealthy,
    fates: &Fates<'_, 'a>,
) {
    let mut short = start_missing::short_of_room(draft, crew, fates);
    for (member, why) in &fates.leaving {
        if !draft.may_act(member) {
            continue;
        }
        if healthy.is_met() || !member.is_unhealthy() {
            condemn(draft, healthy, member, why.clone());
        } else if short > 0 {
            short -= 1;
            end::condemn(draft, member, why.clone());
        } else {
            draft.hold("stop", member, healthy.refusal());
        }
    }
}

fn condemn(draft: &mut Draft<'_, '_>, healthy: &mut KeepHealthy, member: &Member<'_>, why: Why) {
    match healthy.spend(member) {
        Ok(()) => end::condemn(draft, member, why),
        Err(refusal) => draft.hold("stop", member, refusal),
    }
}

/// The least needed first: what serves nobody, then what stands on the fullest node, then the youngest.
pub(crate) fn sort_by_need(draft: &mut Draft<'_, '_>, members: &mut [&Member<'_>]) {
    if members.len() < 2 {
        return;
    }
    let rooms = draft.rooms();
    members.sort_by_cached_key(|member| {
        let opened_at = member.start.map(|start| start.opened_at);
        (
            need(member),
            Reverse(member.deploy),
            Reverse(rooms.instances(member.host)),
            Reverse(opened_at),
            member.instance,
        )
    });
}

/// How much an instance is needed.
pub(crate) fn need(member: &Member<'_>) -> u8 {
    match member.presence {
        Presence::Exited
        | Presence::Lost
        | Presence::GivenUp
        | Presence::Lapsed
        | Presence::Vanished => 0,
        Presence::Awaited | Presence::Created => 1,
        _ if member.is_unhealthy() => 2,
        _ if member.is_in_service() => 5,
        _ if member.is_healthy() => 4,
        Presence::Running | Presence::Restarting | Presence::Silent => 3,
    }
}
