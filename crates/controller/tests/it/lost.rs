//! A database that is lost, and the containers that it knew.

use crate::stage::{Stage, change, web};
use controller::usecases::{Error, Mode, environments, instances, system};
use domain::{
    DeployId, DeployState, InstallationId, Scale, WorkerSpec, build::DeclaredWorker,
    worker::Command, worker::WorkerSource,
};
use ports::store::{Adoptions, Deploys, Page, Workers, deploys::OnConflict, workers::WorkerFilter};
use std::{sync::Arc, time::Duration};
use testkit::fake::{self, node::Behaviour};

const RUNNING: &str = "clock: 1 serving of dep-1; web: 2 serving of dep-1";

fn clock() -> DeclaredWorker {
    let mut spec = WorkerSpec::named("clock".parse().unwrap());
    spec.command = Some(Command::Shell("tick".to_owned()));
    DeclaredWorker {
        spec,
        first_scale: Scale::new(1, 9).unwrap(),
        source: WorkerSource::Manifest,
    }
}

/// What runs, and a database that does not know it.
async fn lost() -> Stage {
    let stage = Stage::new().await;
    let server = stage.start();
    let commit = stage.commit(1, vec![web(2), clock()], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(deploy).await;
    stage.until("it runs", || stage.summary() == RUNNING).await;
    server.shutdown().await;
    stage.with_a_lost_database().await
}

#[tokio::test(start_paused = true)]
async fn without_app_and_environment_adopting_says_how_to_make_them() {
    let stage = lost().await;
    for mode in [Mode::Preview, Mode::Run] {
        let refused = system::adopt(&stage.ctx(), None, mode).await.unwrap_err();
        assert!(matches!(refused, Error::NotAdoptable(_)), "{refused}");
        assert_eq!(
            refused.to_string(),
            "dep-1 (3 instances) cannot be adopted: there is no app `shop`: make it with `jockey apps create shop --repo \
             OWNER/NAME`, then adopt again; there is no environment `development`: make it with `jockey envs create \
             development`, then adopt again"
        );
    }
    let name = "development".parse().unwrap();
    let made = environments::create(&stage.ctx(), name, None, Mode::Run).await;
    let id = made.unwrap().value.id;
    assert_ne!(id.number(), 1, "an instance bears that id");
    let refused = system::adopt(&stage.ctx(), None, Mode::Run).await;
    let words = refused.unwrap_err().to_string();
    assert!(!words.contains("no environment"), "{words}");
}

/// Name, scale, port and command of each Worker on record.
async fn worker_definitions(stage: &Stage) -> Vec<(String, u16, Option<u16>, Option<Command>)> {
    let every = WorkerFilter::default();
    let listed = stage.store.list_workers(&every, Page::ALL).await;
    let workers = listed.unwrap().items;
    let told = workers.into_iter().map(|worker| {
        let spec = worker.spec;
        let name = spec.name.to_string();
        (name, worker.scale.get(), spec.port, spec.command)
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_taken_over_by_the_names_on_its_labels() {
    let mut stage = lost().await;
    stage.set_up().await;
    let before = stage.handles();
    let _server = stage.start();
    let dry = system::adopt(&stage.ctx(), None, Mode::Preview).await;
    assert_eq!(dry.unwrap().value.instances.len(), 3);
    let adopted = system::adopt(&stage.ctx(), None, Mode::Run).await.unwrap();
    assert_eq!(adopted.value.instances.len(), 3);
    assert_eq!(adopted.value.left, Vec::<String>::new());
    assert!(
        controller::strangers::list(&stage.deps)
            .await
            .unwrap()
            .is_empty()
    );

    let of_shop = instances::Filter {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..instances::Filter::default()
    };
    let seen = instances::list(&stage.ctx(), &of_shop).await;
    assert_eq!(seen.unwrap().len(), 3);
    let tick = ["/bin/sh", "-c", "tick"].map(str::to_owned).to_vec();
    assert_eq!(
        worker_definitions(&stage).await,
        [
            ("clock".to_owned(), 1, None, Some(Command::Exec(tick))),
            ("web".to_owned(), 2, Some(8888), None)
        ]
    );

    // Nothing moves while it is kept, and one that dies is replaced by its like.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(
        (stage.handles(), stage.summary().as_str()),
        (before.clone(), RUNNING)
    );
    let first = before.first().unwrap();
    stage.node.remove_by_hand(first);
    stage
        .until("another is started in its place", || {
            stage.summary() == RUNNING && !stage.handles().contains(first)
        })
        .await;

    let next = stage.commit(2, vec![web(2), clock()], Behaviour::default());
    let deploy = stage.deploy(&next, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    stage
        .until("the adopted ones are gone", || {
            stage.handles().is_disjoint(&before)
        })
        .await;
    assert_eq!(
        stage.summary(),
        format!("clock: 1 serving of {deploy}; web: 2 serving of {deploy}")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_adopted_while_a_loop_looks_for_the_first_time_is_not_swept() {
    let mut stage = Stage::new().await;
    let server = stage.start();
    let commit = stage.commit(1, vec![web(2), clock()], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(deploy).await;
    stage.until("it runs", || stage.summary() == RUNNING).await;
    server.shutdown().await;
    // A backup from before the deploy, with the same App and Environment.
    let clock = stage.clock.clone();
    stage.store = Arc::new(fake::Store::new(InstallationId::from_bits(7), clock));
    stage.deps.store = stage.store.clone();
    stage.set_up().await;
    let mut found = controller::strangers::found(&stage.deps, None)
        .await
        .unwrap();
    let (adoption, _) = found.adoptable.remove(0);
    let before = stage.handles();

    stage.node.silence();
    let looks = stage.node.lists();
    let _server = stage.start();
    stage
        .until("the loop looks", || stage.node.lists() > looks)
        .await;
    stage.store.adopt(adoption, &change()).await.unwrap();
    stage.node.speak();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        (stage.handles(), stage.summary().as_str()),
        (before, RUNNING)
    );
}

/// `web` of dep-2, which the database does not know, beside dep-1, which it knows, and which is whole.
async fn newer_than_the_backup() -> Stage {
    let mut stage = Stage::new().await;
    let server = stage.start();
    let old = stage.commit(1, vec![web(2), clock()], Behaviour::default());
    let new = stage.commit(2, vec![web(2)], Behaviour::default());
    for commit in [&old, &new] {
        let deploy = stage.deploy(commit, OnConflict::Queue).await;
        stage.ended(deploy).await;
    }
    let serves = || stage.summary() == "web: 2 serving of dep-2";
    stage.until("it runs", serves).await;
    server.shutdown().await;
    let clock = stage.clock.clone();
    stage.store = Arc::new(fake::Store::new(InstallationId::from_bits(7), clock));
    stage.deps.store = stage.store.clone();
    stage.set_up().await;
    stage.deploy(&old, OnConflict::Queue).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn what_is_whole_makes_room_only_for_a_deploy_that_is_named() {
    let stage = newer_than_the_backup().await;
    let _server = stage.start();
    let (known, stranger) = (DeployId::new(1), DeployId::new(2));
    assert_eq!(stage.ended(known).await.state, DeployState::Deployed);
    for mode in [Mode::Preview, Mode::Run] {
        let refused = system::adopt(&stage.ctx(), None, mode).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "dep-2 (2 instances) cannot be adopted: dep-1 is deployed in its place and is healthy: `jockey system sweep \
             --deploy dep-2` removes it, and `jockey system adopt --deploy dep-2` lets it take the place of dep-1"
        );
    }
    let dry = system::adopt(&stage.ctx(), Some(stranger), Mode::Preview).await;
    let whys: Vec<_> = dry
        .unwrap()
        .plan
        .records
        .into_iter()
        .map(|r| r.why)
        .collect();
    let adopted = "it runs as an instance of dep-2, which becomes known";
    let makes_room = "it makes room for web of dep-2";
    assert_eq!(
        whys,
        [
            adopted,
            adopted,
            "dep-2 is the wanted one from then on: 3 instances of it make room",
            "it stops, and nothing is in its place: dep-2 has no clock",
            makes_room,
            makes_room,
        ]
    );
    let adopted = system::adopt(&stage.ctx(), Some(stranger), Mode::Run).await;
    adopted.unwrap();
    let known = stage.store.find_deploy(known).await.unwrap().unwrap();
    assert_eq!(known.state, DeployState::Stopped);
    let serves = || stage.summary() == "web: 2 serving of dep-2";
    stage.until("it makes room", serves).await;
}
