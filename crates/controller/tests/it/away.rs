//! A Build whose Engine is away waits for it, and says so.

use crate::stage::{Stage, web};
use domain::{BuildId, DeployState};
use ports::store::{Builds, deploys::OnConflict};
use std::time::Duration;
use testkit::fake::node::Behaviour;
use tokio::time::Instant;

/// What the first looks for an Engine that is away tell: longer and longer apart, and never very long.
const TOLD: [&str; 5] = [
    "the node does not answer: no such file or directory; trying again in 2 s",
    "the node does not answer: no such file or directory; trying again in 4 s",
    "the node does not answer: no such file or directory; trying again in 8 s",
    "the node does not answer: no such file or directory; trying again in 15 s",
    "the node does not answer: no such file or directory; trying again in 15 s",
];

#[tokio::test(start_paused = true)]
async fn a_build_waits_for_its_engine_as_long_as_it_has_and_says_so() {
    let stage = Stage::new().await;
    let outage = Duration::from_secs(600);
    stage.lose_engine_for(outage);
    let began = Instant::now();
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let waits = format!("bld-1 waits: {}", TOLD[3]);
    stage.step_of(deploy, &waits).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    let took = began.elapsed();
    assert!(
        took >= outage && took < outage + Duration::from_secs(60),
        "{took:?}"
    );

    let lines = stage
        .store
        .build_lines(BuildId::new(1), 0, 100)
        .await
        .unwrap();
    let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines[..5], TOLD);
    assert!(
        lines.iter().any(|line| line.starts_with("building ")),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deploy_whose_engine_is_back_says_that_it_builds() {
    let stage = Stage::new().await;
    stage.lose_engine_for(Duration::from_secs(1));
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    stage.builds_take(&commit, vec![web(1)], Duration::from_secs(60));
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    stage
        .step_of(deploy, &format!("bld-1 waits: {}", TOLD[0]))
        .await;
    let builds = format!("bld-1 builds {}", commit.short());
    stage.step_of(deploy, &builds).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
}

#[tokio::test(start_paused = true)]
async fn a_build_whose_engine_never_comes_fails_at_its_deadline_and_says_what_was_away() {
    let stage = Stage::new().await;
    stage.lose_engine_for(Duration::from_secs(24 * 3600));
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let failed = stage.ended(deploy).await;
    assert_eq!(failed.state, DeployState::Failed);
    let failure = failed.failure.expect("a failure");
    assert_eq!(
        failure.reason,
        format!(
            "bld-1 of {}: it took longer than 30 min: the node does not answer: no such file or directory",
            commit.short()
        )
    );
    assert_eq!(failure.log_tail.last().map(String::as_str), Some(TOLD[4]));
}

#[tokio::test(start_paused = true)]
async fn a_build_gives_the_registry_time_to_be_started_again() {
    for (away, end) in [(40, DeployState::Deployed), (60, DeployState::Failed)] {
        let stage = Stage::new().await;
        let _server = stage.start();
        let commit = stage.commit(1, vec![web(1)], Behaviour::default());
        stage.registry.down();
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        tokio::time::sleep(Duration::from_secs(away)).await;
        stage.registry.up();
        let ended = stage.ended(deploy).await;
        assert_eq!(ended.state, end, "{away} s: {ended:?}");
    }
}
