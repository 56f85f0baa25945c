//! Apps.

use super::world::{app, at, environment, gone, new_app, open, refused, shop, stack};
use crate::{
    Store,
    store::{
        Error, Page,
        entities::{AppFilter, Beginning},
        workers::WorkerFilter,
    },
};
use domain::{
    App, AppName, DeployState, EnvironmentId, Scale, WorkerSpec,
    config::{ConfigScope, Variables},
};

pub async fn an_app_is_found_by_name_and_by_id(store: &dyn Store) {
    let stack = stack(store, "api").await;
    let made = app(store, "shop", &stack).await;
    for name_or_id in [
        "shop".to_owned(),
        made.id.to_string(),
        made.id.number().to_string(),
    ] {
        let found = store.find_app(&name_or_id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&made), "{name_or_id}");
    }
    for unknown in ["shops", "app-99", "dep-1", ""] {
        assert_eq!(store.find_app(unknown).await.unwrap(), None, "{unknown}");
    }
}

pub async fn names_and_repositories_are_unique_until_deleted(store: &dyn Store) {
    let stack = stack(store, "api").await;
    let first = app(store, "shop", &stack).await;
    let error = refused(store.create_app(new_app("shop", &stack), &at(1)).await);
    assert_eq!(error.to_string(), "there is an app `shop` already");
    let mut of_same_repo = new_app("other", &stack);
    of_same_repo.repo = first.repo.clone();
    let error = refused(store.create_app(of_same_repo, &at(1)).await);
    assert!(
        matches!(error, Error::Exists { ref which, .. } if which == "example/shop"),
        "{error}"
    );
    store.delete_app(first.id, &at(2)).await.unwrap();
    let second = app(store, "shop", &stack).await;
    assert!(second.id > first.id, "an id is never used twice");
    assert_eq!(store.find_app(&first.id.to_string()).await.unwrap(), None);
    let error = refused(store.delete_app(first.id, &at(3)).await);
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

pub async fn an_app_begins_with_all_that_was_asked_for_or_not_at_all(store: &dyn Store) {
    let stack = stack(store, "api").await;
    let here = environment(store, "production").await.id;
    let variables = Variables::new([("A".parse().unwrap(), "1".to_owned())].into()).unwrap();
    let beginning = |environment| Beginning {
        environment,
        variables: variables.clone(),
        summary: "set A".to_owned(),
        worker: WorkerSpec::named("web".parse().unwrap()),
        scale: Scale::default(),
    };
    let nowhere = EnvironmentId::new(99);
    let refused = refused(
        store
            .create_app_with(
                new_app("shop", &stack),
                vec![beginning(here), beginning(nowhere)],
                &at(1),
            )
            .await,
    );
    assert!(matches!(refused, Error::NotFound { .. }), "{refused}");
    assert_eq!(store.find_app("shop").await.unwrap(), None);
    let workers = async || {
        let every = WorkerFilter::default();
        store.list_workers(&every, Page::ALL).await.unwrap().items
    };
    assert_eq!(workers().await, []);

    let made = store
        .create_app_with(new_app("shop", &stack), vec![beginning(here)], &at(2))
        .await
        .unwrap();
    let scope = ConfigScope::App(made.id, here);
    let set = store.find_config(scope).await.unwrap().unwrap();
    assert_eq!(set.variables, variables);
    let [web] = workers().await.try_into().unwrap();
    assert_eq!(
        (web.app, web.environment, web.scale.get()),
        (made.id, here, 0)
    );
}

pub async fn an_update_of_what_was_changed_meanwhile_is_refused(store: &dyn Store) {
    let stack = stack(store, "api").await;
    let read = app(store, "shop", &stack).await;
    let mut changed = read.clone();
    changed.recipe.dockerfile = Some("deploy/Dockerfile".to_owned());
    // At the very time of its making: the change is seen nevertheless.
    let stored = store
        .update_app(&changed, read.updated_at, &at(0))
        .await
        .unwrap();
    assert_eq!(stored.recipe, changed.recipe);
    assert!(stored.updated_at > read.updated_at);
    let error = refused(store.update_app(&changed, read.updated_at, &at(1)).await);
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    let found = store.find_app("shop").await.unwrap();
    assert_eq!(found, Some(stored));
}

pub async fn a_name_stays_while_instances_may_stand(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let start = shop.start(&deploy, 1, 20_000);
    shop.record(store, open(&start)).await.unwrap();
    let renamed = App {
        name: "store".parse().unwrap(),
        ..shop.app.clone()
    };
    let error = refused(
        store
            .update_app(&renamed, shop.app.updated_at, &at(1))
            .await,
    );
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    shop.record(store, gone(&start)).await.unwrap();
    store
        .update_app(&renamed, shop.app.updated_at, &at(1))
        .await
        .unwrap();
    assert_eq!(store.find_app("shop").await.unwrap(), None);
    assert!(store.find_app("store").await.unwrap().is_some());
}

pub async fn a_deleted_app_ends_its_deploys_and_keeps_its_history(store: &dyn Store) {
    let shop = shop(store).await;
    let (deployed, release) = shop.deployed(store, 1).await;
    let waiting = shop.created(store).await;
    store.delete_app(shop.app.id, &at(9)).await.unwrap();
    for (id, state) in [
        (deployed.id, DeployState::Stopped),
        (waiting.id, DeployState::Cancelled),
    ] {
        let found = store.find_deploy(id).await.unwrap().unwrap();
        assert_eq!(found.state, state);
    }
    assert!(store.find_release(release.id).await.unwrap().is_some());
    let web = "web".parse().unwrap();
    let worker = store
        .find_worker(shop.app.id, shop.environment.id, &web)
        .await;
    assert_eq!(worker.unwrap(), None);
}

pub async fn pages_hold_everything_once(store: &dyn Store) {
    environment(store, "production").await;
    let stack = stack(store, "api").await;
    let mut made: Vec<AppName> = Vec::new();
    for name in ["one", "two", "three", "four", "five"] {
        made.push(app(store, name, &stack).await.name);
    }
    for size in 1..=6 {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = Page { size, after };
            let listed = store.list_apps(&AppFilter::default(), page).await.unwrap();
            assert!(listed.items.len() <= usize::try_from(size).unwrap());
            seen.extend(listed.items.into_iter().map(|app| app.name));
            match listed.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, made, "in pages of {size}");
    }
    let of_repo = AppFilter {
        repo: Some("example/two".parse().unwrap()),
        ..AppFilter::default()
    };
    let found = store.list_apps(&of_repo, Page::ALL).await.unwrap();
    assert_eq!(found.items.len(), 1);
    assert_eq!(found.next, None);
}
