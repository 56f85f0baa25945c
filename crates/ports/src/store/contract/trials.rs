//! Dry runs.

use super::world::{app, asked, at, new_app, refused, shop};
use crate::{
    Store,
    store::{Error, Page, entities::AppFilter, workers::NewWorker},
};
use domain::{Scale, WorkerSpec};

pub async fn a_trial_answers_and_changes_nothing(store: &dyn Store) {
    let shop = shop(store).await;
    let newest = store.newest_event();
    let before = *newest.borrow();
    let trial = store.trial();
    let made = trial
        .create_app(new_app("other", &shop.stack), &asked("once"))
        .await;
    assert_eq!(made.unwrap().name.as_str(), "other");
    trial.delete_app(shop.app.id, &at(1)).await.unwrap();
    let environment = "staging".parse().unwrap();
    trial
        .create_environment(environment, None, &at(1))
        .await
        .unwrap();

    let apps = store.list_apps(&AppFilter::default(), Page::ALL).await;
    assert_eq!(apps.unwrap().items, std::slice::from_ref(&shop.app));
    let environments = store.list_environments("", Page::ALL).await.unwrap();
    assert_eq!(environments.items, [shop.environment]);
    assert_eq!(store.find_request("ada", "once").await.unwrap(), None);
    assert_eq!(*newest.borrow(), before, "nobody is woken");
    let real = app(store, "other", &shop.stack).await;
    // PostgreSQL gives no number twice, also not one that was taken back.
    assert!(real.id > shop.app.id, "{} is a new one", real.id);
}

pub async fn a_trial_refuses_what_would_be_refused(store: &dyn Store) {
    let shop = shop(store).await;
    let trial = store.trial();
    let twin = new_app("shop", &shop.stack);
    let error = refused(trial.create_app(twin, &at(1)).await);
    assert!(matches!(error, Error::Exists { .. }), "{error}");

    app(store, "shop-web", &shop.stack).await;
    let worker = |app, name: &str| NewWorker {
        app,
        environment: shop.environment.id,
        spec: WorkerSpec::named(name.parse().unwrap()),
        scale: Scale::default(),
    };
    let jockey = app(store, "jockey-api", &shop.stack).await;
    for taken in [
        worker(shop.app.id, "web-web"),
        // The name of the pool.
        worker(jockey.id, "production"),
    ] {
        let said = refused(trial.create_worker(taken.clone(), &at(2)).await).to_string();
        assert!(said.contains("is taken already"), "{said}");
        let real = refused(store.create_worker(taken, &at(2)).await);
        assert_eq!(said, real.to_string());
    }
}
