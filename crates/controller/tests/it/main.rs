//! The control loops against simulated nodes: single courses of events, in virtual time.
#![cfg(test)]

mod history;
mod lost;
mod stage;

use domain::{DeployState, build::DeclaredWorker, worker::WorkerSource};
use ports::store::{Deploys, deploys::OnConflict};
use stage::{Stage, web};
use std::time::Duration;
use testkit::fake::node::{Behaviour, Course};

#[tokio::test(start_paused = true)]
async fn a_commit_becomes_healthy_instances() {
    let stage = Stage::new().await;
    let server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    assert_eq!(stage.summary(), "web: 2 serving of dep-1");
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_dies_leaves_the_old_one_as_it_was() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let good = stage.commit(1, vec![web(2)], Behaviour::default());
    let first = stage.deploy(&good, OnConflict::Queue).await;
    stage.ended(first).await;
    let before = stage.handles();

    let dies = Behaviour {
        boots_in: Duration::from_secs(3),
        ..Behaviour::of(Course::Exits {
            after: Duration::from_millis(300),
            code: 3,
        })
    };
    let bad = stage.commit(2, vec![web(2)], dies);
    let second = stage.deploy(&bad, OnConflict::Queue).await;
    let failed = stage.ended(second).await;
    assert_eq!(failed.state, DeployState::Failed);
    let reason = failed.failure.expect("a failure").reason;
    assert!(reason.contains("exited with code 3"), "{reason}");
    stage
        .until("the dead are gone", || {
            stage.summary() == "web: 2 serving of dep-1"
        })
        .await;
    assert_eq!(stage.handles(), before);
}

#[tokio::test(start_paused = true)]
async fn a_new_release_takes_over_and_the_old_one_goes() {
    let stage = Stage::new().await;
    let _server = stage.start();
    for number in 1..=3 {
        let commit = stage.commit(number, vec![web(2), clock()], Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    }
    assert_eq!(
        stage.summary(),
        "clock: 1 serving of dep-3; web: 2 serving of dep-3"
    );
    let first = stage
        .store
        .find_deploy(domain::DeployId::new(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.state, DeployState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_somebody_took_away_is_built_again_for_the_next_deploy() {
    let stage = Stage::new().await;
    let _server = stage.start();
    for number in [1, 2] {
        let commit = stage.commit(number, vec![web(1)], Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    }
    stage.lose_images();

    let first = stage.commit(1, vec![web(1)], Behaviour::default());
    let without = stage.deploy(&first, OnConflict::Queue).await;
    let failed = stage.ended(without).await;
    assert_eq!(failed.state, DeployState::Failed);
    let reason = failed.failure.expect("a failure").reason;
    assert!(reason.contains("to have it built"), "{reason}");

    let built = stage.deploy(&first, OnConflict::Queue).await;
    assert_eq!(stage.ended(built).await.state, DeployState::Deployed);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_a_full_disk_keeps_from_starting_says_so() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    stage.node.fill_disk();
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let failed = stage.ended(deploy).await;
    let reason = failed.failure.expect("a failure").reason;
    assert!(reason.contains("no space left on device"), "{reason}");
}

fn clock() -> DeclaredWorker {
    DeclaredWorker {
        spec: domain::WorkerSpec::named("clock".parse().unwrap()),
        first_scale: domain::Scale::new(1, 9).unwrap(),
        source: WorkerSource::Manifest,
    }
}
