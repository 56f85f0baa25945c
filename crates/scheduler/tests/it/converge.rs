//! What the planner does over time, for each rule of the design.

use crate::sketch::{Quality, Sketch, unhealthy, worker};
use domain::{
    DeployState::{Deployed, Deploying},
    Health, IntentState,
    node::{Duty, NodeState},
    observed::{Authenticity, End, Phase},
    worker::Order,
};
use scheduler::{
    Verdict,
    input::{Answered, Registration},
    judge,
    plan::Why,
};
use std::time::Duration;

/// `web` twice at dep-1, on nodes a and b.
fn two_of_web() -> Sketch {
    let mut world = Sketch::new(&["a", "b"]);
    let web = worker("web", 2);
    world.run(&web, 1, "a");
    world.run(&web, 1, "b");
    world.want(1, Deployed, vec![web]);
    world
}

/// Rounds to rest; at every one of them, as many serve as have to.
#[track_caller]
fn never_below(world: &mut Sketch, worker: &str, needed: usize) {
    for _ in 0..200 {
        let plan = world.plan();
        for step in &plan.steps {
            world.perform(step);
            let serving: usize = (1..10).map(|deploy| world.serving(worker, deploy)).sum();
            assert!(serving >= needed, "{serving} serve\n{plan}");
        }
        world.go_on(&plan);
        if plan.is_empty() {
            return;
        }
    }
    panic!("no rest:\n{}", world.plan());
}

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
    assert_eq!(judge(&world.apps[0], &world.input()), Verdict::Done);
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
    assert_eq!(judge(&world.apps[0], &world.input()), Verdict::Done);
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
    let Verdict::Failed { reason, culprit } = judge(&world.apps[0], &world.input()) else {
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
    } = judge(&world.apps[0], &world.input())
    else {
        panic!("ended");
    };
    assert_eq!((healthy, wanted), (0, 2));
    assert_eq!(step, "web 0 of 2 healthy, connection refused");
    world.now = world.now + Duration::from_secs(700);
    let Verdict::Failed { reason, .. } = judge(&world.apps[0], &world.input()) else {
        panic!("did not fail");
    };
    assert!(reason.contains("connection refused"), "{reason}");
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
fn an_unhealthy_instance_is_replaced_when_its_grace_is_over() {
    let mut world = two_of_web();
    let sick = world.containers[0].seen.instance;
    world.seen_mut(sick).health = unhealthy(world.now);
    let plan = world.plan();
    assert!(plan.steps.is_empty() && plan.wake_at == Some(world.now + Duration::from_secs(60)));
    world.now = world.now + Duration::from_secs(60);
    never_below(&mut world, "web", 1);
    assert_eq!(world.serving("web", 1), 2);
    assert!(
        world
            .containers
            .iter()
            .all(|seen| seen.seen.instance != sick)
    );
}

#[test]
fn most_of_a_pool_turning_bad_halts_replacing() {
    let mut world = Sketch::new(&["a", "b"]);
    let web = worker("web", 4);
    for node in ["a", "b", "a", "b"] {
        world.run(&web, 1, node);
    }
    world.want(1, Deployed, vec![web]);
    let since = world.now;
    world.containers[..3]
        .iter_mut()
        .for_each(|seen| seen.health = unhealthy(since));
    world.now = world.now + Duration::from_secs(120);
    let plan = world.plan();
    assert_eq!(plan.steps, [], "{plan}");
    assert!(
        plan.held.iter().all(|held| held.why
            == Why::Halted {
                unhealthy: 3,
                of: 4
            }),
        "{plan}"
    );
}

#[test]
fn unknown_health_stops_nothing() {
    let mut world = two_of_web();
    world
        .containers
        .iter_mut()
        .for_each(|seen| seen.health = Health::Unknown);
    world.now = world.now + Duration::from_secs(86_400);
    assert_eq!(world.plan().steps, []);
    world.want(2, Deploying, vec![worker("web", 2)]);
    let plan = world.round();
    assert!(
        plan.steps
            .iter()
            .all(|step| step.action.as_str() == "start"),
        "{plan}"
    );
}

#[test]
fn a_draining_node_is_emptied_start_first() {
    let mut world = two_of_web();
    world.node_mut("a").node.duty = Duty::Draining;
    never_below(&mut world, "web", 2);
    assert!(
        world
            .containers
            .iter()
            .all(|seen| seen.seen.node.as_str() == "b")
    );
}

#[test]
fn a_cordoned_node_keeps_what_it_has_and_gets_nothing() {
    let mut world = two_of_web();
    world.node_mut("a").node.duty = Duty::Cordoned;
    assert!(world.plan().is_empty());
    world.want(1, Deployed, vec![worker("web", 4)]);
    world.settle_down();
    let on_a = world
        .containers
        .iter()
        .filter(|seen| seen.seen.node.as_str() == "a");
    assert_eq!(on_a.count(), 1);
}

#[test]
fn a_silent_node_moves_nothing_and_a_failed_one_everything() {
    let mut world = two_of_web();
    world.node_mut("a").answered = Answered::No;
    world.node_mut("a").node.state = NodeState::Silent;
    let plan = world.plan();
    assert_eq!(plan.steps, [], "{plan}");
    assert_eq!(plan.held[0].why, Why::NodeSilent);
    world.node_mut("a").node.state = NodeState::Failed;
    world.round();
    world.settle_down();
    let on_b = world
        .containers
        .iter()
        .filter(|seen| seen.seen.node.as_str() == "b");
    assert_eq!(on_b.count(), 2);
    world.node_mut("a").answered = Answered::Yes;
    world.node_mut("a").node.state = NodeState::Alive;
    never_below(&mut world, "web", 2);
    assert_eq!(world.containers.len(), 2);
}

