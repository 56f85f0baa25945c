//! Tests of the test: each thing that no plan may do is found in a plan that does it.

use crate::sketch::{Sketch, worker};
use domain::{
    DeployId,
    DeployState::{Deployed, Deploying},
    Health, InstanceId,
    node::Duty,
    observed::RestartPolicy,
    worker::NamedPorts,
};
use scheduler::{
    Plan, Violation, broken, check,
    input::{Answered, Opening},
    plan::{Action, Step, Why},
};
use std::collections::BTreeSet;

/// `web` twice at dep-1 with dep-2 on its way, not healthy yet, and `cron` alone.
fn world() -> Sketch {
    let mut world = Sketch::new(&["a", "b"]);
    let (web, mut cron) = (worker("web", 2), worker("cron", 1));
    cron.spec.singleton = true;
    world.run(&web, 1, "a");
    world.run(&web, 1, "b");
    world.run(&cron, 1, "a");
    world.want(2, Deploying, vec![cron, web]);
    world
}

fn step(world: &Sketch, number: usize, action: Action) -> Step {
    let seen = &world.containers[number].seen;
    Step {
        action,
        instance: seen.instance,
        handle: Some(seen.handle.clone()),
        node: seen.node.clone(),
        app: seen.app,
        worker: seen.worker.clone(),
        deploy: seen.deploy,
        why: Why::NotWanted,
        placed: None,
    }
}

fn start(world: &Sketch, number: usize, instance: u64, port: Option<u16>) -> Step {
    Step {
        instance: InstanceId::from_bits(instance),
        handle: None,
        deploy: DeployId::new(2),
        ..step(
            world,
            number,
            Action::Start {
                port,
                ports: NamedPorts::default(),
                restart: RestartPolicy::No,
            },
        )
    }
}

/// The kinds of what is found in a plan of these steps.
fn found(world: &Sketch, steps: Vec<Step>) -> BTreeSet<String> {
    let plan = Plan {
        steps,
        ..Plan::default()
    };
    kinds(&check(&plan, &world.input()))
}

fn kinds(violations: &[Violation]) -> BTreeSet<String> {
    let kind = |violation: &Violation| {
        let text = format!("{violation:?}");
        text.split(' ').next().unwrap().to_owned()
    };
    violations.iter().map(kind).collect()
}

#[track_caller]
fn finds(world: &Sketch, steps: Vec<Step>, want: &[&str]) {
    let want: BTreeSet<_> = want.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(found(world, steps), want);
}

#[test]
fn stops_that_cost_too_much_are_found() {
    let mut world = world();
    finds(
        &world,
        vec![step(&world, 0, Action::Maintenance)],
        &["BelowHealthyMinimum", "Unproven"],
    );
    world.containers[0].health = Health::Unknown;
    finds(
        &world,
        vec![step(&world, 0, Action::Stop)],
        &["StopsUnknown", "Unproven"],
    );
    let for_health = Step {
        why: Why::Unhealthy {
            what: String::new(),
        },
        ..step(&world, 2, Action::Stop)
    };
    finds(&world, vec![for_health], &["StopsUnknown", "Unproven"]);
}

#[test]
fn starts_that_have_no_place_are_found() {
    let mut world = world();
    let starts = |world: &Sketch| vec![start(world, 0, 77, Some(20_500))];
    finds(&world, starts(&world), &[]);
    let mut choosy = world.clone();
    choosy.worker_mut("web").spec.constraints = vec!["disk == ssd".parse().unwrap()];
    finds(&choosy, starts(&choosy), &["Misplaced"]);
    finds(
        &world,
        vec![start(&world, 0, 77, Some(20_002))],
        &["PortNotFree"],
    );
    finds(
        &world,
        vec![start(&world, 0, 77, Some(80))],
        &["PortNotFree"],
    );
    let twice = vec![
        start(&world, 0, 77, Some(20_500)),
        start(&world, 0, 78, Some(20_500)),
    ];
    finds(&world, twice, &["PortNotFree"]);
    let many = (0..3).map(|n| start(&world, 0, 77 + n, Some(20_500 + u16::try_from(n).unwrap())));
    finds(&world, many.collect(), &["AboveCeiling"]);
    for duty in [Duty::Cordoned, Duty::Draining] {
        world.node_mut("a").node.duty = duty;
        finds(&world, starts(&world), &["NodeTakesNothing"]);
    }
    world.node_mut("a").node.duty = Duty::Serving;
    world.node_mut("a").node.memory = Some("1MiB".parse().unwrap());
    world.worker_mut("web").spec.resources.memory = Some("64MiB".parse().unwrap());
    finds(&world, starts(&world), &["Overbooked"]);
    world.node_mut("a").node.memory = None;
    world.node_mut("a").answered = Answered::No;
    finds(&world, starts(&world), &["ActsUnseen", "NodeTakesNothing"]);
}

#[test]
fn a_change_that_does_not_open_with_one_is_found() {
    let mut world = world();
    world.open_with(Opening::One);
    let one = || start(&world, 0, 77, Some(20_500));
    finds(&world, vec![one()], &[]);
    let two = vec![one(), start(&world, 0, 78, Some(20_501))];
    finds(&world, two, &["NotOneFirst"]);
}

#[test]
fn a_singleton_beside_another_is_found() {
    let world = world();
    finds(
        &world,
        vec![start(&world, 2, 77, None)],
        &["AboveCeiling", "SingletonOverlaps"],
    );
}

#[test]
fn steps_that_are_nobodys_business_are_found() {
    let mut world = world();
    let again = Step {
        instance: world.containers[0].seen.instance,
        ..start(&world, 0, 0, Some(9))
    };
    finds(&world, vec![again], &["StartsAnew"]);
    let keep = || step(&world, 0, Action::Keep);
    finds(&world, vec![keep(), keep()], &["TwoSteps"]);
    let keep = vec![keep()];
    world.busy.insert(world.containers[0].seen.instance);
    finds(&world, keep.clone(), &["Busy"]);
    world.busy.clear();
    world.known.remove(&DeployId::new(1));
    finds(&world, keep, &["TouchesUnknownDeploy"]);
}

#[test]
fn a_planner_that_ignores_the_healthy_minimum_is_found() {
    let world = world();
    let input = world.input();
    let plan = broken::plan_that_ignores_the_healthy_minimum(&input);
    assert!(
        kinds(&check(&plan, &input)).contains("BelowHealthyMinimum"),
        "{plan}"
    );
}

#[test]
fn a_planner_that_takes_unknown_for_unhealthy_is_found() {
    let mut world = Sketch::new(&["a", "b"]);
    let web = worker("web", 3);
    for node in ["a", "b", "a"] {
        world.run(&web, 1, node);
    }
    world.want(1, Deployed, vec![web]);
    let unseen = world.containers[0].seen.instance;
    let found = (0..10).any(|_| {
        world.seen_mut(unseen).health = Health::Unknown;
        world.seed += 1;
        let input = world.input();
        let plan = broken::plan_that_takes_unknown_for_unhealthy(&input);
        let found = kinds(&check(&plan, &input));
        plan.steps.iter().for_each(|step| world.perform(step));
        world.go_on(&plan);
        found.contains("StopsUnknown")
    });
    assert!(found);
}
