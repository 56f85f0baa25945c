//! Builds go on as long as somebody wants them.

use crate::stage::{Stage, web};
use controller::usecases::{Mode, builds, deploys};
use domain::{BuildId, BuildState, CommitSha, DeployId};
use ports::store::{Builds, Deploys, deploys::OnConflict};
use std::time::Duration;
use testkit::fake::node::Behaviour;
use tokio::time::{Instant, timeout};

/// How long the build takes, if it is left alone.
const TAKES: Duration = Duration::from_secs(300);

/// A server that builds a commit for a Deploy, and the Build.
async fn building(stage: &Stage) -> (controller::Server, CommitSha, DeployId, BuildId) {
    let server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    stage.builds_take(&commit, vec![web(1)], TAKES);
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let build = BuildId::new(1);
    stage
        .recorded("the build to begin", |store| async move {
            let found = store.find_build(build).await.unwrap();
            let waits = store.find_deploy(deploy).await.unwrap().unwrap().build;
            found.is_some() && waits == Some(build)
        })
        .await;
    (server, commit, deploy, build)
}

async fn cancel(stage: &Stage, deploy: DeployId) {
    let cancelled = deploys::cancel(&stage.ctx(), &deploy.to_string(), Mode::Run).await;
    cancelled.unwrap();
}

/// How the Build ends, and how long from now.
async fn end_of(stage: &Stage, build: BuildId) -> (BuildState, String, Duration) {
    let began = Instant::now();
    let is_over = |store: std::sync::Arc<testkit::fake::Store>| async move {
        let found = store.find_build(build).await.unwrap().unwrap();
        found.state.is_final()
    };
    let over = stage.recorded("the build to end", is_over);
    timeout(TAKES * 2, over).await.expect("it ends");
    let found = stage.store.find_build(build).await.unwrap().unwrap();
    let reason = found.reason.unwrap_or_default();
    (found.state, reason, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_build_that_only_a_cancelled_deploy_wanted_ends_after_the_time_of_a_lease() {
    let stage = Stage::new().await;
    let (_server, _, deploy, build) = building(&stage).await;
    cancel(&stage, deploy).await;
    let (state, reason, took) = end_of(&stage, build).await;
    assert_eq!(
        (state, reason.as_str()),
        (BuildState::Cancelled, "no deploy waits for it any more")
    );
    let lease = stage.deps.settings.lease;
    assert!(
        took >= lease && took < lease + Duration::from_secs(5),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_build_that_another_deploy_waits_for_by_then_goes_on() {
    let stage = Stage::new().await;
    let (_server, commit, deploy, build) = building(&stage).await;
    cancel(&stage, deploy).await;
    let next = stage.deploy(&commit, OnConflict::Queue).await;
    let (state, _, _) = end_of(&stage, build).await;
    assert_eq!(state, BuildState::Completed);
    assert_eq!(stage.ended(next).await.build, Some(build));
}

#[tokio::test(start_paused = true)]
async fn a_build_that_a_person_asked_for_outlives_the_deploy_that_shared_it() {
    let stage = Stage::new().await;
    let (_server, commit, deploy, build) = building(&stage).await;
    let git_ref = commit.as_str().parse().unwrap();
    let asked = builds::create(&stage.ctx(), "shop", git_ref, Mode::Run).await;
    assert_eq!(asked.unwrap().value.build.id, build, "they share it");
    cancel(&stage, deploy).await;
    let (state, _, _) = end_of(&stage, build).await;
    assert_eq!(state, BuildState::Completed);
}

#[tokio::test(start_paused = true)]
async fn another_builder_of_the_server_is_another_build() {
    let mut stage = Stage::new().await;
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let mut built = Vec::new();
    // Without a server that builds, nothing is known of a Build but what was asked for.
    for builder in [None, Some("one"), Some("two"), Some("one")] {
        let mut settings = (*stage.deps.settings).clone();
        settings.builder = builder.map(|image| domain::app::Builder {
            image: image.to_owned(),
            layout: domain::app::BuilderLayout::Buildstep,
        });
        stage.deps.settings = std::sync::Arc::new(settings);
        let git_ref = commit.as_str().parse().unwrap();
        let asked = builds::create(&stage.ctx(), "shop", git_ref, Mode::Run).await;
        built.push(asked.unwrap().value.build.id);
    }
    let expected = [1, 2, 3, 2].map(BuildId::new);
    assert_eq!(built, expected);
}
