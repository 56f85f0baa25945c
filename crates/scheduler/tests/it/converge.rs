//! What the planner does over time, for each rule of the design.

use crate::sketch::{
    Quality, Sketch, healthy,
    scenes::{never_below, two_of_web},
    unhealthy, worker,
};
use domain::{
    ByteSize,
    DeployState::{Deployed, Deploying},
    observed::{End, Phase},
};
use scheduler::{
    Verdict,
    input::{Registration, RestartOnly},
    plan::Why,
};
use std::time::Duration;

#[test]
fn a_world_that_matches_needs_nothing() {
    let plan = two_of_web().plan();
    assert!(plan.is_empty() && plan.wake_at.is_none(), "{plan}");
}

#[test]
fn a_first_deploy_starts_registers_and_is_done() {
    let mut world = Sketch::new(&["a", "b", "c"]);
    world.want(1, Deploying, vec![worker("clock", 1), worker("web", 2)]);
    let plan = world.round();
    assert_eq!(plan.steps.len(), 3, "{plan}");
    world.settle_down();
    assert_eq!(world.verdict(), Verdict::Done);
    world.apps[0].deploy.as_mut().unwrap().state = Deployed;
    let plan = world.round();
    let words: Vec<_> = plan.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(words, ["keep", "keep", "keep"]);
    assert!(world.plan().is_empty());
}

#[test]
fn a_new_deploy_is_healthy_before_the_old_one_is_touched() {
    let mut world = two_of_web();
    world.want(2, Deploying, vec![worker("web", 2)]);
    assert_eq!(world.round().steps.len(), 2);
    never_below(&mut world, "web", 2);
    assert_eq!((world.serving("web", 1), world.serving("web", 2)), (0, 2));
    assert_eq!(world.containers.len(), 2);
    assert_eq!(world.verdict(), Verdict::Done);
}

#[test]
fn a_rolling_update_moves_one_at_a_time() {
    let mut world = two_of_web();
    let mut web = worker("web", 2);
    web.spec.rollout.max_surge = Some(1);
    world.want(2, Deploying, vec![web]);
    assert_eq!(world.round().steps.len(), 1);
    never_below(&mut world, "web", 2);
    assert_eq!((world.serving("web", 1), world.serving("web", 2)), (0, 2));
}

#[test]
fn the_stop_of_the_old_overlaps_the_start_of_the_next() {
    let mut world = two_of_web();
    let mut web = worker("web", 2);
    web.spec.rollout.max_surge = Some(1);
    web.spec.timing.drain = Duration::from_secs(30);
    world.want(2, Deploying, vec![web]);
    let overlapping = (0..8).any(|_| {
        let plan = world.round();
        let draining = plan
            .held
            .iter()
            .any(|held| matches!(held.why, Why::Draining { .. }));
        draining
            && plan
                .steps
                .iter()
                .any(|step| step.action.as_str() == "start")
    });
    assert!(overlapping);
}

#[test]
fn a_bad_worker_costs_no_other_its_old_instances() {
    let mut world = two_of_web();
    let clock = worker("clock", 1);
    world.run(&clock, 1, "a");
    let mut bad = worker("web", 2);
    bad.spec.timing.grace = Duration::from_secs(3600);
    world.want(2, Deploying, vec![clock, bad]);
    for _ in 0..50 {
        let plan = world.plan();
        plan.steps.iter().for_each(|step| world.perform(step));
        world.go_on(&plan);
        let now = world.now;
        for sighting in &mut world.containers {
            if sighting.seen.worker.as_str() == "web" && sighting.seen.deploy.number() == 2 {
                sighting.health = unhealthy(now);
            }
        }
    }
    assert_eq!((world.serving("web", 1), world.serving("clock", 1)), (2, 1));
    let plan = world.plan();
    let waiting = plan
        .held
        .iter()
        .filter(|held| matches!(held.why, Why::ProveFirst { .. }));
    assert_eq!(waiting.count(), 3, "{plan}");
}

#[test]
fn a_deploy_whose_instances_die_fails_and_costs_nothing() {
    let mut world = two_of_web();
    world
        .quality
        .insert(domain::DeployId::new(2), Quality::Dying);
    world.want(2, Deploying, vec![worker("web", 2)]);
    for _ in 0..30 {
        world.round();
    }
    let Verdict::Failed { reason, culprit } = world.verdict() else {
        panic!("did not fail");
    };
    assert!(reason.contains("exited with code 3"), "{reason}");
    assert_eq!(culprit.unwrap().exit_code, Some(3));
    world.want(1, Deployed, vec![worker("web", 2)]);
    never_below(&mut world, "web", 2);
    assert_eq!(world.containers.len(), 2);
}

#[test]
fn a_deploy_that_gets_not_healthy_fails_at_its_deadline() {
    let mut world = two_of_web();
    world
        .quality
        .insert(domain::DeployId::new(2), Quality::Sick);
    world.want(2, Deploying, vec![worker("web", 2)]);
    world.round();
    let Verdict::InProgress {
        healthy,
        wanted,
        step,
    } = world.verdict()
    else {
        panic!("ended");
    };
    assert_eq!((healthy, wanted), (0, 2));
    assert_eq!(step, "web 0 of 2 healthy, connection refused");
    world.now = world.now + Duration::from_secs(700);
    let Verdict::Failed { reason, .. } = world.verdict() else {
        panic!("did not fail");
    };
    assert!(reason.contains("connection refused"), "{reason}");
}