#[test]
fn a_pool_of_which_too_few_answer_is_not_believed() {
    let mut world = two_of_web();
    for name in ["a", "b"] {
        world.node_mut(name).answered = Answered::No;
        world.node_mut(name).node.state = NodeState::Failed;
    }
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(
        plan.held[0].why,
        Why::PoolDoubted {
            answering: 0,
            known: 2
        }
    );
}

#[test]
fn a_copy_goes_and_the_original_stays() {
    let mut world = two_of_web();
    let mut copy = world.containers[0].clone();
    copy.seen.handle = "copy".to_owned();
    copy.seen.authenticity = Authenticity::Copy;
    world.containers.push(copy);
    let plan = world.round();
    assert_eq!(plan.steps.len(), 1, "{plan}");
    assert_eq!(plan.steps[0].why, Why::Copy);
    never_below(&mut world, "web", 2);
    assert_eq!(world.containers.len(), 2);
    assert!(
        world
            .containers
            .iter()
            .all(|seen| seen.registration == Registration::Serving)
    );
}

#[test]
fn what_no_intent_stands_for_is_swept_unless_it_alone_serves() {
    let mut world = two_of_web();
    let late = world.containers[0].seen.instance;
    world.intents.retain(|intent| intent.instance != late);
    let plan = world.round();
    assert!(
        plan.held.iter().any(|held| held.instance == Some(late)),
        "{plan}"
    );
    never_below(&mut world, "web", 2);
    assert!(
        world
            .containers
            .iter()
            .all(|seen| seen.seen.instance != late)
    );
}

#[test]
fn what_the_database_does_not_know_is_held() {
    let mut world = two_of_web();
    world.known.clear();
    world.intents.clear();
    world.apps[0].deploy = None;
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    assert!(plan.held.iter().all(|held| held.why == Why::UnknownDeploy) && plan.held.len() == 2);
}

#[test]
fn a_singleton_never_overlaps() {
    let mut world = Sketch::new(&["a", "b"]);
    let mut cron = worker("cron", 1);
    cron.spec.singleton = true;
    world.run(&cron, 1, "a");
    world.want(2, Deploying, vec![cron]);
    for _ in 0..30 {
        let plan = world.plan();
        for step in &plan.steps {
            world.perform(step);
            let running = world
                .containers
                .iter()
                .filter(|seen| seen.seen.phase.is_running());
            assert!(running.count() <= 1, "{plan}");
        }
        world.go_on(&plan);
    }
    assert_eq!(world.serving("cron", 2), 1);
}

#[test]
fn a_singleton_of_a_failed_node_waits_for_a_person() {
    let mut world = Sketch::new(&["a", "b"]);
    let mut cron = worker("cron", 1);
    cron.spec.singleton = true;
    let lost = world.run(&cron, 1, "a");
    world.want(1, Deployed, vec![cron]);
    world.node_mut("a").answered = Answered::No;
    world.node_mut("a").node.state = NodeState::Failed;
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.held[0].why, Why::Overlap { other: lost });
}

#[test]
fn the_old_goes_first_where_the_policy_says_so() {
    let mut world = two_of_web();
    let mut web = worker("web", 2);
    web.spec.rollout.order = Order::StopFirst;
    world.want(2, Deploying, vec![web]);
    for _ in 0..30 {
        world.round();
        assert!(world.containers.len() <= 2);
    }
    assert_eq!(world.serving("web", 2), 2);
}

#[test]
fn a_start_on_record_is_taken_up_with_its_id_node_and_port() {
    let mut world = Sketch::new(&["a", "b"]);
    world.want(1, Deploying, vec![worker("web", 2)]);
    let plan = world.plan();
    plan.steps.iter().for_each(|step| world.record(step));
    let again = world.plan();
    let what = |plan: &scheduler::Plan| {
        let steps = plan.steps.iter();
        let mut what: Vec<_> = steps
            .map(|step| (step.instance, step.node.clone(), step.action.clone()))
            .collect();
        what.sort_by_key(|(instance, _, _)| *instance);
        what
    };
    assert_eq!(what(&plan), what(&again));
    assert!(
        again.steps.iter().all(|step| step.why == Why::TakenUp),
        "{again}"
    );
    world.worker_mut("web").scale = domain::Scale::default();
    let given_up = world.plan();
    assert!(
        given_up
            .steps
            .iter()
            .all(|step| step.action.as_str() == "abandon"),
        "{given_up}"
    );
    assert!(
        world
            .intents
            .iter()
            .all(|intent| intent.state == IntentState::Open)
    );
}

#[test]
fn what_is_being_acted_at_is_left_alone() {
    let mut world = two_of_web();
    world.busy = world
        .containers
        .iter()
        .map(|seen| seen.seen.instance)
        .collect();
    world.want(1, Deployed, vec![worker("web", 0)]);
    assert_eq!(world.plan().steps, []);
}

#[test]
fn a_full_pool_says_what_is_missing() {
    let mut world = Sketch::new(&["a", "b"]);
    world.node_mut("a").node.memory = Some("100MiB".parse().unwrap());
    world.node_mut("b").node.duty = Duty::Cordoned;
    let mut web = worker("web", 2);
    web.spec.resources.memory = Some("64MiB".parse().unwrap());
    world.want(1, Deployed, vec![web]);
    let plan = world.plan();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(
        plan.held[0].why.to_string(),
        "no node can take it: a has 36.0 MiB of memory free, 64.0 MiB are wanted, b is cordoned"
    );
}
