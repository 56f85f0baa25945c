//! How often the loops look at their nodes.

use crate::stage::{Stage, change, web};
use domain::{CommitSha, DeployState};
use ports::store::{Environments as _, Stacks as _, deploys::OnConflict};
use std::time::Duration;
use testkit::fake::node::Behaviour;

/// Longer than whatever follows from something that happened, and shorter than the slow tick.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Two Environments, of which one runs a commit that was deployed twice: nothing is left to be done for it.
async fn settled() -> (Stage, controller::Server, CommitSha) {
    let stage = Stage::new().await;
    let name = "staging".parse().unwrap();
    stage
        .store
        .create_environment(name, None, &change())
        .await
        .unwrap();
    let server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    for _ in 0..2 {
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
        tokio::time::sleep(AFTERWARDS).await;
    }
    (stage, server, commit)
}

#[tokio::test(start_paused = true)]
async fn a_deploy_of_what_runs_takes_one_look() {
    let (stage, _server, commit) = settled().await;
    let (looks, handles) = (stage.node.lists(), stage.handles());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let ended = stage.ended(deploy).await;
    assert_eq!(ended.state, DeployState::Deployed);
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(stage.node.lists() - looks, 1);
    assert_eq!(stage.handles(), handles);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_no_environment_is_looked_at_by_each() {
    let (stage, _server, _) = settled().await;
    let looks = stage.node.lists();
    let name = "another".parse().unwrap();
    stage.store.create_stack(name, &change()).await.unwrap();
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(stage.node.lists() - looks, 2);
}
