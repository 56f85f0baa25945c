//! Singletons on nodes that cannot be seen, by the leases of their programs.

use crate::sketch::{Sketch, arbitrary::sketch, worker};
use domain::{DeployState, IntentState, node::NodeState};
use proptest::prelude::*;
use scheduler::{
    check,
    input::Answered,
    plan,
    plan::{Action, Plan},
};
use std::time::Duration;

/// A singleton that has run on `b`, which does not answer, and of whose lease so many seconds are left.
fn away(state: NodeState, lease: Option<u64>, fence: Option<i64>) -> Sketch {
    let mut world = Sketch::new(&["a", "b", "c"]);
    let mut cron = worker("cron", 1);
    cron.spec.singleton = true;
    world.run(&cron, 1, "b");
    world.want(1, DeployState::Deployed, vec![cron]);
    world.intents[0].fence = fence;
    let until = lease.map(|seconds| world.now + Duration::from_secs(seconds));
    world
        .leases
        .extend(until.map(|until| ("b".parse().unwrap(), until)));
    let host = world.node_mut("b");
    host.node.state = state;
    host.answered = Answered::No;
    world
}

/// Where it is started, or why not.
fn told(plan: &Plan) -> String {
    match (plan.steps.as_slice(), plan.held.as_slice()) {
        ([step], []) => format!("{} on {}", step.action.as_str(), step.node),
        ([], [.., held]) => held.why.reason().to_owned(),
        _ => panic!("{plan}"),
    }
}

#[test]
fn a_singleton_moves_when_its_nodes_lease_has_run_out() {
    use NodeState::{Failed, Silent};
    for (why, state, lease, fence, want) in [
        ("it has run out", Failed, Some(0), Some(1), "start on a"),
        (
            "nobody calls it failed",
            Silent,
            Some(0),
            Some(1),
            "start on a",
        ),
        ("it lasts", Failed, Some(9), Some(1), "leased"),
        ("it lasts", Silent, Some(9), Some(1), "leased"),
        ("there is no program", Failed, None, Some(1), "overlap"),
        ("there is no program", Silent, None, Some(1), "node_silent"),
        (
            "its program does not know it",
            Failed,
            Some(0),
            None,
            "overlap",
        ),
        (
            "its program does not know it",
            Silent,
            Some(0),
            None,
            "node_silent",
        ),
    ] {
        let input = away(state, lease, fence).input();
        let plan = plan(&input);
        assert_eq!(check(&plan, &input), [], "{why}: {plan}");
        assert_eq!(told(&plan), want, "{why}, {state}: {plan}");
        let wakes = plan.wake_at.map(|at| at.since(input.now).as_secs());
        let lasts = (want == "leased").then_some(9);
        assert_eq!(wakes, lasts, "{why}: it is looked at again then");
    }
}

#[test]
fn one_that_is_about_to_be_started_there_is_waited_for() {
    let mut world = away(NodeState::Failed, Some(0), Some(1));
    let instance = world.intents[0].instance;
    world.busy.insert(instance);
    assert_eq!(told(&plan(&world.input())), "overlap", "it may come late");
    world.busy.clear();
    world.intents[0].state = IntentState::Open;
    assert_eq!(told(&plan(&world.input())), "start on a");
}

#[test]
fn a_node_without_a_lease_of_its_program_gets_no_singleton() {
    let mut world = Sketch::new(&["a", "b"]);
    let mut cron = worker("cron", 1);
    cron.spec.singleton = true;
    world.want(1, DeployState::Deployed, vec![cron, worker("web", 1)]);
    world.leases.insert("a".parse().unwrap(), world.now);
    let plan = plan(&world.input());
    let places: Vec<_> = plan
        .steps
        .iter()
        .map(|step| format!("{} on {}", step.worker, step.node))
        .collect();
    assert_eq!(places, ["cron on b", "web on a"], "{plan}");
    world.leases.insert("b".parse().unwrap(), world.now);
    let held = scheduler::plan(&world.input()).held.remove(0);
    assert_eq!(
        held.why.to_string(),
        "no node can take it: a has no lease now, and would stop it, b has no lease now, and would stop it"
    );
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn no_singleton_starts_while_another_may_run_by_a_lease(world in sketch()) {
        let input = world.input();
        let plan = plan(&input);
        let unseen = |node| !input.node(node).is_some_and(|host| host.answered == Answered::Yes);
        let may_run = input.intents.iter().find(|start| {
            start.worker.as_str() == "cron"
                && start.kind == domain::IntentKind::Start
                && unseen(&start.node)
                && !input.given_up.contains(&start.node)
                && (start.fence.is_none() || !input.has_lapsed(&start.node))
        });
        let starts = plan.steps.iter().find(|step| {
            matches!(step.action, Action::Start { .. }) && step.worker.as_str() == "cron"
        });
        if let (Some(may_run), Some(start)) = (may_run, starts) {
            prop_assert!(false, "{:?} beside {:?}\n{}", start, may_run, plan);
        }
        if let Some(start) = starts {
            prop_assert!(!input.has_lapsed(&start.node), "{:?}", start);
        }
    }
}
