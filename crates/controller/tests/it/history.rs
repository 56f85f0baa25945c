//! What is forgotten when it is old, and what stays.

use crate::stage::{Stage, change, web};
use controller::usecases::{
    Error, Kind, Mode,
    deploys::{Back, BackTo, rollback},
};
use domain::{DeployState, ReleaseId, deploy::DEFAULT_PATIENCE};
use ports::{
    Clock,
    store::{
        Builds, Change, Deploys, Intents, Page, Stacks,
        builds::BuildFilter,
        deploys::{DeployFilter, OnConflict},
        intents::EndFilter,
    },
};
use std::time::Duration;
use testkit::fake::node::Behaviour;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn back_to(release: i64) -> Back {
    Back {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        to: BackTo::Release(ReleaseId::new(release)),
        on_conflict: OnConflict::Queue,
        patience: DEFAULT_PATIENCE,
    }
}

/// By the clock as it is now.
async fn something_happens(stage: &Stage) {
    let now = Change {
        at: Clock::now(&*stage.clock),
        ..change()
    };
    let name = format!("stack-{}", now.at.micros()).parse().unwrap();
    stage.store.create_stack(name, &now).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn history_goes_and_what_a_rollback_needs_stays() {
    let stage = Stage::new().await;
    let server = stage.start();
    for number in 1..=12 {
        let commit = stage.commit(number, vec![web(1)], Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    }
    let running = "web: 1 serving of dep-12";
    stage
        .until("the old ones are gone", || stage.summary() == running)
        .await;
    server.shutdown().await;
    stage.clock.forward(31 * DAY);
    something_happens(&stage).await;
    let before = stage.handles();
    let _server = stage.start();
    stage
        .recorded("ten releases are left", |store| async move {
            let releases = store.list_releases(None, None, Page::ALL).await.unwrap();
            releases.items.len() == 10
        })
        .await;
    stage
        .recorded("their builds are left", |store| async move {
            let builds = store.list_builds(&BuildFilter::default(), Page::ALL).await;
            builds.unwrap().items.len() == 10
        })
        .await;
    let deploys = stage
        .store
        .list_deploys(&DeployFilter::default(), Page::ALL)
        .await;
    assert_eq!(deploys.unwrap().items.len(), 10);
    let ends = stage
        .store
        .list_ends(&EndFilter::default(), Page::ALL)
        .await;
    assert_eq!(ends.unwrap().items, []);
    assert_eq!(stage.handles(), before, "what runs is left alone");

    let forgotten = rollback(&stage.ctx(), back_to(1), Mode::Run).await;
    let error = forgotten.unwrap_err();
    assert!(
        matches!(&error, Error::Forgotten { what: Kind::Release, which, releases: 10, .. } if which == "rel-1"),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "release `rel-1` is not on record any more"
    );
    let unknown = rollback(&stage.ctx(), back_to(99), Mode::Run).await;
    assert!(matches!(unknown, Err(Error::Unknown { .. })));

    let back = rollback(&stage.ctx(), back_to(3), Mode::Run).await.unwrap();
    let back = stage.ended(back.value.deploy.id).await;
    assert_eq!(back.state, DeployState::Deployed, "{back:?}");
    stage
        .until("what was left serves", || {
            stage.summary() == "web: 1 serving of dep-13"
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_years_ahead_forgets_a_day_at_a_time() {
    let stage = Stage::new().await;
    let server = stage.start();
    for number in 1..=2 {
        let commit = stage.commit(number, vec![web(1)], Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
        stage.clock.forward(10 * DAY);
        something_happens(&stage).await;
    }
    let ends = async || {
        let every = EndFilter::default();
        let ends = stage.store.list_ends(&every, Page::ALL).await;
        ends.unwrap().items.len()
    };
    let of_the_tenth_day = ends().await;
    assert!(of_the_tenth_day > 0, "the first deploy was replaced");
    stage.clock.forward(3_650 * DAY);
    something_happens(&stage).await;
    let cleaned = || tokio::time::sleep(stage.deps.settings.collect_every);
    cleaned().await;
    assert_eq!(ends().await, of_the_tenth_day, "the first day is forgotten");
    cleaned().await;
    cleaned().await;
    assert_eq!(ends().await, 0, "and then the next that there is");
    server.shutdown().await;
}
