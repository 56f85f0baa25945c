//! What named ports do to servers of versions that know none.

use crate::{
    shared::join,
    world::{Ground, change},
};
use domain::{Scale, WorkerSpec, app::Recipe};
use ports::store::{
    Apps as _, Environments as _, Stacks as _, Workers as _, entities::NewApp, workers::NewWorker,
};

/// The migration that whoever writes has to know.
const LEAST: &str = "SELECT coalesce(max(value), '') FROM meta WHERE key = 'least_migration'";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_named_ports_writes_no_more_once_there_are_some() {
    let ground = Ground::postgres();
    let (store, _state) = join(&ground).await;
    let change = change();
    let stack = store.create_stack("api".parse().unwrap(), &change).await;
    let name = "production".parse().unwrap();
    let environment = store.create_environment(name, None, &change).await.unwrap();
    let new = NewApp {
        name: "shop".parse().unwrap(),
        repo: "example/shop".parse().unwrap(),
        stack: stack.unwrap().id,
        recipe: Recipe::default(),
        subscribe_to_github_webhook: true,
        pushes: domain::Pushes::default(),
    };
    let app = store.create_app(new, &change).await.unwrap().id;
    let mut spec = WorkerSpec::named("web".parse().unwrap());
    let made = NewWorker {
        app,
        environment: environment.id,
        spec: spec.clone(),
        scale: Scale::default(),
    };
    let worker = store.create_worker(made, &change).await.unwrap();
    assert_eq!(ground.sql(LEAST).trim(), "", "whoever writes may go on");
    spec.ports = "metrics=9100".parse().unwrap();
    let updated = store.update_worker(worker.id, &spec, worker.updated_at, &change);
    updated.await.unwrap();
    assert_eq!(ground.sql(LEAST).trim(), "0016");
}
