//! Definitions of Workers that come and go, and what a preview of a Deploy says of them.

use crate::stage::{Stage, web};
use controller::usecases::{
    Mode,
    deploys::{self, Request, Target},
    workers::{self, Which},
};
use domain::{
    Cause, DeployId, DeployState, GitRef, Worker, WorkerSpec, build::DeclaredWorker,
    deploy::DEFAULT_PATIENCE, worker::WorkerSource,
};
use ports::store::{Deploys, Workers, deploys::OnConflict};
use std::time::Duration;
use testkit::fake::node::Behaviour;

async fn stored(stage: &Stage) -> Worker {
    let name = "web".parse().unwrap();
    let found = stage.store.find_worker(stage.app, stage.environment, &name);
    found.await.unwrap().expect("it is there")
}

async fn is_active(stage: &Stage, id: DeployId) -> bool {
    let found = stage.store.find_deploy(id).await.unwrap();
    found.expect("it is there").state.is_active()
}

/// How many steps a Deploy of this would take for instances.
async fn steps_of(stage: &Stage, git_ref: &str) -> usize {
    steps_to(stage, Target::Ref(git_ref.parse::<GitRef>().unwrap())).await
}

async fn steps_to(stage: &Stage, target: Target) -> usize {
    let request = Request {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        target,
        on_conflict: OnConflict::Queue,
        patience: DEFAULT_PATIENCE,
    };
    let done = deploys::create(&stage.ctx(), request, Mode::Preview).await;
    let plans = done.unwrap().plan.instances;
    plans.iter().map(|one| one.plan.steps.len()).sum()
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_its_commit_declares_outlives_its_definition_of_the_api() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    let first = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(first).await;
    let declared = stored(&stage).await;
    let changed = stage.serves_well(None).await.expect("a deploy follows");
    assert_eq!(stage.ended(changed.id).await.state, DeployState::Deployed);
    let before = stage.handles();

    let which = Which {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
    };
    let tried = workers::delete(&stage.ctx(), &which, None, Mode::Preview).await;
    let tried = format!("{:?}", tried.unwrap().plan.records[0]);
    assert!(tried.contains("that definition counts again"), "{tried}");
    assert_eq!(stored(&stage).await.source, WorkerSource::Api);

    let done = workers::delete(&stage.ctx(), &which, None, Mode::Run).await;
    let follow = done.unwrap().value.deploy.expect("a deploy follows").deploy;
    assert_eq!(follow.cause, Cause::Worker);
    let now = stored(&stage).await;
    assert_eq!((now.id, now.scale), (declared.id, declared.scale));
    assert_eq!(
        (now.spec, now.source),
        (declared.spec, WorkerSource::Manifest)
    );
    let mut fewest = usize::MAX;
    while is_active(&stage, follow.id).await {
        fewest = fewest.min(stage.handles().len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(fewest >= 2, "never fewer than are wanted: {fewest}");
    assert_eq!(stage.ended(follow.id).await.state, DeployState::Deployed);
    assert!(before.is_disjoint(&stage.handles()));
    assert_eq!(stage.summary(), format!("web: 2 serving of {}", follow.id),);
}

#[tokio::test(start_paused = true)]
async fn a_preview_of_what_runs_already_moves_nothing() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let first = stage.commit(1, vec![web(2)], Behaviour::default());
    let ended = stage.deploy(&first, OnConflict::Queue).await;
    stage.ended(ended).await;
    assert_eq!(steps_of(&stage, first.as_str()).await, 0);

    // Another commit that is built already starts as many as it declares.
    let second = stage.commit(2, vec![web(2)], Behaviour::default());
    let ended = stage.deploy(&second, OnConflict::Queue).await;
    stage.ended(ended).await;
    assert_eq!(steps_of(&stage, second.as_str()).await, 0);
    assert!(steps_of(&stage, first.as_str()).await >= 2);
    let runs = stage.store.find_deploy(ended).await.unwrap().unwrap();
    let again = Target::Release(runs.release.expect("it has one"));
    assert_eq!(steps_to(&stage, again).await, 0);

    // So does the same commit once its Worker is defined otherwise, as the Deploy for that has it.
    let changed = stage.serves_well(None).await.expect("a deploy follows");
    stage.ended(changed.id).await;
    assert_eq!(steps_of(&stage, second.as_str()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_as_its_commit_declares_it_is_deleted_without_a_move() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    let first = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(first).await;
    let before = stage.handles();
    let which = Which {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
    };
    let tried = workers::delete(&stage.ctx(), &which, None, Mode::Preview).await;
    let plans = tried.unwrap().plan.instances;
    let steps: usize = plans.iter().map(|one| one.plan.steps.len()).sum();
    assert_eq!((plans.len(), steps), (1, 0), "{plans:?}");

    let done = workers::delete(&stage.ctx(), &which, None, Mode::Run).await;
    let follow = done.unwrap().value.deploy.expect("a deploy follows").deploy;
    assert_eq!(stage.ended(follow.id).await.state, DeployState::Deployed);
    assert_eq!(stage.handles(), before);
}

/// What nobody declares gives way to what the API has made, and is no declaration to go back to.
#[tokio::test(start_paused = true)]
async fn a_worker_that_only_stood_in_is_deleted() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let stand_in = DeclaredWorker {
        source: WorkerSource::Image,
        ..web(2)
    };
    let commit = stage.commit(1, vec![stand_in], Behaviour::default());
    let first = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(first).await;
    let spec = WorkerSpec::named("clock".parse().unwrap());
    let new = (spec, Some(1));
    let made = workers::create(&stage.ctx(), "shop", "development", new, Mode::Run).await;
    let follow = made.unwrap().value.deploy.expect("a deploy follows").deploy;
    assert_eq!(stage.ended(follow.id).await.state, DeployState::Deployed);
    let name = "web".parse().unwrap();
    let found = stage.store.find_worker(stage.app, stage.environment, &name);
    if found.await.unwrap().is_some() {
        let which = Which {
            worker: "web".to_owned(),
            app: "shop".to_owned(),
            environment: "development".to_owned(),
        };
        workers::delete(&stage.ctx(), &which, None, Mode::Run)
            .await
            .unwrap();
    }
    let found = stage.store.find_worker(stage.app, stage.environment, &name);
    assert_eq!(found.await.unwrap(), None);
}
