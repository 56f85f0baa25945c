//! Config Sets.

use super::{
    retention::{forget, forget_all},
    world::{at, declared, image, refused, shop},
};
use crate::{
    Store,
    store::{Error, Page, deploys::NewRelease, retention::Old},
};
use domain::{
    ConfigVersionId, DeployState,
    config::{ConfigScope, ConfigVersions, Value, Variables},
    worker::WorkerSource,
};

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let pairs = pairs
        .iter()
        .map(|(key, value)| (key.parse().unwrap(), (*value).to_owned()));
    Variables::new(pairs.collect()).unwrap()
}

pub async fn versions_count_and_a_stale_base_is_refused(store: &dyn Store) {
    let shop = shop(store).await;
    let scope = ConfigScope::App(shop.app.id, shop.environment.id);
    assert_eq!(store.find_config(scope).await.unwrap(), None);
    let (one, two) = (
        variables(&[("A", "1")]),
        variables(&[("A", "2"), ("B", "ü\n\"")]),
    );
    let first = store.write_config(scope, None, &one, &at(1)).await.unwrap();
    assert_eq!((first.number, &first.variables), (1, &one));
    assert_eq!(first.updated_by, "ada");
    let stale = store.write_config(scope, None, &two, &at(2)).await;
    assert!(matches!(refused(stale), Error::Stale { .. }));
    let second = store
        .write_config(scope, Some(first.version), &two, &at(3))
        .await
        .unwrap();
    assert_eq!((second.id, second.number), (first.id, 2));
    assert_eq!(
        store.config_set(second.id).await.unwrap(),
        Some(second.clone())
    );
    assert_eq!(
        store.find_config(scope).await.unwrap(),
        Some(second.clone())
    );
    let versions = store
        .list_config_versions(scope, Page::ALL)
        .await
        .unwrap()
        .items;
    let ids: Vec<ConfigVersionId> = versions.iter().map(|version| version.id).collect();
    assert_eq!(ids, [second.version, first.version], "newest first");
    let listed = store
        .list_configs(Some(shop.environment.id), Page::ALL)
        .await
        .unwrap();
    assert_eq!(listed.items, [second]);
}

pub async fn values_stay_as_they_were_said(store: &dyn Store) {
    let shop = shop(store).await;
    let scope = ConfigScope::App(shop.app.id, shop.environment.id);
    let said = [
        ("A", Value::bare("3".to_owned())),
        ("B", Value::from("3".to_owned())),
        ("C", Value::bare("1.10e3".to_owned())),
        ("D", Value::bare("true".to_owned())),
    ];
    let said = said.map(|(key, value)| (key.parse().unwrap(), value));
    let said = Variables::new(said.into()).unwrap();
    let change = at(1);
    let written = store.write_config(scope, None, &said, &change);
    let written = written.await.unwrap();
    assert_eq!(written.variables, said);
    assert_eq!(
        store.find_config(scope).await.unwrap(),
        Some(written.clone())
    );
    let versions = ConfigVersions::only(scope, Some(written.version));
    assert_eq!(store.config_at(versions).await.unwrap(), said);
}

pub async fn layers_are_laid_over_each_other_as_they_were(store: &dyn Store) {
    let shop = shop(store).await;
    let environment = shop.environment.id;
    let mut versions = Vec::new();
    for (scope, pairs) in [
        (
            ConfigScope::Environment(environment),
            [("A", "env"), ("B", "env")],
        ),
        (
            ConfigScope::Stack(shop.stack.id, environment),
            [("B", "stack"), ("C", "stack")],
        ),
        (
            ConfigScope::App(shop.app.id, environment),
            [("C", "app"), ("D", "app")],
        ),
    ] {
        let written = store
            .write_config(scope, None, &variables(&pairs), &at(1))
            .await
            .unwrap();
        let later = variables(&[("A", "later")]);
        store
            .write_config(scope, Some(written.version), &later, &at(2))
            .await
            .unwrap();
        versions.push(written.version);
    }
    let all = ConfigVersions {
        environment: Some(versions[0]),
        stack: Some(versions[1]),
        app: Some(versions[2]),
    };
    let wanted = variables(&[("A", "env"), ("B", "stack"), ("C", "app"), ("D", "app")]);
    assert_eq!(store.config_at(all).await.unwrap(), wanted);
    let none = store.config_at(ConfigVersions::default()).await.unwrap();
    assert!(none.is_empty());
    let unknown = ConfigVersions {
        app: Some(ConfigVersionId::new(99)),
        ..all
    };
    let error = refused(store.config_at(unknown).await);
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

pub async fn the_set_of_a_deleted_app_is_gone_and_its_versions_stay(store: &dyn Store) {
    let shop = shop(store).await;
    let scope = ConfigScope::App(shop.app.id, shop.environment.id);
    let set = variables(&[("A", "1")]);
    let written = store.write_config(scope, None, &set, &at(1)).await.unwrap();
    store.delete_app(shop.app.id, &at(2)).await.unwrap();
    assert_eq!(store.find_config(scope).await.unwrap(), None);
    assert_eq!(store.list_configs(None, Page::ALL).await.unwrap().items, []);
    let versions = ConfigVersions {
        app: Some(written.version),
        ..ConfigVersions::default()
    };
    assert_eq!(store.config_at(versions).await.unwrap(), set);
}

pub async fn versions_go_once_replaced_and_unnamed(store: &dyn Store) {
    let shop = shop(store).await;
    let scope = ConfigScope::App(shop.app.id, shop.environment.id);
    let mut base = None;
    for (value, seconds) in [("one", 10), ("two", 20), ("three", 30)] {
        let variables =
            Variables::new([("GREETING".parse().unwrap(), value.to_owned())].into()).unwrap();
        let set = store
            .write_config(scope, base, &variables, &at(seconds))
            .await
            .unwrap();
        if seconds == 20 {
            // A Release names it.
            let build = shop.built(store, 'a', 1).await;
            let deploy = shop.created(store).await;
            let release = NewRelease::OfBuild {
                build: build.id,
                image: image(1),
                workers: vec![declared("web", WorkerSource::Manifest)],
            };
            store
                .begin_deploying(
                    deploy.id,
                    DeployState::Created,
                    release,
                    &shop.fence,
                    &at(21),
                )
                .await
                .unwrap();
        }
        base = Some(set.version);
    }
    let numbers = async || -> Vec<u32> {
        let all = store.list_config_versions(scope, Page::ALL).await.unwrap();
        all.items.iter().map(|version| version.number).collect()
    };
    assert_eq!(forget(store, Old::ConfigVersions, 15, 0).await, 0);
    assert_eq!(
        numbers().await,
        [3, 2, 1],
        "the first was in use until a moment ago"
    );
    assert_eq!(forget(store, Old::ConfigVersions, 1_000, 0).await, 1);
    assert_eq!(numbers().await, [3, 2]);
    let next = store
        .write_config(scope, base, &Variables::default(), &at(2_000))
        .await
        .unwrap();
    assert_eq!(next.number, 4, "numbers go on");
    store.delete_app(shop.app.id, &at(2_001)).await.unwrap();
    forget_all(store, 3_000, 0).await;
    let versions = ConfigVersions {
        app: base,
        ..ConfigVersions::default()
    };
    assert!(store.config_at(versions).await.is_err(), "it is gone");
}
