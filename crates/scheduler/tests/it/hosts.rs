//! Many hosts: two names of one, what the catalog says of them, and what is not seen of them.

use crate::sketch::{
    Sketch, node,
    scenes::{never_below, two_of_web},
    worker,
};
use domain::{
    DeployState::Deployed,
    NodeName,
    node::NodeState::{self, Alive, Failed, Silent},
    observed::Authenticity::{self, Copy, Genuine},
};
use scheduler::{
    Plan, Violation, check,
    input::{
        Answered::{self, No, Yes},
        Registration,
    },
    plan::{Action, Step, Why},
};

/// Two of `web` on `a` and `b`, and the first of them is shown by `c`, too.
fn shown_twice(handle: Option<&str>, authenticity: Authenticity, home: NodeState) -> Sketch {
    let mut world = two_of_web();
    world.nodes.push(node("c"));
    let mut twin = world.containers[0].clone();
    twin.seen.node = "c".parse().unwrap();
    twin.seen.authenticity = authenticity;
    if let Some(handle) = handle {
        twin.seen.handle = handle.to_owned();
    }
    twin.registration = Registration::None;
    world.containers.push(twin);
    set(&mut world, "a", home, if home == Alive { Yes } else { No });
    world
}

fn set(world: &mut Sketch, name: &str, state: NodeState, answered: Answered) {
    let host = world.node_mut(name);
    (host.node.state, host.answered) = (state, answered);
}

fn stopped(plan: &Plan) -> Vec<(&str, &Why)> {
    let condemning = plan.steps.iter().filter(|step| step.action.condemns());
    condemning
        .map(|step| (step.node.as_str(), &step.why))
        .collect()
}

/// Two names of one Docker Engine show each container twice: a stop of the one is a stop of the other.
#[test]
fn what_two_nodes_show_is_a_copy_only_where_it_is_another_container() {
    for (why, handle, authenticity, home, is_copy) in [
        ("the same container", None, Genuine, Alive, false),
        ("another one", Some("other"), Genuine, Alive, true),
        ("another name", Some("other"), Copy, Alive, true),
        ("nobody knows", Some("other"), Genuine, Silent, false),
        ("another name, for sure", Some("other"), Copy, Silent, true),
    ] {
        let mut world = shown_twice(handle, authenticity, home);
        let plan = world.plan();
        let want: &[_] = if is_copy { &[("c", &Why::Copy)] } else { &[] };
        assert_eq!(stopped(&plan), want, "{why}: {plan}");
    }
}

#[test]
fn a_stray_that_two_nodes_show_is_ended_once() {
    let mut world = shown_twice(None, Genuine, Alive);
    let stray = world.containers[0].seen.instance;
    world.intents.retain(|intent| intent.instance != stray);
    world.run(&worker("web", 2), 1, "b");
    assert_eq!(stopped(&world.plan()), [("a", &Why::Stray)]);
}

#[test]
fn a_stop_by_the_other_name_is_found() {
    let world = shown_twice(None, Genuine, Alive);
    let seen = &world.containers[2].seen;
    let step = Step {
        action: Action::Stop,
        instance: seen.instance,
        handle: Some(seen.handle.clone()),
        node: seen.node.clone(),
        app: seen.app,
        worker: seen.worker.clone(),
        deploy: seen.deploy,
        why: Why::Copy,
        placed: None,
    };
    let plan = Plan {
        steps: vec![step],
        ..Plan::default()
    };
    let instance = seen.instance;
    let below = Violation::BelowHealthyMinimum {
        app: seen.app,
        worker: seen.worker.clone(),
        healthy: 2,
        stopped: 1,
        needed: 2,
    };
    let found = check(&plan, &world.input());
    assert_eq!(found, [Violation::NoCopy { instance }, below]);
}

