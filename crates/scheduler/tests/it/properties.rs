//! What holds for every world: nothing that `check` forbids, the same plan for the same input in any order, and an end.

use crate::sketch::{
    APP, Sketch,
    arbitrary::{change, sketch},
};
use domain::{
    IntentKind, Timestamp,
    node::{Duty, NodeState},
    worker::Order,
};
use proptest::prelude::*;
use scheduler::{Plan, check, input::Answered, plan, plan::Step};
use std::time::Duration;

/// Two thousand worlds each; more by `PROPTEST_CASES`.
pub(crate) fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(2_000),
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_plan_does_what_none_may(world in sketch()) {
        let input = world.input();
        let plan = plan(&input);
        prop_assert_eq!(check(&plan, &input), [], "{}", plan);
    }

    #[test]
    fn a_node_that_a_doubted_pool_shows_no_more_is_as_one_that_is_silent(world in sketch(), left in 0..3_usize) {
        let mut silent = world;
        let all = silent.nodes.len();
        let left = left.min(all.saturating_sub(1) / 2);
        for host in &mut silent.nodes[left..] {
            host.answered = Answered::No;
            host.node.state = NodeState::Silent;
            host.node.duty = Duty::Serving;
        }
        let mut missing = silent.clone();
        missing.nodes.truncate(left);
        missing.remembered = u32::try_from(all).unwrap();
        // What spoke for a place is told of what is seen.
        let steps = |world: &Sketch| {
            let steps = plan(&world.input()).steps.into_iter();
            steps.map(|step| Step { placed: None, ..step }).collect::<Vec<_>>()
        };
        prop_assert_eq!(steps(&missing), steps(&silent));
    }

    #[test]
    fn neither_time_nor_order_of_the_input_matters(world in sketch(), turn in 0..20_usize) {
        let input = world.input();
        let mut turned = input.clone();
        let middle = |length: usize| if length == 0 { 0 } else { turn % length };
        turned.observed.rotate_left(middle(input.observed.len()));
        turned.intents.rotate_left(middle(input.intents.len()));
        turned.observed.reverse();
        prop_assert_eq!(plan(&input), plan(&input));
        prop_assert_eq!(plan(&input), plan(&turned));
    }

    #[test]
    fn plans_performed_step_by_step_come_to_an_end(world in sketch(), rebalance in prop::option::of(1..4_u16)) {
        let mut world = world;
        world.rebalance = rebalance;
        world.repair();
        let rest = perform_to_the_end(&mut world)?;
        prop_assert!(rest.is_empty(), "no rest:\n{}", rest);
        for worker in &world.apps[0].deploy.as_ref().unwrap().workers {
            let want = if worker.spec.singleton { worker.scale.get().min(1) } else { worker.scale.get() };
            let have = world.serving(worker.spec.name.as_str(), 2);
            prop_assert_eq!(have, usize::from(want), "{}", worker.spec.name);
        }
        let wanted: usize = (1..=3).map(|deploy| world.serving("web", deploy) + world.serving("cron", deploy)
            + world.serving("clock", deploy)).sum();
        prop_assert_eq!(world.containers.len(), wanted, "nothing is left over");
        let draining = |node| world.nodes.iter().any(|host| host.node.name == node && host.node.duty == Duty::Draining);
        let stay = world.containers.iter().find(|seen| draining(seen.seen.node.clone()));
        prop_assert!(stay.is_none(), "a node that drains keeps {:?}", stay);
    }

    #[test]
    fn plans_come_to_an_end_beside_a_node_that_stays_lost(world in sketch()) {
        let mut world = world;
        world.repair();
        let Some(lost) = world.lose_one() else {
            return Ok(());
        };
        let there = |world: &Sketch| {
            let all = world.containers.iter().filter(|seen| seen.seen.node == lost);
            all.map(|seen| seen.seen.instance).collect::<Vec<_>>()
        };
        let before = there(&world);
        let rest = perform_to_the_end(&mut world)?;
        // What is held is a singleton of which nobody can see whether it still runs there.
        prop_assert_eq!(&rest.steps, &[], "no rest:\n{}", rest);
        prop_assert_eq!(there(&world), before, "nothing is done there");
        for worker in &world.apps[0].deploy.as_ref().unwrap().workers {
            if worker.spec.singleton {
                continue;
            }
            let mut here = world.clone();
            here.containers.retain(|seen| seen.seen.node != lost);
            let have = here.serving(worker.spec.name.as_str(), 2);
            prop_assert_eq!(have, usize::from(worker.scale.get()), "{}", worker.spec.name);
        }
    }

    #[test]
    fn a_change_has_never_two_new_instances_of_a_worker_before_one_serves(world in change(), seed in any::<u64>()) {
        let mut world = world;
        for round in 0..30_u64 {
            let plan = world.plan();
            perform_some(&mut world, &plan, seed.rotate_left(u32::try_from(round * 7 % 64).unwrap()) | 1)?;
            for worker in ["clock", "web"] {
                let (new, serve) = (world.begun(worker, 2), world.serving(worker, 2));
                prop_assert!(new <= 1 || serve > 0, "{} of {}, {} serve\n{}", new, worker, serve, plan);
            }
            world.go_on(&plan);
        }
        world.settle_down();
        for worker in ["clock", "web"] {
            let scale = world.worker_mut(worker).scale.get();
            prop_assert_eq!(world.serving(worker, 2), usize::from(scale));
        }
    }

    #[test]
    fn a_world_that_changes_on_the_way_is_never_harmed(world in sketch(), seed in any::<u64>(), rebalance in prop::option::of(1..4_u16)) {
        let mut world = world;
        world.rebalance = rebalance;
        world.repair();
        for round in 0..12_u64 {
            let bits = seed.rotate_left(u32::try_from(round * 5).unwrap());
            world.disturb(bits);
            world.seed += 1;
            let input = world.input();
            let plan = plan(&input);
            prop_assert_eq!(check(&plan, &input), [], "{}", plan);
            // In its own order, too: whoever is killed has performed some beginning of it.
            perform_each(&mut world.clone(), &plan, plan.steps.iter())?;
            perform_some(&mut world, &plan, bits)?;
            world.go_on(&plan);
        }
    }
}

