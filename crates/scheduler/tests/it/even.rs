//! Evening a pool out: how it ends, what it costs, and what it leaves alone.

use crate::sketch::{Quality, Sketch, worker};
use domain::{DeployId, DeployState::Deployed, node::Duty, worker::Order};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

const NODES: [&str; 4] = ["a", "b", "c", "d"];
const WORKERS: [&str; 4] = ["web", "api", "clock", "mail"];

/// Each Worker runs on these nodes, and serves.
fn world(nodes: &[&str], standing: &[(&str, &[&str])]) -> Sketch {
    let mut world = Sketch::new(nodes);
    let mut workers = Vec::new();
    for (name, places) in standing {
        let one = worker(name, u16::try_from(places.len()).unwrap());
        for place in *places {
            world.run(&one, 1, place);
        }
        workers.push(one);
    }
    workers.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
    world.want(1, Deployed, workers);
    world.settle_down();
    world.now = world.now + Duration::from_secs(60);
    world
}

/// How many each node has, in order of name.
fn spread(world: &Sketch) -> Vec<usize> {
    let mut spread: BTreeMap<_, usize> = world
        .nodes
        .iter()
        .map(|host| (host.node.name.clone(), 0))
        .collect();
    for sighting in &world.containers {
        *spread.get_mut(&sighting.seen.node).unwrap() += 1;
    }
    spread.into_values().collect()
}

/// Evens out until the plan says that it is. How many were started.
#[track_caller]
fn even_out(world: &mut Sketch, at_once: u16) -> usize {
    world.rebalance = Some(at_once);
    let before = world.containers.len();
    let mut started = 0;
    for _ in 0..300 {
        let plan = world.plan();
        if !plan.even.is_empty() {
            world.rebalance = None;
            world.settle_down();
            return started;
        }
        for step in &plan.steps {
            started += usize::from(step.action.as_str() == "start");
            world.perform(step);
            assert!(serving(world) >= before, "{plan}");
        }
        let most = before + usize::from(at_once);
        assert!(world.containers.len() <= most, "{plan}");
        world.go_on(&plan);
    }
    panic!("no end: {:?}\n{}", spread(world), world.plan());
}

fn serving(world: &Sketch) -> usize {
    let on_record = |seen: &&scheduler::input::Sighting| world.is_serving(seen);
    world.containers.iter().filter(on_record).count()
}

#[test]
fn a_node_that_has_joined_gets_its_share() {
    for (why, standing, at_once, want, moves) in [
        (
            "one by one",
            &[
                ("web", &["a", "b"][..]),
                ("api", &["a", "b"]),
                ("mail", &["a", "b"]),
            ][..],
            1,
            vec![2, 2, 2],
            2,
        ),
        (
            "two at a time",
            &[
                ("web", &["a", "b"][..]),
                ("api", &["a", "b"]),
                ("mail", &["a", "b"]),
            ][..],
            2,
            vec![2, 2, 2],
            2,
        ),
        (
            "one worker alone",
            &[("web", &["a", "a", "a", "b", "b", "b"][..])][..],
            1,
            vec![2, 2, 2],
            2,
        ),
        (
            "two side by side are put apart first",
            &[("web", &["a", "a"][..]), ("api", &["b"]), ("mail", &["c"])][..],
            1,
            vec![1, 1, 2],
            1,
        ),
        (
            "it is even",
            &[("web", &["a", "b"][..])][..],
            1,
            vec![1, 1, 0],
            0,
        ),
    ] {
        let mut world = world(&["a", "b", "c"], standing);
        let started = even_out(&mut world, at_once);
        let mut got = spread(&world);
        if why.starts_with("two side") {
            got.sort_unstable();
        }
        assert_eq!((got, started), (want, moves), "{why}");
        // And again: nothing.
        assert_eq!(even_out(&mut world, at_once), 0, "{why}");
    }
}

