//! Workers.

use super::world::{START, at, gone, open, refused, shop};
use crate::{
    Store,
    store::{
        Error, Page,
        workers::{NewWorker, Restart, WorkerFilter},
    },
};
use domain::{
    DeployEvent, Scale, WorkerId, WorkerSpec, build::DeclaredWorker, worker::Command,
    worker::WorkerSource,
};
use scheduler::input::RestartOnly;

pub async fn a_worker_is_defined_scaled_and_deleted(store: &dyn Store) {
    let shop = shop(store).await;
    let new = NewWorker {
        app: shop.app.id,
        environment: shop.environment.id,
        spec: WorkerSpec::named("clock".parse().unwrap()),
        scale: Scale::new(2, 9).unwrap(),
    };
    let made = store.create_worker(new.clone(), &at(1)).await.unwrap();
    assert_eq!((made.source, made.scale.get()), (WorkerSource::Api, 2));
    let twin = store.create_worker(new.clone(), &at(2)).await;
    assert!(matches!(refused(twin), Error::Exists { .. }));

    let mut spec = made.spec.clone();
    spec.command = Some(Command::Exec(vec!["clock".to_owned(), "--slow".to_owned()]));
    spec.singleton = true;
    spec.constraints = vec!["disk == ssd".parse().unwrap()];
    spec.ports = "metrics=9100".parse().unwrap();
    let changed = store
        .update_worker(made.id, &spec, made.updated_at, &at(1))
        .await
        .unwrap();
    assert_eq!(changed.spec, spec);
    assert!(changed.updated_at > made.updated_at);
    let stale = store
        .update_worker(made.id, &spec, made.updated_at, &at(3))
        .await;
    assert!(matches!(refused(stale), Error::Stale { .. }));
    let found = store
        .find_worker(shop.app.id, shop.environment.id, &spec.name)
        .await;
    assert_eq!(found.unwrap(), Some(changed.clone()));
    let by_name = WorkerFilter {
        name: Some(spec.name.clone()),
        ..WorkerFilter::default()
    };
    let listed = store.list_workers(&by_name, Page::ALL).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&changed));

    let declared = DeclaredWorker {
        spec: made.spec.clone(),
        first_scale: Scale::new(1, 9).unwrap(),
        source: WorkerSource::Manifest,
    };
    let hand_back = async |read_at| {
        let change = at(3);
        let handed = store.hand_back_worker(made.id, &declared, read_at, &change);
        handed.await
    };
    let stale = hand_back(made.updated_at).await;
    assert!(matches!(refused(stale), Error::Stale { .. }));
    let back = hand_back(changed.updated_at).await.unwrap();
    assert_eq!(
        (&back.spec, back.source),
        (&made.spec, WorkerSource::Manifest)
    );
    assert_eq!((back.id, back.scale), (made.id, made.scale));
    assert_eq!(store.worker(made.id).await.unwrap(), Some(back));

    store.delete_worker(made.id, &at(4)).await.unwrap();
    assert_eq!(store.worker(made.id).await.unwrap(), None);
    let error = refused(store.delete_worker(made.id, &at(5)).await);
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

