//! What a control loop reads.

use super::world::{START, Shop, at, declared, environment, gone, open, shop};
use crate::{
    Store,
    store::{
        deploys::OnConflict,
        reconciles::{self, NewReconcile},
        view::ActiveDeploy,
    },
};
use domain::{
    EnvironmentId,
    node::Duty,
    reconcile::{Reconcile, ReconcileState},
    worker::WorkerSource,
};

pub async fn a_view_holds_what_a_loop_needs(store: &dyn Store) {
    let shop = shop(store).await;
    let elsewhere = environment(store, "staging").await;
    let (deployed, first) = shop.deployed(store, 1).await;
    let more = vec![
        declared("web", WorkerSource::Manifest),
        declared("clock", WorkerSource::Manifest),
    ];
    let (deploying, second) = shop.deploying(store, 1, more).await.unwrap();
    let mut back = shop.new_deploy(OnConflict::Queue);
    back.release = Some(first.id);
    let waiting = store.create_deploy(back, &at(5)).await.unwrap();
    for (deploy, instance) in [(&deployed, 1_u64), (&deploying, 2)] {
        let port = 20_000 + u16::try_from(instance).unwrap();
        shop.record(store, open(&shop.start(deploy, instance, port)))
            .await
            .unwrap();
    }
    store
        .set_duty(&"a".parse().unwrap(), Duty::Draining, &at(6))
        .await
        .unwrap();
    let reconcile = in_progress(store, &shop).await;

    let view = store
        .view(shop.environment.id, START)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.environment, shop.environment);
    assert_eq!(view.stacks, [shop.stack]);
    let [app] = view.apps.as_slice() else {
        panic!("{:?}", view.apps)
    };
    assert_eq!(app.app, shop.app);
    let workers: Vec<&str> = app
        .workers
        .iter()
        .map(|one| one.worker.spec.name.as_str())
        .collect();
    assert_eq!(workers, ["clock", "web"]);
    assert_eq!(app.deployed, Some((deployed.clone(), first.clone())));
    let parts = |one: &ActiveDeploy| (one.deploy.id, one.release.clone());
    let active: Vec<_> = app.active.iter().map(parts).collect();
    assert_eq!(
        active,
        [
            (deploying.id, Some(second.clone())),
            (waiting.id, Some(first.clone()))
        ],
        "oldest first"
    );
    assert_eq!(
        app.active[0].build.as_ref().map(|build| build.id),
        Some(second.build)
    );
    assert_eq!(view.intents.len(), 2);
    let releases = [(deployed.id, first.id), (deploying.id, second.id)].into();
    assert_eq!(view.releases, releases);
    assert_eq!(view.duties, [("a".parse().unwrap(), Duty::Draining)].into());
    assert_eq!(view.reconciles, [reconcile]);

    let other = store.view(elsewhere.id, START).await.unwrap().unwrap();
    assert_eq!(other.apps, [], "nothing was ever deployed there");
    assert_eq!(other.intents.len(), 2, "ports and room are shared");
    assert!(other.releases.is_empty() && other.reconciles.is_empty());
    let unknown = store.view(EnvironmentId::new(99), START).await.unwrap();
    assert_eq!(unknown, None);
}

async fn in_progress(store: &dyn Store, shop: &Shop) -> Reconcile {
    let new = NewReconcile {
        environment: shop.environment.id,
        app: None,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict: reconciles::OnConflict::Ignore,
    };
    store.create_reconcile(new, &at(7)).await.unwrap()
}

pub async fn a_deleted_app_is_seen_while_its_instances_stand(store: &dyn Store) {
    let shop = shop(store).await;
    let (deploy, _) = shop.deployed(store, 1).await;
    let start = shop.start(&deploy, 1, 20_000);
    shop.record(store, open(&start)).await.unwrap();
    store.delete_app(shop.app.id, &at(5)).await.unwrap();
    let view = store
        .view(shop.environment.id, START)
        .await
        .unwrap()
        .unwrap();
    let [app] = view.apps.as_slice() else {
        panic!("{:?}", view.apps)
    };
    assert_eq!(
        (app.workers.len(), &app.deployed, app.active.len()),
        (0, &None, 0)
    );
    shop.record(store, gone(&start)).await.unwrap();
    let view = store
        .view(shop.environment.id, START)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.apps, []);
}
