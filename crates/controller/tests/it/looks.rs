//! How often the loops look at their nodes.

use crate::stage::{Stage, change, web};
use controller::usecases::{deploys, instances};
use domain::{CommitSha, DeployState};
use ports::{
    runtime::Follow,
    store::{Deploys as _, Environments as _, Stacks as _, deploys::OnConflict},
};
use std::time::Duration;
use testkit::fake::node::{Behaviour, Course};
use tokio::task::JoinSet;

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

/// How often the node is looked at in half a minute of a Deploy that does not come to its end, while so many follow it and
/// as many its log.
async fn looks_followed_by(followers: usize) -> u64 {
    let (stage, _server, _) = settled().await;
    let next = stage.commit(2, vec![web(2)], Behaviour::of(Course::NeverServes));
    let deploy = stage.deploy(&next, OnConflict::Queue).await;
    let is_deploying = || {
        let found = futures_util::FutureExt::now_or_never(stage.store.find_deploy(deploy));
        found.is_some_and(|found| found.unwrap().unwrap().state == DeployState::Deploying)
    };
    stage.until("it is deploying", is_deploying).await;
    tokio::time::sleep(AFTERWARDS).await;

    let before = stage.node.lists();
    let mut following = JoinSet::new();
    for _ in 0..followers {
        let mut watch = deploys::watch(stage.ctx(), &deploy.to_string())
            .await
            .unwrap();
        let first = watch.next().await.unwrap().unwrap();
        assert!(first.workers[0].running > 0, "{first:?}");
        following.spawn(async move { while watch.next().await.is_some() {} });
        let source = instances::Source::App {
            app: "shop".to_owned(),
            environment: "development".to_owned(),
            worker: String::new(),
        };
        let from = instances::From {
            tail: None,
            since: None,
            follow: Follow::Yes,
        };
        let mut logs = instances::open(stage.ctx(), source, from).await.unwrap();
        following.spawn(async move { while logs.next().await.is_some() {} });
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(is_deploying(), "it was followed all the time");
    stage.node.lists() - before
}

/// The same half minute of the same course, with and without followers: what a Deploy does by itself is no look of theirs.
#[tokio::test(start_paused = true)]
async fn followers_share_looks_at_a_node() {
    let alone = looks_followed_by(0).await;
    assert!(alone > 0, "its loop looks");
    assert_eq!(looks_followed_by(10).await, alone);
}