fn perform_to_the_end(world: &mut Sketch) -> Result<Plan, TestCaseError> {
    let mut quiet = 0;
    for _ in 0..300 {
        let plan = world.plan();
        // Again, after a look: what is unknown or restarting at the first is known by then.
        quiet = if plan.steps.is_empty() && plan.wake_at.is_none() {
            quiet + 1
        } else {
            0
        };
        if quiet == 3 {
            return Ok(plan);
        }
        perform_some(world, &plan, u64::MAX)?;
        world.go_on(&plan);
    }
    Ok(world.plan())
}

/// Performs the steps whose bit is set, from the last to the first: they may be performed in any order, and in part.
pub(crate) fn perform_some(
    world: &mut Sketch,
    plan: &Plan,
    bits: u64,
) -> Result<(), TestCaseError> {
    let steps = plan.steps.iter().enumerate().rev();
    let chosen = steps.filter(|(number, _)| bits >> (number % 64) & 1 == 1);
    perform_each(world, plan, chosen.map(|(_, step)| step))
}

/// Performs steps of a plan one after the other. After each, as many serve as have to, or as did before.
fn perform_each<'a>(
    world: &mut Sketch,
    plan: &Plan,
    steps: impl Iterator<Item = &'a Step>,
) -> Result<(), TestCaseError> {
    let before = serving(world);
    for step in steps {
        world.perform(step);
        for ((worker, needed, now), (_, _, before)) in serving(world).into_iter().zip(&before) {
            prop_assert!(
                now >= needed.min(*before),
                "{} {} {}\n{}",
                worker,
                before,
                now,
                plan
            );
        }
    }
    Ok(())
}

/// Each Worker with how many have to serve and how many do, of whichever Deploy.
fn serving(world: &Sketch) -> Vec<(String, usize, usize)> {
    let deploy = world.apps[0].deploy.as_ref().unwrap();
    let standing = |worker: &str| {
        let mine = world.containers.iter().filter(|seen| {
            let on_record = world.intents.iter().any(|intent| {
                intent.instance == seen.seen.instance && intent.node == seen.seen.node
            });
            let condemned = world.intents.iter().any(|intent| {
                intent.instance == seen.seen.instance && intent.kind == IntentKind::Stop
            });
            on_record && !condemned && world.is_serving(seen) && seen.seen.worker.as_str() == worker
        });
        mine.count()
    };
    let workers = deploy.workers.iter();
    workers
        .map(|worker| {
            let rollout = worker.spec.rollout;
            let free = worker.spec.singleton || rollout.order == Order::StopFirst;
            let floor = worker
                .scale
                .get()
                .saturating_sub(rollout.max_unavailable)
                .max(1);
            let needed = if free || worker.scale.get() == 0 {
                0
            } else {
                floor
            };
            let name = worker.spec.name.to_string();
            let serving = standing(&name);
            (name, usize::from(needed), serving)
        })
        .collect()
}

#[test]
fn waking_is_always_later() {
    let mut world = Sketch::new(&["a"]);
    world.now = Timestamp::EPOCH + Duration::from_secs(5);
    let plan = world.plan();
    assert!(plan.is_empty() && plan.wake_at.is_none());
    assert_eq!(world.apps[0].app, APP);
}
