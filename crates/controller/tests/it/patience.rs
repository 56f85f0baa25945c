//! A Deploy has its patience, whatever the clocks say.

use crate::stage::{Stage, web};
use domain::DeployState;
use ports::store::{Deploys, deploys::OnConflict};
use std::time::Duration;
use testkit::fake::node::{Behaviour, Course};
use tokio::time::Instant;

/// Too short for three instances to be given up for not getting healthy.
const PATIENCE: Duration = Duration::from_secs(120);
const HOURS: Duration = Duration::from_secs(5 * 3600);
/// What a turn, a build and the granularity of the record may add.
const SLACK: Duration = Duration::from_secs(30);

/// A Deploy that never gets healthy and does not die either.
async fn hopeless(stage: &Stage) -> domain::DeployId {
    let commit = stage.commit(1, vec![web(1)], Behaviour::of(Course::NeverServes));
    let deploy = stage
        .deploy_within(&commit, OnConflict::Queue, PATIENCE)
        .await;
    let is_deploying = || {
        let found = futures_util::FutureExt::now_or_never(stage.store.find_deploy(deploy));
        found.is_some_and(|found| found.unwrap().unwrap().state == DeployState::Deploying)
    };
    stage.until("it is deploying", is_deploying).await;
    deploy
}

#[track_caller]
fn assert_patient(took: Duration, why: &str) {
    assert!(took + Duration::from_secs(1) >= PATIENCE, "{why}: {took:?}");
    assert!(took <= PATIENCE + SLACK, "{why}: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_neither_fails_a_deploy_at_once_nor_gives_it_more_time() {
    for (why, jump) in [
        ("set forward", fake_forward as fn(&Stage)),
        ("set back", fake_backward),
    ] {
        let stage = Stage::new().await;
        let _server = stage.start();
        let deploy = hopeless(&stage).await;
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(60)).await;
        jump(&stage);
        let failed = stage.ended(deploy).await;
        assert_eq!(failed.state, DeployState::Failed);
        let reason = failed.failure.expect("a failure").reason;
        assert!(reason.starts_with("not healthy in time"), "{reason}");
        assert_patient(began.elapsed(), why);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_server_goes_on_counting_where_the_last_one_stopped() {
    let stage = Stage::new().await;
    let server = stage.start();
    let deploy = hopeless(&stage).await;
    let began = Instant::now();
    tokio::time::sleep(PATIENCE / 2).await;
    drop(server);
    stage.clock.forward(HOURS);
    let _next = stage.start_another();
    let failed = stage.ended(deploy).await;
    assert_eq!(failed.state, DeployState::Failed);
    // Until the lease of the first has run out nobody counts.
    assert_patient(began.elapsed(), "after a restart");
}

fn fake_forward(stage: &Stage) {
    stage.clock.forward(HOURS);
}

fn fake_backward(stage: &Stage) {
    stage.clock.backward(HOURS);
}
