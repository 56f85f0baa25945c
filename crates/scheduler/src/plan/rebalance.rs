//! A pool is evened out when a person asks for it: an instance gets a successor where rule 3 puts it, as long as that
//! makes the pool more even, and goes when the successor serves.
//!
//! **It ends:** each move leaves either fewer instances of one Worker side by side, or as many, and a node with two or more
//! instances fewer than another had with one more. No row of such moves comes back to where it began.

use super::{
    Action, Step, Why,
    draft::Draft,
    fates::{is_starting, is_to_restart},
    replace_unhealthy,
    start_missing::{ceiling, restart_policy, running},
    stop_surplus::need,
};
use crate::{
    input::DesiredWorker,
    place::{Demand, Rooms},
    seed::Ids,
    world::{Crew, Member, Presence, Role, World, count},
};
use domain::{DeployState, InstanceId, StackId, worker::Order};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// What is to be moved in this plan.
#[derive(Default)]
pub(crate) struct Balance {
    /// By the instance that makes room.
    moves: BTreeMap<InstanceId, Move>,
    /// Those that go, where more stand than are wanted.
    going: BTreeSet<InstanceId>,
    even: BTreeSet<StackId>,
}

/// One instance that is to stand elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Move {
    /// How many fewer there are of one Worker side by side, then how much fuller the one node is than the other, then
    /// whichever comes first: the best is the greatest.
    gain: (i64, i64),
    of: Reverse<InstanceId>,
    from: usize,
    to: usize,
    has: i64,
    fewest: i64,
}

impl Balance {
    /// Chooses, for each pool that is to be evened out, the best moves that its budget leaves.
    pub(crate) fn of(world: &World<'_>, rooms: &mut Rooms<'_>) -> Self {
        let mut balance = Self::default();
        let mut expected = balance.expect(world, rooms);
        for (stack, at_once) in &world.input.rebalances {
            let turnout = world.nodes.turnout(*stack);
            if !turnout.believed && turnout.known > 0 {
                continue;
            }
            let moving = moving(world, *stack);
            let mut used = BTreeSet::new();
            for _ in 0..at_once.saturating_sub(moving) {
                let best = crews_of(world, *stack)
                    .filter(|crew| !used.contains(&(crew.app.app, crew.worker)))
                    .filter_map(|crew| Some((best_of(world, rooms, &expected, &crew)?, crew)))
                    .max_by_key(|(best, _)| *best);
                let Some((best, crew)) = best else {
                    break;
                };
                used.insert((crew.app.app, crew.worker));
                expected[best.from] -= 1;
                expected[best.to] += 1;
                balance.moves.insert(best.of.0, best);
            }
            if moving == 0 && used.is_empty() {
                balance.even.insert(*stack);
            }
        }
        balance
    }

    /// Pools in which nothing is left to move.
    pub(crate) fn even(self) -> BTreeSet<StackId> {
        self.even
    }

    /// How many instances each node has when all is done that is under way. Chooses which of a Worker's instances go where
    /// more stand than are wanted: not those that the others make room for, and of the others those that stand where most
    /// of the same Worker do, and then where most do.
    fn expect(&mut self, world: &World<'_>, rooms: &Rooms<'_>) -> Vec<i64> {
        let hosts = 0..world.nodes.hosts().len();
        let mut expected: Vec<i64> = hosts
            .map(|at| i64::from(rooms.instances(Some(at))))
            .collect();
        let all = world.members().iter();
        let condemned = all.filter(|member| member.role == Role::Condemned);
        for at in condemned.filter_map(|member| member.host) {
            expected[at] -= 1;
        }
        let stacks = world.input.rebalances.keys();
        for crew in stacks.flat_map(|stack| crews_of(world, *stack)) {
            let mut standing: Vec<_> = crew.fresh().filter(|member| member.counts()).collect();
            let surplus = standing.len().saturating_sub(crew.scale().into());
            let rest = spare(&crew, &mut standing);
            for _ in 0..surplus {
                let stays = |one: &&&Member<'_>| !self.going.contains(&one.instance);
                let going = rest.iter().filter(stays).min_by_key(|one| {
                    let beside = rest.iter().filter(stays).filter(|o| o.host == one.host);
                    let left = one.host.map_or(0, |at| expected[at]);
                    let crowded = (Reverse(beside.count()), Reverse(left));
                    (need(one), crowded, Reverse(one.deploy), one.instance)
                });
                let Some(going) = going else {
                    break;
                };
                self.going.insert(going.instance);
                if let Some(at) = going.host {
                    expected[at] -= 1;
                }
            }
        }
        expected
    }

