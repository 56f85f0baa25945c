//! What happens while a turn looks, or is refused.

use crate::stage::{Stage, change, web};
use domain::{Cause, CommitSha, DeployState, app::Recipe, build::Wanted};
use ports::store::{
    Builds, Deploys, Page, Workers,
    builds::{BuildFilter, NewBuild},
    deploys::{NewDeploy, OnConflict},
    workers::{Restart, WorkerFilter},
};
use std::time::Duration;
use testkit::{
    fake::{BuildEngine, node::Behaviour},
    sim::{Fate, Odds, Tracing},
};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

/// A stage on which the first commit runs.
async fn running(stage: &Stage) -> controller::Server {
    let server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    sleep(Duration::from_secs(15)).await;
    server
}

/// And not when the loop ticks, which is each ten seconds.
#[tokio::test(start_paused = true)]
async fn a_death_is_seen_to_when_docker_tells_of_it() {
    for quiet in [1, 3, 5] {
        let stage = Stage::new().await;
        let _server = running(&stage).await;
        sleep(Duration::from_secs(60 + quiet)).await;
        let died = stage.handles();
        let began = Instant::now();
        died.iter().for_each(|handle| stage.node.kill(handle));
        let is_replaced = || stage.handles().difference(&died).count() == 1;
        stage.until("another stands there", is_replaced).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_turned_in_a_turn_that_was_refused_is_told_of_all_the_same() {
    for seed in 1..=20 {
        let fate = Fate::of(seed, Tracing::Hash);
        let mut stage = Stage::new().await;
        stage.faulty_store(&fate);
        let _server = running(&stage).await;
        let before = stage.events("instance.unhealthy").await.len();
        fate.set_odds(Odds {
            fail: 3_000,
            ..Odds::default()
        });
        for handle in stage.handles() {
            stage.node.pause(&handle);
        }
        sleep(Duration::from_secs(4)).await;
        fate.set_odds(Odds::default());
        sleep(Duration::from_secs(4)).await;
        let told = stage.events("instance.unhealthy").await.len() - before;
        assert!(told > 0, "seed {seed}: nothing is told");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_was_carried_out_does_not_count_again_when_the_clock_is_set_back() {
    let stage = Stage::new().await;
    let _server = running(&stage).await;
    let workers = stage
        .store
        .list_workers(&WorkerFilter::default(), Page::ALL)
        .await;
    let web = workers.unwrap().items.remove(0).id;
    let before = stage.handles();
    let restart = Restart {
        before: ports::Clock::now(&*stage.clock),
        only: scheduler::input::RestartOnly::All,
    };
    stage
        .store
        .restart_workers(&[web], restart, &change())
        .await
        .unwrap();
    let serves = |stage: &Stage| stage.summary() == "web: 1 serving of dep-1";
    stage
        .until("it is restarted", || {
            serves(&stage) && stage.handles().is_disjoint(&before)
        })
        .await;
    sleep(Duration::from_secs(15)).await;
    stage.clock.backward(HOUR);
    let restarted = stage.handles();
    for handle in &restarted {
        stage.node.remove_by_hand(handle);
    }
    stage
        .until("another is started", || {
            serves(&stage) && stage.handles().is_disjoint(&restarted)
        })
        .await;
    let now = stage.handles();
    sleep(2 * HOUR).await;
    assert_eq!(stage.handles(), now, "it is not restarted once more");
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_is_due_again_while_nodes_are_looked_at_does_not_wait_for_the_next_tick() {
    let stage = Stage::new().await;
    let _server = running(&stage).await;
    // Each look takes as long as a node may.
    stage.node.silence();
    stage.lose_source();
    let new = NewDeploy {
        app: stage.app,
        environment: stage.environment,
        cause: Cause::Commit,
        git_ref: Some("main".parse().unwrap()),
        build: None,
        release: None,
        patience: Duration::from_secs(600),
        on_conflict: OnConflict::Queue,
    };
    let began = Instant::now();
    let deploy = stage.store.create_deploy(new, &change()).await.unwrap();
    let failed = stage.ended(deploy.id).await;
    assert_eq!(failed.state, DeployState::Failed);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(90), "{took:?}");
}

/// A commit that was built by itself, for no Deploy.
async fn built(stage: &Stage) -> CommitSha {
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let new = NewBuild {
        app: stage.app,
        git_ref: commit.as_str().parse().unwrap(),
        commit: commit.clone(),
        recipe: Recipe::default(),
        wanted: Wanted::ByItself,
    };
    stage.store.request_build(new, &change()).await.unwrap();
    let image = BuildEngine::image_of(&commit);
    stage
        .recorded("it is built", |store| {
            let image = image.clone();
            async move { store.image_is_kept(&image).await.unwrap() }
        })
        .await;
    commit
}

#[tokio::test(start_paused = true)]
async fn an_image_that_goes_just_before_its_deploy_begins_is_built_again() {
    let fate = Fate::of(1, Tracing::Lines);
    let mut stage = Stage::new().await;
    stage.faulty_store(&fate);
    let _server = stage.start();
    let commit = built(&stage).await;
    // From here on whoever calls the database hesitates.
    fate.set_odds(Odds {
        delay: 10_000,
        ..Odds::default()
    });
    let begins = || {
        let lines = fate.lines();
        let begins = |line: &&String| line.contains(" before begin_deploying");
        lines.iter().filter(begins).count()
    };
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let began = Instant::now();
    while begins() == 0 {
        assert!(began.elapsed() < HOUR, "it never begins");
        sleep(Duration::from_millis(1)).await;
    }
    let (image, later) = (BuildEngine::image_of(&commit), change().at + 2 * HOUR);
    let stay = stage
        .store
        .give_up_images(std::slice::from_ref(&image), 0, later, &change())
        .await;
    assert_eq!(stay.unwrap(), [], "nothing needs it yet");
    fate.set_odds(Odds::default());

    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    assert_eq!(begins(), 2, "it was tried twice");
    let every = BuildFilter::default();
    let builds = stage.store.list_builds(&every, Page::ALL).await;
    assert_eq!(builds.unwrap().items.len(), 2, "and built again");
    assert!(stage.store.image_is_kept(&image).await.unwrap());
}