#[test]
fn what_cannot_start_beside_itself_is_left_alone() {
    let stands: &[(&str, &[&str])] = &[("web", &["a", "a", "a"])];
    let mut singleton = world(
        &["a", "b"],
        &[("clock", &["a"]), ("web", &["a"]), ("mail", &["a"])],
    );
    for name in ["clock", "web", "mail"] {
        singleton.worker_mut(name).spec.singleton = true;
    }
    assert_eq!(even_out(&mut singleton, 1), 0);
    let mut stop_first = world(&["a", "b"], stands);
    stop_first.worker_mut("web").spec.rollout.order = Order::StopFirst;
    assert_eq!(even_out(&mut stop_first, 1), 0);
    let mut pinned = world(&["a", "b"], stands);
    let on_a = &mut pinned.node_mut("a").node.meta;
    on_a.insert("disk".to_owned(), "ssd".to_owned());
    pinned.worker_mut("web").spec.constraints = vec!["disk == ssd".parse().unwrap()];
    assert_eq!(even_out(&mut pinned, 1), 0);
    let mut cordoned = world(&["a", "b"], stands);
    cordoned.node_mut("a").node.duty = Duty::Cordoned;
    assert_eq!(even_out(&mut cordoned, 1), 0);
}

#[test]
fn a_successor_that_does_not_get_well_ends_it() {
    let mut world = world(&["a", "b"], &[("web", &["a", "a", "a"])]);
    world.quality.insert(DeployId::new(1), Quality::Dying);
    let kept: Vec<_> = world.containers.clone();
    world.rebalance = Some(1);
    for _ in 0..50 {
        let plan = world.plan();
        if !plan.even.is_empty() {
            world.rebalance = None;
            for step in &plan.steps {
                world.perform(step);
            }
            let left: Vec<_> = kept.iter().map(|seen| seen.seen.instance).collect();
            let stand: Vec<_> = world
                .containers
                .iter()
                .map(|one| one.seen.instance)
                .collect();
            assert_eq!(stand, left, "what ran was not touched");
            return;
        }
        for step in &plan.steps {
            world.perform(step);
        }
        world.go_on(&plan);
        // Those that ran go on.
        for known in &kept {
            let one = world.seen_mut(known.seen.instance);
            *one = known.clone();
        }
    }
    panic!("no end:\n{}", world.plan());
}

#[test]
fn a_pool_that_is_not_believed_is_not_called_even() {
    let mut world = world(&["a", "b", "c"], &[("web", &["a", "a", "a"])]);
    world.rebalance = Some(1);
    world.remembered = 10;
    let plan = world.plan();
    assert!(plan.even.is_empty() && plan.steps.is_empty(), "{plan}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands where, with nothing that forbids a move: the nodes differ by one at the most in the end, as many
    /// serve as before at each moment, and no more are moved than stand.
    #[test]
    fn it_comes_to_an_end_and_is_even(
        places in prop::collection::vec(prop::collection::vec(0..4_usize, 0..6), 4),
        nodes in 2..=4_usize,
        at_once in 1..4_u16,
    ) {
        let places: Vec<Vec<&str>> = places
            .iter()
            .map(|of| of.iter().map(|at| NODES[at % nodes]).collect())
            .collect();
        let standing: Vec<(&str, &[&str])> =
            WORKERS.iter().zip(&places).map(|(name, of)| (*name, &of[..])).collect();
        let mut world = world(&NODES[..nodes], &standing);
        let all = world.containers.len();
        let started = even_out(&mut world, at_once);
        let spread = spread(&world);
        let (most, fewest) = (spread.iter().max().unwrap(), spread.iter().min().unwrap());
        prop_assert!(most - fewest <= 1, "{spread:?}");
        prop_assert!(started <= 2 * all, "{started} of {all} were moved");
        prop_assert_eq!(world.containers.len(), all);
        prop_assert_eq!(even_out(&mut world, at_once), 0);
    }
}