    /// Puts those last that are to stay.
    pub(crate) fn sort_by_need(&self, crew: &Crew<'_, '_>, members: &mut [&Member<'_>]) {
        spare(crew, members).sort_by_key(|member| need(member));
        members.sort_by_key(|member| !self.going.contains(&member.instance));
    }
}

/// Puts those that the others make room for last, which are the youngest. The others.
fn spare<'m, 'w, 'a>(
    crew: &Crew<'_, '_>,
    members: &'m mut [&'w Member<'a>],
) -> &'m mut [&'w Member<'a>] {
    let scale = usize::from(crew.scale());
    let spared = members.len().saturating_sub(scale).min(scale);
    // Of two of one moment, the one that does not serve yet is the younger.
    members.sort_by_cached_key(|member| {
        let opened_at = member.start.map(|start| start.opened_at);
        (opened_at, Reverse(member.is_in_service()), member.instance)
    });
    let others = members.len() - spared;
    &mut members[..others]
}

fn crews_of<'w, 'a>(
    world: &'w World<'a>,
    stack: StackId,
) -> impl Iterator<Item = Crew<'w, 'a>> + use<'w, 'a> {
    let squads = world.squads().iter();
    squads
        .filter(move |squad| squad.app.stack == stack)
        .flat_map(move |squad| world.crews(squad))
}

/// How many of a pool's instances are on the move already, for whatever reason: the budget is theirs, too.
fn moving(world: &World<'_>, stack: StackId) -> u16 {
    let moving = crews_of(world, stack).map(|crew| {
        let seen = |member: &&Member<'_>| {
            !matches!(
                member.presence,
                Presence::Silent | Presence::Lost | Presence::GivenUp | Presence::Lapsed
            )
        };
        let going = count(crew.with(Role::Condemned).filter(seen));
        let coming = count(crew.standing().filter(|one| seen(one) && is_starting(one)));
        u32::from(going) + u32::from(coming.max(surplus(&crew)))
    });
    u16::try_from(moving.sum::<u32>()).unwrap_or(u16::MAX)
}

fn surplus(crew: &Crew<'_, '_>) -> u16 {
    count(crew.standing().filter(|member| member.counts())).saturating_sub(crew.scale())
}

/// The best move of a Worker. None: it is as even as it can be, or it is not at rest, or it never runs twice.
fn best_of(
    world: &World<'_>,
    rooms: &mut Rooms<'_>,
    expected: &[i64],
    crew: &Crew<'_, '_>,
) -> Option<Move> {
    let worker = crew
        .wanted()
        .filter(|worker| at_rest(world, crew, worker))?;
    let mut hosts = BTreeSet::new();
    let mut best: Option<Move> = None;
    for member in crew.fresh() {
        let Some(from) = member.host.filter(|at| world.nodes.takes_new(Some(*at))) else {
            continue;
        };
        if !hosts.insert(from) {
            continue;
        }
        let others = crew.fresh().filter(|one| one.instance != member.instance);
        let beside: Vec<usize> = others.filter_map(|other| other.host).collect();
        let demand = Demand::of(crew, worker, beside);
        let Ok((to, _)) = rooms.find(&demand) else {
            continue;
        };
        let apart = beside_at(&demand, from) - beside_at(&demand, to);
        let gain = (apart, expected[from] - expected[to]);
        let evens = apart > 0 || (apart == 0 && gain.1 >= 2);
        if to != from && evens {
            let found = Move {
                gain,
                of: Reverse(member.instance),
                from,
                to,
                has: expected[from],
                fewest: expected[to],
            };
            best = best.max(Some(found));
        }
    }
    best
}

