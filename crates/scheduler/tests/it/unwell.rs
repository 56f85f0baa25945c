//! Rule 6 in random worlds: nothing is replaced while most of a pool is bad, and nothing is tried again too soon.

use crate::{
    properties::{config, perform_some},
    sketch::{Quality, arbitrary::sketch},
};
use domain::{
    DeployId, DeployState, InstanceId, Intent, IntentKind, IntentState, Timestamp, WorkerName,
    node::{Duty, NodeState},
    observed::{Authenticity, Phase},
};
use proptest::prelude::*;
use scheduler::{
    Plan,
    input::{PlanInput, Sighting},
    plan,
    plan::{Action, Step, Why},
};
use std::{collections::BTreeMap, time::Duration};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_is_replaced_while_too_many_are_bad(
        world in sketch(), percent in 0..100_u32, at_least in 1..5_u32, seed in any::<u64>(),
    ) {
        let mut world = world;
        world.repair();
        world.policy.halt_above_percent = percent;
        world.policy.halt_at_least = at_least;
        world.worker_mut("web").restart_before = None;
        world.quality.insert(DeployId::new(2), Quality::Sick);
        for round in 0..6_u32 {
            let bits = seed.rotate_left(round * 5);
            world.disturb(bits);
            world.seed += 1;
            let input = world.input();
            let plan = plan(&input);
            halts_as_told(&input, &plan)?;
            perform_some(&mut world, &plan, bits)?;
            world.go_on(&plan);
            world.now = world.now + Duration::from_secs(bits % 40);
        }
    }

    #[test]
    fn nothing_is_started_before_the_last_end_and_the_wait_for_it_are_over(world in sketch(), seed in any::<u64>()) {
        let mut world = world;
        world.repair();
        world.quality.insert(DeployId::new(2), Quality::Dying);
        for round in 0..12_u32 {
            let bits = seed.rotate_left(round * 5);
            world.disturb(bits);
            world.seed += 1;
            let input = world.input();
            let plan = plan(&input);
            waits_as_told(&input, &plan)?;
            perform_some(&mut world, &plan, bits)?;
            world.go_on(&plan);
        }
    }
}

/// Above the limit nothing is replaced, and whoever is not says so; below it nobody does.
fn halts_as_told(input: &PlanInput, plan: &Plan) -> Result<(), TestCaseError> {
    let late: Vec<InstanceId> = running(input)
        .filter(|seen| is_late(input, seen))
        .map(|sighting| sighting.seen.instance)
        .collect();
    let unhealthy = u32::try_from(late.len()).unwrap();
    let of = u32::try_from(running(input).count()).unwrap();
    let policy = &input.policy;
    let is_halted =
        unhealthy >= policy.halt_at_least && unhealthy * 100 > of * policy.halt_above_percent;
    let told = plan.held.iter().filter_map(|held| match held.why {
        Why::Halted { unhealthy, of } => Some((unhealthy, of)),
        _ => None,
    });
    for numbers in told {
        prop_assert!(is_halted, "{}", plan);
        prop_assert_eq!(numbers, (unhealthy, of), "{}", plan);
    }
    for step in plan.steps.iter().filter(|_| is_halted) {
        let replaced = match (&step.action, &step.why) {
            (_, Why::Unhealthy { .. }) => Some(step.instance),
            (Action::Start { .. }, Why::Successor { of }) => Some(*of),
            _ => None,
        };
        let replaced = replaced.filter(|of| late.contains(of) && is_at_home(input, *of));
        prop_assert_eq!(
            replaced,
            None,
            "{} of {} are unhealthy\n{}",
            unhealthy,
            of,
            plan
        );
    }
    Ok(())
}

/// What runs and is on record, but for that of a Deploy which has yet to prove itself.
fn running(input: &PlanInput) -> impl Iterator<Item = &Sighting> {
    let deploy = input.apps[0].deploy.as_ref().unwrap();
    let proving = (deploy.state == DeployState::Deploying).then_some(deploy.id);
    input.observed.iter().filter(move |sighting| {
        let seen = &sighting.seen;
        let intents = || of_instance(input, seen.instance);
        let is_on_record = intents().any(|one| {
            one.kind == IntentKind::Start && one.node == seen.node && is_standing(one.state)
        });
        let is_condemned = intents().any(|intent| intent.kind == IntentKind::Stop);
        let runs = matches!(
            seen.phase,
            Phase::Running { .. } | Phase::Restarting { .. } | Phase::Paused { .. }
        );
        runs && is_on_record
            && !is_condemned
            && seen.authenticity == Authenticity::Genuine
            && Some(seen.deploy) != proving
    })
}

