//! The control loops against simulated nodes: single courses of events, in virtual time.
#![cfg(test)]

mod away;
mod bad_plan;
mod catalog;
mod changes;
mod crash_loops;
mod defined;
mod disk;
mod history;
mod hooks;
mod jobs;
mod looks;
mod lost;
mod meanwhile;
mod patience;
mod pools;
mod put_back;
mod reconciles;
mod runs;
mod sealed;
mod shares;
mod stage;
mod told;
mod wanted;
mod watching;

use domain::{ByteSize, DeployState, build::DeclaredWorker, worker::WorkerSource};
use ports::store::{Deploys, deploys::OnConflict};
use stage::{Stage, web};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use testkit::fake::node::{Behaviour, Course};
use tokio::time::Instant;

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

#[tokio::test(start_paused = true)]
async fn a_deploy_for_which_no_host_port_is_left_says_so() {
    let mut stage = Stage::new().await;
    let mut settings = (*stage.deps.settings).clone();
    settings.policy.ports = 20_000..=20_000;
    stage.deps.settings = Arc::new(settings);
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let failed = stage.ended(deploy).await;
    let reason = failed.failure.expect("a failure").reason;
    assert!(reason.contains("has no free port in the range"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_is_unhealthy_and_replaced_after_its_grace_start_first() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let mut tcp = web(1);
    tcp.spec.check = domain::worker::Check::Tcp;
    let commit = stage.commit(1, vec![tcp, clock()], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    let grace = domain::worker::Timing::default().grace;
    let before = stage.events("instance.unhealthy").await.len();
    for handle in stage.handles() {
        stage.node.pause(&handle);
    }
    let paused = tokio::time::Instant::now();
    let both = "clock: 1 paused of dep-1; web: 1 paused of dep-1";
    tokio::time::sleep(grace - Duration::from_secs(2)).await;
    assert_eq!(stage.summary(), both, "their grace runs");
    let told = stage.events("instance.unhealthy").await.split_off(before);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .all(|told| told.contains("is paused on its node")),
        "{told:?}"
    );

    stage
        .until("the successors serve before the paused go", || {
            stage.summary()
                == "clock: 1 paused of dep-1; clock: 1 serving of dep-1; \
                    web: 1 paused of dep-1; web: 1 serving of dep-1"
        })
        .await;
    assert!(paused.elapsed() >= grace);
    stage
        .until("the paused are gone", || {
            stage.summary() == "clock: 1 serving of dep-1; web: 1 serving of dep-1"
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_waits_for_room_says_so_and_fails_for_it() {
    let stage = Stage::new().await;
    let _server = stage.start();
    stage.sized(ByteSize::bytes(1 << 30));
    let mut large = web(1);
    large.spec.resources.memory = Some(ByteSize::bytes(2 << 30));
    let commit = stage.commit(1, vec![large], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let why = "no node can take it: node-1 has 1.0 GiB of memory free, 2.0 GiB are wanted";
    stage
        .step_of(deploy, &format!("web 0 of 1 healthy, {why}"))
        .await;
    let failed = stage.ended(deploy).await;
    assert_eq!(failed.state, DeployState::Failed);
    let reason = failed.failure.expect("a failure").reason;
    assert!(reason.contains(why), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_is_told_of_and_tried_again() {
    let mut stage = Stage::new().await;
    let panics = AtomicU32::new(2);
    stage.witness(Arc::new(move |_| {
        let left = panics.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "a defect of the test's own");
    }));
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let began = Instant::now();
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    let told = stage.events("instance.step_broke").await;
    assert_eq!(told.len(), 2, "{told:?}");
    for event in told {
        assert!(event.starts_with("start of web ins-"), "{event}");
        assert!(event.contains("a defect of the test's own"), "{event}");
    }
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(1 + 2), "{waited:?}");
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}

fn clock() -> DeclaredWorker {
    DeclaredWorker {
        spec: domain::WorkerSpec::named("clock".parse().unwrap()),
        first_scale: domain::Scale::new(1, 9).unwrap(),
        source: WorkerSource::Manifest,
    }
}