fn beside_at(demand: &Demand, host: usize) -> i64 {
    let there = demand.beside.iter().filter(|at| **at == host);
    i64::try_from(there.count()).unwrap_or(i64::MAX)
}

/// Whether as many run as are wanted, all of them serve, nothing else is to be done to them, and one more may run beside
/// them. What failed lately is left alone: a successor that did not get well is not tried on and on.
fn at_rest(world: &World<'_>, crew: &Crew<'_, '_>, worker: &DesiredWorker) -> bool {
    let is_deployed = crew
        .deploy()
        .is_some_and(|deploy| deploy.state == DeployState::Deployed);
    let starts_first = !worker.spec.singleton
        && worker.spec.rollout.order == Order::StartFirst
        && ceiling(crew) > crew.scale();
    let may_stay = |member: &Member<'_>| {
        let host = member.host.map(|at| world.nodes.hosts()[at]);
        world.nodes.is_emptied(member.host).is_none()
            && host.is_some_and(|host| worker.spec.unmet(&host.node).is_none())
    };
    is_deployed
        && starts_first
        && crew.members.iter().all(|member| {
            member.is_in_service()
                && member.role == Role::Standing
                && !member.busy
                && may_stay(member)
                && !is_to_restart(worker, member)
        })
        && count(crew.fresh()) == crew.scale()
        && running(crew) == crew.scale()
        && replace_unhealthy::backoff(world.input, crew).is_none()
}

/// Whether a person has asked for this Worker's pool to be evened out.
pub(crate) fn is_asked_for(draft: &Draft<'_, '_>, crew: &Crew<'_, '_>) -> bool {
    let rebalances = &draft.world.input.rebalances;
    rebalances.contains_key(&crew.app.stack)
}

/// Afterwards a successor of the one that is to move is started, where it was to go: what else this plan has started may
/// have changed that, and then the next one looks again.
pub(crate) fn apply<'a>(draft: &mut Draft<'_, 'a>, crew: &Crew<'_, 'a>) {
    let (Some(deploy), Some(worker)) = (crew.deploy(), crew.wanted()) else {
        return;
    };
    let found = crew.fresh().find_map(|member| {
        let chosen = draft.balance.moves.get(&member.instance)?;
        Some((member, *chosen))
    });
    let Some((member, chosen)) = found else {
        return;
    };
    let others = crew.fresh().filter(|one| one.instance != member.instance);
    let demand = Demand::of(crew, worker, others.filter_map(|one| one.host).collect());
    match draft.rooms().find(&demand) {
        Ok((to, _)) if to == chosen.to => {}
        Ok(_) | Err(_) => return,
    }
    let Ok(place) = draft.rooms().place(&demand) else {
        return;
    };
    let mut ids = Ids::of(draft.world.input.seed, crew.app.app, crew.worker);
    let number = |count: i64| u32::try_from(count).unwrap_or(0);
    draft.push(Step {
        action: Action::Start {
            port: place.port,
            ports: place.ports,
            restart: restart_policy(crew),
        },
        instance: crew.unused(&mut ids),
        handle: None,
        node: place.node,
        app: crew.app.app,
        worker: crew.worker.clone(),
        deploy: deploy.id,
        why: Why::Evens {
            of: member.instance,
            from: member.node.clone(),
            has: number(chosen.has),
            fewest: number(chosen.fewest),
        },
        placed: Some(place.placed),
    });
}
