//! What becomes of instances when their node leaves its pool, or is gone for good.

use crate::stage::{Stage, web};
use controller::usecases::{Error, Mode, nodes, reconciles};
use domain::{
    DeployState,
    node::{Duty, NodeState},
};
use ports::store::{Intents as _, deploys::OnConflict};
use scheduler::plan::{Held, Why};
use testkit::fake::node::Behaviour;

fn serving(node: &testkit::fake::Node) -> usize {
    let standing = node.standing();
    standing.iter().filter(|standing| standing.serves).count()
}

#[tokio::test(start_paused = true)]
async fn what_stands_on_a_node_that_leaves_its_pool_is_started_elsewhere_and_goes() {
    let mut stage = Stage::new().await;
    let second = stage.add_node();
    let server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    second.teach(
        &testkit::fake::BuildEngine::image_of(&commit),
        Behaviour::default(),
    );
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    assert_eq!((serving(&stage.node), serving(&second)), (1, 1));

    stage.catalog.remove_node(second.name());
    let fewest = std::cell::Cell::new(usize::MAX);
    let is_empty = || {
        let serving = serving(&stage.node) + serving(&second);
        fewest.set(fewest.get().min(serving));
        second.standing().is_empty()
    };
    stage.until("the node that left is empty", is_empty).await;
    assert_eq!(fewest.get(), 2, "another served before");
    assert_eq!(serving(&stage.node), 2);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_singleton_of_a_host_that_is_gone_for_good_starts_elsewhere_when_a_person_says_so() {
    let mut stage = Stage::new().await;
    let second = stage.add_node();
    let server = stage.start();
    let mut cron = web(1);
    cron.spec.singleton = true;
    let commit = stage.commit(1, vec![cron], Behaviour::default());
    let image = testkit::fake::BuildEngine::image_of(&commit);
    second.teach(&image, Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    let (home, other) = match serving(&second) {
        0 => (stage.node.clone(), second),
        _ => (second, stage.node.clone()),
    };
    let (ctx, name) = (stage.ctx(), home.name().to_string());
    let refused = nodes::give_up(&ctx, &name, Mode::Run).await;
    assert!(matches!(refused, Err(Error::NodeAnswers(_))), "{refused:?}");

    home.silence();
    stage.node_is(home.name(), NodeState::Failed).await;
    let plan = reconciles::preview(&ctx, "development", "").await.unwrap();
    let waits = |held: &Held| matches!(held.why, Why::Overlap { .. });
    assert!(plan.plan.held.iter().any(waits), "{:?}", plan.plan);
    let dry = nodes::give_up(&ctx, &name, Mode::Preview).await.unwrap();
    let steps = dry.plan.instances.iter().flat_map(|one| &one.plan.steps);
    let starts: Vec<_> = steps.map(|step| step.node.clone()).collect();
    assert_eq!(starts, [other.name().clone()]);
    assert_eq!(serving(&other), 0, "that was a dry run");
    nodes::give_up(&ctx, &name, Mode::Run).await.unwrap();
    let is_there = || serving(&other) == 1;
    stage.until("it runs on the other node", is_there).await;
    // What is given up is on record no more, but as something that ended.
    let record = stage.store.standing_intents().await.unwrap();
    let places: Vec<_> = record.iter().map(|intent| &intent.node).collect();
    assert_eq!(places, [other.name()]);
    let told = stage.events("instance.given_up").await;
    assert_eq!(told.len(), 1, "{told:?}");

    // It comes back: what it had goes, and it takes nothing until somebody takes it back.
    home.speak();
    stage.node_is(home.name(), NodeState::Alive).await;
    let is_empty = || home.standing().is_empty();
    stage.until("what it had is gone", is_empty).await;
    assert_eq!(serving(&other), 1);
    let seen = nodes::get(&ctx, &name).await.unwrap();
    assert_eq!(seen.node.duty, Duty::GivenUp);
    let back = nodes::set_duty(&ctx, &name, Duty::Serving, Mode::Run).await;
    assert_eq!(back.unwrap().value.node.duty, Duty::Serving);
    server.shutdown().await;
}

/// Of one that the catalog has forgotten the ledger alone knows.
#[tokio::test(start_paused = true)]
async fn a_host_that_no_pool_lists_any_more_can_be_given_up() {
    let mut stage = Stage::new().await;
    let second = stage.add_node();
    let server = stage.start();
    let mut cron = web(1);
    cron.spec.singleton = true;
    let commit = stage.commit(1, vec![cron], Behaviour::default());
    let image = testkit::fake::BuildEngine::image_of(&commit);
    second.teach(&image, Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    let (home, other) = match serving(&second) {
        0 => (stage.node.clone(), second),
        _ => (second, stage.node.clone()),
    };
    home.silence();
    stage.catalog.remove_node(home.name());
    let ctx = stage.ctx();
    let unknown = nodes::give_up(&ctx, "elsewhere", Mode::Run).await;
    assert!(matches!(unknown, Err(Error::Unknown { .. })), "{unknown:?}");
    let name = home.name().as_str();
    nodes::give_up(&ctx, name, Mode::Run).await.unwrap();
    let is_there = || serving(&other) == 1;
    stage.until("it runs on the other node", is_there).await;
    server.shutdown().await;
}