fn is_standing(state: IntentState) -> bool {
    matches!(state, IntentState::Open | IntentState::Done)
}

fn of_instance(input: &PlanInput, instance: InstanceId) -> impl Iterator<Item = &Intent> {
    let intents = input.intents.iter();
    intents.filter(move |intent| intent.instance == instance)
}

fn is_late(input: &PlanInput, sighting: &Sighting) -> bool {
    let workers = &input.apps[0].deploy.as_ref().unwrap().workers;
    let grace = workers[0].spec.timing.grace;
    match &sighting.health {
        domain::Health::Unhealthy(evidence) => evidence.since + grace <= input.now,
        domain::Health::Unknown | domain::Health::Healthy(_) => false,
    }
}

/// Whether nothing but its health speaks against where it stands.
fn is_at_home(input: &PlanInput, instance: InstanceId) -> bool {
    let workers = &input.apps[0].deploy.as_ref().unwrap().workers;
    of_instance(input, instance).all(|intent| {
        let node = &input.node(&intent.node).unwrap().node;
        let spec = workers.iter().find(|one| one.spec.name == intent.worker);
        !matches!(node.duty, Duty::Draining | Duty::GivenUp)
            && node.state == NodeState::Alive
            && spec.is_none_or(|worker| worker.spec.unmet(node).is_none())
    })
}

/// A start that is new comes when the wait for it is over, one that waits says until when, and is looked at again then.
fn waits_as_told(input: &PlanInput, plan: &Plan) -> Result<(), TestCaseError> {
    for step in plan.steps.iter().filter(|step| is_new(input, step)) {
        let until = end_of_wait(input, &step.worker);
        prop_assert!(
            until.is_none_or(|until| until <= input.now),
            "{}\n{}",
            step.worker,
            plan
        );
    }
    for held in &plan.held {
        if let Why::Backoff { until, .. } = held.why {
            prop_assert_eq!(
                Some(until),
                end_of_wait(input, &held.worker),
                "{}\n{}",
                held.worker,
                plan
            );
            prop_assert!(plan.wake_at.is_some_and(|at| at <= until), "{}", plan);
        }
    }
    Ok(())
}

fn is_new(input: &PlanInput, step: &Step) -> bool {
    matches!(step.action, Action::Start { .. })
        && of_instance(input, step.instance).next().is_none()
}

/// The last end of the wanted Deploy's Worker and the wait for it, which doubles with each that came before it without a
/// long quiet in between, those that came at once being one. None: nothing has failed, or long ago.
fn end_of_wait(input: &PlanInput, worker: &WorkerName) -> Option<Timestamp> {
    let policy = &input.policy;
    let deploy = input.apps[0].deploy.as_ref().unwrap().id;
    let is_mine = |of: DeployId, name: &WorkerName| of == deploy && name == worker;
    let mut ends: BTreeMap<InstanceId, Timestamp> = BTreeMap::new();
    for sighting in &input.observed {
        let seen = &sighting.seen;
        if let Phase::Exited { at, .. } = seen.phase
            && is_mine(seen.deploy, &seen.worker)
            && by_itself(input, sighting, at)
        {
            ends.insert(seen.instance, at);
        }
    }
    for end in &input.ends {
        if is_mine(end.deploy, &end.worker) {
            ends.insert(end.instance, end.at);
        }
    }
    let mut times: Vec<Timestamp> = ends.into_values().collect();
    times.sort_unstable();
    let last = *times.last()?;
    let all = times.clone();
    let is_last_of_its_accident = |at: &Timestamp| {
        let next = all.iter().find(|next| *next > at);
        next.is_none_or(|next| next.since(*at) >= policy.backoff_first)
    };
    times.dedup();
    times.retain(is_last_of_its_accident);
    let mut wait = policy.backoff_first;
    while let Some(end) = times.pop() {
        let next = times.last().copied();
        if next.is_none_or(|earlier| end.since(earlier) >= policy.forget_after) {
            break;
        }
        wait = (wait * 2).min(policy.backoff_max);
    }
    (input.now.since(last) < policy.forget_after).then_some(last + wait)
}

/// Whether what ended was on record, and nobody had set out to stop it before.
fn by_itself(input: &PlanInput, sighting: &Sighting, at: Timestamp) -> bool {
    let seen = &sighting.seen;
    let intents = || of_instance(input, seen.instance);
    let is_on_record = intents().any(|intent| intent.node == seen.node);
    let mut stops = intents().filter(|intent| intent.kind == IntentKind::Stop);
    seen.authenticity == Authenticity::Genuine
        && is_on_record
        && stops.all(|stop| at < stop.opened_at)
}
