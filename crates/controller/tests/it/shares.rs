//! Several servers: each keeps its share of the Environments.

use crate::stage::{Stage, change, web};
use domain::DeployState;
use futures_util::FutureExt;
use ports::store::{Environments, Leases, Page, deploys::OnConflict, leases::SERVERS};
use std::{collections::BTreeMap, time::Duration};
use testkit::fake::node::Behaviour;
use tokio::time::Instant;

/// Within this time a dead server's work is another's.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// The leases of Environments, with their owners and numbers.
fn kept(stage: &Stage) -> BTreeMap<String, (String, i64)> {
    let leases = stage.store.list_leases().now_or_never();
    let leases = leases.expect("it is in memory").unwrap().into_iter();
    let kept = leases.filter(|lease| lease.name.starts_with("environment/"));
    kept.map(|lease| (lease.name, (lease.owner, lease.number)))
        .collect()
}

/// Who runs builds.
fn builders(stage: &Stage) -> Vec<String> {
    let leases = stage.store.list_leases().now_or_never();
    let leases = leases.expect("it is in memory").unwrap().into_iter();
    let of_builds = leases.filter(|lease| lease.name.starts_with("build/"));
    of_builds.map(|lease| lease.owner).collect()
}

/// How many each server keeps, the fewest first.
fn shares(stage: &Stage) -> Vec<usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (owner, _) in kept(stage).into_values() {
        *counts.entry(owner).or_default() += 1;
    }
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable();
    counts
}

async fn of_environments(count: usize) -> Stage {
    let stage = Stage::new().await;
    for number in 1..count {
        let name = format!("more-{number}").parse().unwrap();
        stage
            .store
            .create_environment(name, None, &change())
            .await
            .unwrap();
    }
    stage
}

#[tokio::test(start_paused = true)]
async fn servers_keep_a_share_each_and_take_those_of_one_that_ends() {
    let stage = of_environments(5).await;
    let one = stage.start();
    stage.until("all", || shares(&stage) == [5]).await;
    let two = stage.start_another();
    stage
        .until("a share each", || shares(&stage) == [2, 3])
        .await;

    // Nothing goes to and fro.
    let before = kept(&stage);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(kept(&stage), before);

    one.shutdown().await;
    stage
        .until("all at the other", || shares(&stage) == [5])
        .await;
    drop(two);
    let left = stage.store.list_leases().await.unwrap();
    let seats = left.iter().filter(|it| it.name.starts_with(SERVERS));
    assert_eq!(seats.count(), 1, "that of the killed one: {left:?}");
    let _three = stage.start();
    let is_taken = || kept(&stage).values().all(|(owner, _)| owner != "server-2");
    stage
        .until("taken over", || is_taken() && shares(&stage) == [5])
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_environment_where_something_is_deployed_stays_where_it_is() {
    let mut stage = of_environments(2).await;
    // The newest is let go first, where nothing is deployed there.
    let environments = stage.store.list_environments("", Page::ALL).await.unwrap();
    stage.environment = environments.items[1].id;
    let busy = format!("environment/{}", stage.environment);
    let _one = stage.start();
    stage.until("both", || shares(&stage) == [2]).await;
    let before = kept(&stage)[&busy].clone();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    stage.builds_take(&commit, vec![web(1)], Duration::from_secs(120));
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let _two = stage.start_another();
    stage
        .until("a share each", || shares(&stage) == [1, 1])
        .await;
    assert_eq!(kept(&stage)[&busy], before);
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    assert_eq!(kept(&stage)[&busy], before);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_server_built_is_built_by_another_in_time() {
    // Whenever in the round of the other one's looks it dies.
    for later in 0..10 {
        let stage = Stage::new().await;
        let one = stage.start();
        let commit = stage.commit(1, vec![web(1)], Behaviour::default());
        stage.builds_take(&commit, vec![web(1)], Duration::from_secs(120));
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        let is_built = || builders(&stage) == ["server-1"];
        stage.until("it is built", is_built).await;
        let _two = stage.start_another();
        tokio::time::sleep(Duration::from_secs(later)).await;
        let died = Instant::now();
        drop(one);
        let is_built = || builders(&stage) == ["server-2"];
        stage.until("it is built by the other", is_built).await;
        assert!(died.elapsed() <= TAKEN_OVER, "{:?}", died.elapsed());
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    }
}
