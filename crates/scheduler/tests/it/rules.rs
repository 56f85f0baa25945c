//! Rules 4 to 9 of the design, and those of the record.

use crate::sketch::{
    Sketch,
    scenes::{never_below, two_of_web},
    unhealthy, worker,
};
use domain::{
    DeployState::{Deployed, Deploying},
    Health, IntentState,
    node::{Duty, NodeState},
    observed::Authenticity,
    worker::Order,
};
use scheduler::{
    input::{Answered, Registration},
    plan::Why,
};
use std::time::Duration;

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

/// What a pool of 4 shows when its catalog has lost most of what it knew, or its hosts have really gone.
#[test]
fn a_pool_that_suddenly_shows_few_nodes_is_not_believed() {
    for (why, left, remembered, want) in [
        ("one of four is missing: it is lost", "a b c", 4, Some(1)),
        ("half of it: so be it", "a b", 4, Some(2)),
        ("most of it", "a", 4, None),
        ("all of it", "", 4, None),
        ("most of it, and that is old news", "a", 1, Some(3)),
        ("nothing is remembered", "a", 0, Some(3)),
    ] {
        let mut world = Sketch::new(&["a", "b", "c", "d"]);
        world.want(1, Deployed, vec![worker("web", 4)]);
        world.settle_down();
        world
            .nodes
            .retain(|host| left.contains(host.node.name.as_str()));
        world.remembered = remembered;
        let plan = world.plan();
        let started = plan
            .steps
            .iter()
            .filter(|step| step.action.as_str() == "start");
        assert_eq!(started.count(), want.unwrap_or(0), "{why}: {plan}");
        let known = remembered;
        let answering = u32::try_from(world.nodes.len()).unwrap();
        let doubted = Why::PoolDoubted { answering, known };
        let is_said = plan.held.iter().any(|held| held.why == doubted);
        assert_eq!(is_said, want.is_none(), "{why}: {plan}");
        assert!(want.is_some() || plan.steps.is_empty(), "{why}: {plan}");
    }
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
fn a_singleton_of_a_node_that_a_person_has_given_up_starts_elsewhere() {
    for (why, state, listed) in [
        ("the catalog calls it failed", NodeState::Failed, true),
        ("the catalog calls it alive", NodeState::Silent, true),
        ("no pool lists it", NodeState::Failed, false),
    ] {
        let mut world = Sketch::new(&["a", "b"]);
        let mut cron = worker("cron", 1);
        cron.spec.singleton = true;
        let lost = world.run(&cron, 1, "a");
        world.want(1, Deployed, vec![cron]);
        world.node_mut("a").answered = Answered::No;
        world.node_mut("a").node.state = state;
        if !listed {
            world.nodes.remove(0);
        }
        let plan = world.plan();
        assert_eq!(plan.steps, [], "{why}: nobody has said so");
        match listed {
            true => world.node_mut("a").node.duty = Duty::GivenUp,
            false => world.given_up = ["a".parse().unwrap()].into(),
        }
        let plan = world.round();
        let started: Vec<_> = plan.steps.iter().map(|step| step.node.as_str()).collect();
        assert_eq!(started, ["b"], "{why}: {plan}");
        world.settle_down();
        assert!(world.plan().is_empty(), "{why}: {}", world.plan());

        // It comes back: what it has goes, and nothing is put there.
        if listed {
            world.node_mut("a").answered = Answered::Yes;
            world.node_mut("a").node.state = NodeState::Alive;
            let plan = world.plan();
            assert_eq!(plan.steps[0].instance, lost);
            never_below(&mut world, "cron", 1);
            let left = world.containers.iter().map(|seen| seen.seen.node.as_str());
            assert_eq!(left.collect::<Vec<_>>(), ["b"], "{why}");
        }
    }
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
fn the_successor_that_a_later_deploy_of_the_same_release_left_takes_its_place() {
    let mut world = two_of_web();
    let second = Duration::from_secs(1);
    world.worker_mut("web").restart_before = Some(world.now + second);
    world.now = world.now + 2 * second;
    // A rollback to what runs was cancelled, and had started one by then.
    let later = world.run(&worker("web", 2), 2, "a");
    world.seen_mut(later).registration = Registration::None;
    let wanted = world.apps[0].deploy.as_mut().unwrap();
    wanted.also.insert(domain::DeployId::new(2));
    let plan = world.plan();
    let registers = |step: &scheduler::plan::Step| step.action.as_str() == "register";
    let registered: Vec<_> = plan.steps.iter().filter(|step| registers(step)).collect();
    assert_eq!(registered.len(), 1, "{plan}");
    assert_eq!(registered[0].instance, later);
}