pub async fn a_workers_name_stays_while_something_bears_it(store: &dyn Store) {
    let shop = shop(store).await;
    let named = |name: &str| WorkerSpec::named(name.parse().unwrap());
    let new = |name: &str| NewWorker {
        app: shop.app.id,
        environment: shop.environment.id,
        spec: named(name),
        scale: Scale::new(1, 9).unwrap(),
    };
    let clock = store.create_worker(new("clock"), &at(1)).await.unwrap();
    store.create_worker(new("mailer"), &at(2)).await.unwrap();
    let read_at = clock.updated_at;
    let rename = async |name: &str| {
        let spec = named(name);
        let change = at(3);
        store.update_worker(clock.id, &spec, read_at, &change).await
    };
    assert!(matches!(
        refused(rename("mailer").await),
        Error::Exists { .. }
    ));
    let deploy = shop.created(store).await;
    let mut start = shop.start(&deploy, 1, 20_000);
    start.worker = clock.spec.name.clone();
    shop.record(store, open(&start)).await.unwrap();
    let error = refused(rename("timer").await);
    assert_eq!(
        error.to_string(),
        "worker `clock` is still used by 1 deploys"
    );
    let cancelled = shop.moved(store, &deploy, DeployEvent::Cancelled);
    cancelled.await.unwrap();
    let error = refused(rename("timer").await);
    assert_eq!(
        error.to_string(),
        "worker `clock` is still used by 1 instances"
    );
    shop.record(store, gone(&start)).await.unwrap();
    let renamed = rename("timer").await.unwrap();
    assert_eq!(
        (renamed.id, renamed.spec.name.as_str(), renamed.scale.get()),
        (clock.id, "timer", 1)
    );
    // Whoever keeps the Environment may be about to start one of the first name.
    let late = refused(shop.record(store, open(&start)).await);
    assert!(matches!(late, Error::Fenced { .. }), "{late}");
    let found = async |name: &str| {
        let name = name.parse().unwrap();
        let (app, environment) = (shop.app.id, shop.environment.id);
        store.find_worker(app, environment, &name).await.unwrap()
    };
    assert_eq!(found("timer").await, Some(renamed));
    assert_eq!(found("clock").await, None);
}

pub async fn scales_are_set_all_or_none(store: &dyn Store) {
    let shop = shop(store).await;
    shop.deployed(store, 1).await;
    let web = "web".parse().unwrap();
    let web = store
        .find_worker(shop.app.id, shop.environment.id, &web)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(web.scale.get(), 1);
    let three = Scale::new(3, 9).unwrap();
    let unknown = WorkerId::new(99);
    let refusal = store
        .rescale(&[(web.id, three), (unknown, three)], &at(4))
        .await;
    assert!(matches!(refused(refusal), Error::NotFound { .. }));
    assert_eq!(store.worker(web.id).await.unwrap().unwrap().scale.get(), 1);
    let scaled = store.rescale(&[(web.id, three)], &at(5)).await.unwrap();
    assert_eq!(scaled[0].scale, three);
    let newest = *store.newest_event().borrow();
    store.rescale(&[(web.id, three)], &at(6)).await.unwrap();
    assert_eq!(
        *store.newest_event().borrow(),
        newest,
        "nothing changed, nothing to tell"
    );
}

pub async fn a_restart_is_seen_in_the_view(store: &dyn Store) {
    let shop = shop(store).await;
    shop.deployed(store, 1).await;
    let web = "web".parse().unwrap();
    let web = store
        .find_worker(shop.app.id, shop.environment.id, &web)
        .await
        .unwrap()
        .unwrap();
    let restart = Restart {
        before: START,
        only: RestartOnly::Unhealthy,
    };
    store
        .restart_workers(&[web.id], restart, &at(4))
        .await
        .unwrap();
    let view = store
        .view(shop.environment.id, START)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.apps[0].workers[0].restart, Some(restart));
    let newest = *store.newest_event().borrow();
    for (before, left) in [(at(1).at, Some(restart)), (START, None)] {
        store
            .forget_restart(web.id, before, &shop.fence)
            .await
            .unwrap();
        let view = store.view(shop.environment.id, START).await.unwrap();
        assert_eq!(view.unwrap().apps[0].workers[0].restart, left);
    }
    assert_eq!(*store.newest_event().borrow(), newest, "that is no event");
    store
        .forget_restart(WorkerId::new(99), START, &shop.fence)
        .await
        .unwrap();
    store.release(&shop.fence).await.unwrap();
    let late = store.forget_restart(web.id, START, &shop.fence).await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
    let unknown = store
        .restart_workers(&[WorkerId::new(99)], restart, &at(5))
        .await;
    assert!(matches!(refused(unknown), Error::NotFound { .. }));
}