/// A pool that is too small is nobody's fault but is known at once: the step says so, and so does the failure.
#[test]
fn a_deploy_that_waits_for_room_says_so_and_fails_for_it() {
    let mut world = two_of_web();
    for node in &mut world.nodes {
        node.node.memory = Some(ByteSize::bytes(1 << 30));
    }
    let mut large = worker("web", 2);
    large.spec.resources.memory = Some(ByteSize::bytes(2 << 30));
    world.want(2, Deploying, vec![large]);
    let Verdict::InProgress { step, .. } = world.verdict() else {
        panic!("ended");
    };
    let why = "web 0 of 2 healthy, no node can take it: \
               a has 1.0 GiB of memory free, 2.0 GiB are wanted, \
               b has 1.0 GiB of memory free, 2.0 GiB are wanted";
    assert!(step.starts_with(why), "{step}");
    world.now = world.now + Duration::from_secs(700);
    let Verdict::Failed { reason, .. } = world.verdict() else {
        panic!("did not fail");
    };
    assert!(reason.contains(why), "{reason}");
}

#[test]
fn an_instance_that_died_is_replaced_after_a_wait() {
    let mut world = two_of_web();
    let at = world.now;
    world.containers[0].seen.phase = Phase::Exited {
        code: 137,
        end: End::OutOfMemory,
        at,
    };
    world.containers[0].registration = Registration::None;
    let plan = world.round();
    let waits = |why: &Why| matches!(why, Why::Backoff { failures: 1, .. });
    assert!(plan.held.iter().any(|held| waits(&held.why)), "{plan}");
    never_below(&mut world, "web", 1);
    assert_eq!(world.serving("web", 1), 2);
}

#[test]
fn what_dies_over_and_over_is_tried_ever_more_slowly() {
    let mut world = Sketch::new(&["a"]);
    world
        .quality
        .insert(domain::DeployId::new(1), Quality::Dying);
    world.want(1, Deployed, vec![worker("web", 1)]);
    let mut starts = Vec::new();
    for _ in 0..60 {
        let plan = world.plan();
        plan.steps.iter().for_each(|step| world.perform(step));
        if plan
            .steps
            .iter()
            .any(|step| step.action.as_str() == "start")
        {
            starts.push(world.now);
        }
        world.go_on(&plan);
    }
    let waits: Vec<_> = starts
        .windows(2)
        .map(|two| two[1].since(two[0]).as_secs())
        .collect();
    assert!(
        waits.len() >= 4 && waits.is_sorted() && waits[3] >= 8,
        "{waits:?}"
    );
}

#[test]
fn a_rescale_is_a_plan_like_any_other() {
    let mut world = two_of_web();
    world.want(1, Deployed, vec![worker("web", 5)]);
    never_below(&mut world, "web", 2);
    assert_eq!(world.serving("web", 1), 5);
    world.want(1, Deployed, vec![worker("web", 1)]);
    never_below(&mut world, "web", 1);
    assert_eq!(world.containers.len(), 1);
    world.want(1, Deployed, vec![worker("web", 0)]);
    world.settle_down();
    assert_eq!(world.containers.len(), 0);
}

#[test]
fn a_restart_replaces_every_instance_once() {
    let mut world = two_of_web();
    world.now = world.now + Duration::from_secs(60);
    world.worker_mut("web").restart_before = Some(world.now);
    let before: Vec<_> = world
        .containers
        .iter()
        .map(|seen| seen.seen.instance)
        .collect();
    never_below(&mut world, "web", 2);
    assert_eq!(world.containers.len(), 2);
    assert!(
        world
            .containers
            .iter()
            .all(|seen| !before.contains(&seen.seen.instance))
    );
}

#[test]
fn a_restart_of_healthy_instances_replaces_those_that_were_healthy_then() {
    let mut world = two_of_web();
    let (late, well) = (
        world.containers[0].seen.instance,
        world.containers[1].seen.instance,
    );
    world.now = world.now + Duration::from_secs(60);
    let asked_at = world.now;
    world.seen_mut(late).health = healthy(asked_at + Duration::from_secs(1));
    let asked = world.worker_mut("web");
    asked.restart_before = Some(asked_at);
    asked.restart_only = RestartOnly::Healthy;
    never_below(&mut world, "web", 2);
    let stands = |world: &Sketch, id| world.containers.iter().any(|c| c.seen.instance == id);
    assert!(stands(&world, late) && !stands(&world, well));
}

#[test]
fn a_restart_of_unhealthy_instances_replaces_those_that_were_unhealthy_then() {
    let mut world = two_of_web();
    let (sick, well) = (
        world.containers[0].seen.instance,
        world.containers[1].seen.instance,
    );
    world.now = world.now + Duration::from_secs(60);
    let since = world.now;
    world.seen_mut(sick).health = unhealthy(since);
    let asked = world.worker_mut("web");
    asked.restart_before = Some(since);
    asked.restart_only = RestartOnly::Unhealthy;
    never_below(&mut world, "web", 1);
    let stands = |world: &Sketch, id| world.containers.iter().any(|c| c.seen.instance == id);
    assert!(!stands(&world, sick) && stands(&world, well));

    world.now = world.now + Duration::from_secs(3600);
    let later = world.now;
    world.seen_mut(well).health = unhealthy(later);
    let plan = world.plan();
    assert_eq!(plan.steps, [], "it has its grace: {plan}");
}