/// Four of `web` on four nodes, of which the catalog calls some failed.
#[test]
fn a_catalog_that_calls_most_of_a_pool_failed_is_not_believed() {
    let one = |name: &str| name.parse::<NodeName>().unwrap();
    for (why, failed, answered, want) in [
        ("one has failed", "a", No, "a"),
        ("one that answers all the same", "a", Yes, "a"),
        ("half of them, and they answer", "a b", Yes, "a b"),
        ("most of them, and they answer", "a b c", Yes, ""),
        ("all of them, and they answer", "a b c d", Yes, ""),
        ("most of them, and they are silent", "a b c", No, ""),
    ] {
        let mut world = Sketch::new(&["a", "b", "c", "d"]);
        world.want(1, Deployed, vec![worker("web", 4)]);
        world.settle_down();
        for name in failed.split(' ') {
            set(&mut world, name, Failed, answered);
        }
        let plan = world.plan();
        let starts = plan.steps.iter();
        let starts = starts.filter(|step| step.action.as_str() == "start");
        let moved: Vec<_> = want.split_whitespace().map(one).collect();
        assert_eq!(starts.count(), moved.len(), "{why}: {plan}");
        let doubted = plan
            .held
            .iter()
            .filter(|held| matches!(held.why, Why::PoolDoubted { known: 4, .. }));
        let unbelieved = if want.is_empty() {
            failed.split(' ').count()
        } else {
            0
        };
        assert_eq!(doubted.count(), unbelieved, "{why}: {plan}");
        if want.is_empty() {
            assert_eq!(plan.steps, [], "{why}");
        }
    }
}

/// Three of `web` are wanted and one may be missing: a host fails, is replaced, and comes back without its Docker.
#[test]
fn what_is_not_seen_pushes_out_nothing_that_is() {
    for (why, scale, state, want) in [
        ("it is silent", 3, Silent, 0),
        ("it is back", 3, Alive, 1),
        ("fewer are wanted: those that are seen count", 2, Silent, 1),
        ("and when it is back", 2, Alive, 2),
    ] {
        let mut world = Sketch::new(&["a", "b", "c", "d"]);
        let mut web = worker("web", 3);
        web.spec.rollout.max_unavailable = 1;
        for name in ["a", "b", "c"] {
            world.run(&web, 1, name);
        }
        world.want(1, Deployed, vec![web]);
        set(&mut world, "c", Failed, No);
        world.settle_down();
        let scale = domain::Scale::new(scale, 100).unwrap();
        world.worker_mut("web").scale = scale;
        set(
            &mut world,
            "c",
            state,
            if state == Alive { Yes } else { No },
        );
        let plan = world.plan();
        assert_eq!(stopped(&plan).len(), want, "{why}: {plan}");
        set(&mut world, "c", Alive, Yes);
        never_below(&mut world, "web", usize::from(scale.get()) - 1);
        assert_eq!(world.serving("web", 1), usize::from(scale.get()), "{why}");
    }
}

/// Three of `web` on three hosts, of which some leave the pool and go on answering.
#[test]
fn what_stands_on_a_host_that_left_its_pool_goes_once_others_serve() {
    for (why, gone, believed) in [("one of them", "c", true), ("two of them", "b c", false)] {
        let mut world = Sketch::new(&["a", "b", "c"]);
        world.want(1, Deployed, vec![worker("web", 3)]);
        world.settle_down();
        world.remembered = 3;
        for name in gone.split(' ') {
            let at = world
                .nodes
                .iter()
                .position(|host| host.node.name.as_str() == name);
            let host = world.nodes.remove(at.unwrap());
            world.left.push(host);
        }
        let plan = world.plan();
        let doubted = plan
            .held
            .iter()
            .filter(|held| matches!(held.why, Why::PoolDoubted { .. }));
        assert_eq!(
            doubted.count(),
            if believed { 0 } else { 2 },
            "{why}: {plan}"
        );
        if !believed {
            assert_eq!(plan.steps, [], "{why}");
            world.remembered = 1;
        }
        never_below(&mut world, "web", 3);
        assert_eq!(world.serving("web", 1), 3, "{why}");
        let left = |sighting: &scheduler::input::Sighting| {
            world
                .left
                .iter()
                .any(|host| host.node.name == sighting.seen.node)
        };
        assert!(!world.containers.iter().any(left), "{why}");
    }
}
