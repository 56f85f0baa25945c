//! Rules 2 and 3: what is missing is started, never more at once than the surge permits, where there is most room.

use super::{
    Action, Step, Why,
    draft::Draft,
    end,
    fates::{Fates, is_starting},
    one_first, replace_unhealthy, singleton,
};
use crate::{
    place::Demand,
    seed::Ids,
    world::{Crew, Presence, Role, count},
};
use domain::{DeployState, observed::RestartPolicy, worker::Order};

/// Afterwards as many stay, start or are held as the scale wants.
pub(crate) fn apply<'a>(draft: &mut Draft<'_, 'a>, crew: &Crew<'_, 'a>, fates: &Fates<'_, 'a>) {
    take_up(draft, crew, fates);
    let missing = crew.scale().saturating_sub(fates.staying());
    if missing == 0 {
        return;
    }
    if let Some(why) = singleton::overlap(draft, crew, None) {
        return draft.hold_start(crew, why);
    }
    if let Some(why) = replace_unhealthy::backoff(draft.world.input, crew) {
        if let Some(until) = replace_unhealthy::end_of(&why) {
            draft.wake_at(until);
        }
        return draft.hold_start(crew, why);
    }
    let room = room(crew);
    start(draft, crew, fates, missing.min(room));
    if missing > room {
        let why = one_first::missing(crew).unwrap_or_else(|| Why::Surge {
            running: running(crew).saturating_add(room),
            at_most: ceiling(crew),
        });
        draft.hold_start(crew, why);
    }
}

/// How many starts wait for room alone, and not for anything else.
pub(crate) fn short_of_room(
    draft: &Draft<'_, '_>,
    crew: &Crew<'_, '_>,
    fates: &Fates<'_, '_>,
) -> u16 {
    let missing = crew.scale().saturating_sub(fates.staying());
    let short = missing.saturating_sub(room(crew));
    if short > 0 && replace_unhealthy::backoff(draft.world.input, crew).is_some() {
        return 0;
    }
    short
}

/// Goes on with starts that are on record and have not been seen to be done: same id, same node, same port.
fn take_up<'a>(draft: &mut Draft<'_, 'a>, crew: &Crew<'_, 'a>, fates: &Fates<'_, 'a>) {
    for member in fates.staying.iter().filter(|member| is_starting(member)) {
        let unseen = member.presence == Presence::Awaited;
        if !draft.may_act(member) || !(unseen || member.presence == Presence::Created) {
            continue;
        }
        let overlap = singleton::overlap(draft, crew, Some(member.instance));
        match overlap.or_else(|| singleton::unleased(draft, crew, member)) {
            Some(why) => draft.hold("start", member, why),
            None => {
                let action = Action::Start {
                    port: member.port(),
                    ports: member
                        .start
                        .map(|start| start.ports.clone())
                        .unwrap_or_default(),
                    restart: restart_policy(crew),
                };
                draft.step(member, action, Why::TakenUp);
            }
        }
    }
}

fn start<'a>(draft: &mut Draft<'_, 'a>, crew: &Crew<'_, 'a>, fates: &Fates<'_, 'a>, missing: u16) {
    let (Some(deploy), Some(worker)) = (crew.deploy(), crew.wanted()) else {
        return;
    };
    if missing == 0 {
        return;
    }
    let mut ids = Ids::of(draft.world.input.seed, crew.app.app, crew.worker);
    let beside = fates.staying.iter().filter_map(|member| member.host);
    let mut demand = Demand::of(crew, worker, beside.collect());
    for number in 0..usize::from(missing) {
        let place = match draft.rooms().place(&demand) {
            Ok(place) => place,
            Err(refusals) => {
                let doubt = end::doubt(draft, crew);
                return draft.hold_start(crew, doubt.unwrap_or(Why::NoRoom { refusals }));
            }
        };
        demand.beside.push(place.host);
        let why = match fates.leaving.get(number) {
            Some((member, _)) => Why::Successor {
                of: member.instance,
            },
            None => Why::BelowScale {
                running: fates.staying(),
                scale: worker.scale,
            },
        };
        draft.push(Step {
            action: Action::Start {
                port: place.port,
                ports: place.ports,
                restart: restart_policy(crew),
            },
            instance: crew.unused(&mut ids),
            handle: None,
            node: place.node.clone(),
            app: crew.app.app,
            worker: crew.worker.clone(),
            deploy: deploy.id,
            why,
            placed: Some(place.placed),
        });
    }
}

/// Rule 2: how many more may run now.
fn room(crew: &Crew<'_, '_>) -> u16 {
    let fresh = count(crew.fresh().filter(|member| member.counts()));
    ceiling(crew)
        .saturating_sub(running(crew))
        .min(one_first::at_most(crew).saturating_sub(fresh))
}

/// What runs or is about to. Where the old ones go first, one that is condemned is in the way until it is gone.
pub(crate) fn running(crew: &Crew<'_, '_>) -> u16 {
    let standing = count(crew.standing().filter(|member| member.counts()));
    let going = match crew.wanted().map(|worker| worker.spec.rollout.order) {
        Some(Order::StopFirst) => {
            count(crew.with(Role::Condemned).filter(|member| member.counts()))
        }
        Some(Order::StartFirst) | None => 0,
    };
    standing + going
}

/// Rule 2: the most that may run at once.
pub(crate) fn ceiling(crew: &Crew<'_, '_>) -> u16 {
    crew.wanted()
        .map_or(0, |worker| match worker.spec.singleton {
            true => crew.scale(),
            false => worker.spec.rollout.ceiling(worker.scale),
        })
}

/// What its node does when it ends: nothing until its Deploy is deployed.
pub(crate) fn restart_policy(crew: &Crew<'_, '_>) -> RestartPolicy {
    let deployed = crew
        .deploy()
        .is_some_and(|deploy| deploy.state == DeployState::Deployed);
    match deployed && !crew.is_singleton() {
        true => RestartPolicy::UnlessStopped,
        false => RestartPolicy::No,
    }
}
