//! What the loop does with its catalog: what is told to it, and what is believed of it.

use crate::{
    clock,
    stage::{Stage, web},
};
use domain::{DeployState, InstanceId, environment::ServiceTemplate};
use ports::{
    Catalog,
    catalog::{Check, Entry, Registration, Word},
    store::deploys::OnConflict,
};
use std::{collections::BTreeMap, time::Duration};
use testkit::fake::node::Behaviour;

const RUNNING: &str = "clock: 1 serving of dep-1; web: 2 serving of dep-1";

/// Two of `web` and a clock, with nothing left to do.
async fn running(stage: &Stage) {
    let mut web = web(2);
    web.spec.ports = "metrics=9100".parse().unwrap();
    let commit = stage.commit(1, vec![web, clock()], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    let registered = || stage.catalog.entries().len() == 3;
    stage.until("all are registered", registered).await;
    assert_eq!(stage.summary(), RUNNING);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_an_instance_says_whose_it_is_and_how_it_is_asked() {
    let stage = Stage::new().await;
    let _server = stage.start();
    running(&stage).await;
    let entries = stage.catalog.entries();
    let of = |worker: &str| {
        let mut all = entries.iter().map(|(entry, _)| entry);
        all.find(|entry| entry.meta["jockey-worker"] == worker)
            .unwrap()
    };
    let web = of("web");
    assert_eq!(web.service.as_str(), "shop-web");
    assert_eq!(web.check, Check::Tcp);
    assert!(web.port.is_some());
    assert_eq!(web.meta["jockey-app"], "shop");
    assert_eq!(web.meta["jockey-environment"], "development");
    assert_eq!(web.meta["jockey-deploy"], "dep-1");
    let metrics = web.meta["jockey-port-metrics"].parse().ok();
    assert!(
        metrics.is_some_and(|port: u16| web.port != Some(port)),
        "{web:?}"
    );
    let clock = of("clock");
    assert_eq!((clock.port, &clock.check), (None, &Check::Told));
    let well = || stage.catalog.word_on(clock.instance) == Some(Word::Well);
    stage.until("the clock is spoken for", well).await;
    assert_eq!(stage.catalog.word_on(web.instance), None, "it can be asked");
}

#[tokio::test(start_paused = true)]
async fn while_the_catalog_is_lost_nothing_stops_and_a_deploy_waits_and_says_so() {
    let stage = Stage::new().await;
    let _server = stage.start();
    running(&stage).await;
    stage.catalog.lose();
    let commit = stage.commit(2, vec![web(2), clock()], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let step = "nothing is started or stopped: the catalog cannot be reached: connection refused; trying again";
    stage.step_of(deploy, step).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.summary(), RUNNING);
    stage.catalog.find();
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_suddenly_empty_stops_nothing_and_a_deploy_waits_and_says_so() {
    let stage = Stage::new().await;
    let _server = stage.start();
    running(&stage).await;
    stage.catalog.show_only(Some(0));
    let commit = stage.commit(2, vec![web(2)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let step = "web 0 of 2 healthy, only 0 of 1 nodes answer: nothing is moved until more do";
    stage.step_of(deploy, step).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(stage.summary(), RUNNING);
    stage.catalog.show_only(None);
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
}

/// Its memory is gone, but not what it set out to do.
#[tokio::test(start_paused = true)]
async fn a_server_that_starts_beside_an_empty_pool_does_not_believe_it_either() {
    let stage = Stage::new().await;
    let server = stage.start();
    running(&stage).await;
    server.shutdown().await;
    stage.catalog.show_only(Some(0));
    let _another = stage.start_another();
    let commit = stage.commit(2, vec![web(2)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    let step = "web 0 of 2 healthy, only 0 of 1 nodes answer: nothing is moved until more do";
    stage.step_of(deploy, step).await;
    assert_eq!(stage.summary(), RUNNING);
}

#[tokio::test(start_paused = true)]
async fn a_catalog_that_forgot_is_told_again() {
    let stage = Stage::new().await;
    let _server = stage.start();
    running(&stage).await;
    for (entry, _) in stage.catalog.entries() {
        let forgotten = stage.catalog.deregister(&entry.node, entry.instance).await;
        forgotten.unwrap();
    }
    let serving = || {
        let all = stage.catalog.entries();
        all.len() == 3 && all.iter().all(|(_, is)| *is == Registration::Serving)
    };
    stage.until("all are registered again", serving).await;
    assert_eq!(stage.summary(), RUNNING);
}

/// What somebody, or a server that ended in between, has left of an instance that is gone.
fn left(bits: u64) -> Entry {
    let (app, worker, environment) = ("shop", "web", "development");
    let service = ServiceTemplate::first().service_name(
        &app.parse().unwrap(),
        &worker.parse().unwrap(),
        &environment.parse().unwrap(),
    );
    Entry {
        instance: InstanceId::from_bits(bits),
        service: service.unwrap(),
        node: "node-1".parse().unwrap(),
        address: "node-1.test".to_owned(),
        port: Some(20_999),
        tags: Vec::new(),
        meta: BTreeMap::new(),
        check: Check::Tcp,
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_leaves_the_catalog_also_where_no_pool_is() {
    let mut stage = Stage::new().await;
    stage.tell_of_nodes_by_the_catalog_alone();
    let _server = stage.start();
    running(&stage).await;
    let stale = left(1 << 40);
    stage.catalog.register(&stale).await.unwrap();
    let is_gone = || {
        let all = stage.catalog.entries();
        all.iter()
            .all(|(entry, _)| entry.instance != stale.instance)
    };
    stage.until("a loop has seen it", is_gone).await;

    stage.catalog.show_only(Some(0));
    tokio::time::sleep(Duration::from_secs(60)).await;
    stage.catalog.register(&stale).await.unwrap();
    let every = stage.deps.settings.collect_every;
    tokio::time::sleep(every + Duration::from_secs(60)).await;
    assert!(is_gone(), "housekeeping has seen it");
    assert_eq!(stage.catalog.entries().len(), 3);
}
