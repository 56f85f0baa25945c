//! What Releases are made of.

use super::world::{app, at, declared, image, lease, refused, shop};
use crate::{
    Store,
    store::{
        Error, Page,
        deploys::{NewRelease, OnConflict},
        workers::{NewWorker, WorkerFilter},
    },
};
use domain::{
    App, DeployState, Release, Scale, WorkerSpec,
    config::{ConfigScope, ConfigVersions, Variables},
    node::Duty,
    worker::{Command, WorkerSource},
};

fn names(release: &Release) -> Vec<&str> {
    release
        .workers
        .iter()
        .map(|spec| spec.name.as_str())
        .collect()
}

fn by_api(shop: &super::world::Shop, name: &str) -> NewWorker {
    let mut spec = WorkerSpec::named(name.parse().unwrap());
    spec.command = Some(Command::Shell("by hand".to_owned()));
    NewWorker {
        app: shop.app.id,
        environment: shop.environment.id,
        spec,
        scale: Scale::default(),
    }
}

pub async fn definitions_of_the_api_win_over_the_commits(store: &dyn Store) {
    let shop = shop(store).await;
    let (clock, extra) = (by_api(&shop, "clock"), by_api(&shop, "extra"));
    for new in [clock.clone(), extra] {
        store.create_worker(new, &at(0)).await.unwrap();
    }
    let all = vec![
        declared("web", WorkerSource::Manifest),
        declared("clock", WorkerSource::Manifest),
    ];
    let (deploy, release) = shop.deploying(store, 1, all).await.unwrap();
    assert_eq!(
        names(&release),
        ["clock", "extra", "web"],
        "in order of name"
    );
    assert_eq!(release.workers[0], clock.spec);
    assert_eq!(deploy.release, Some(release.id));
    assert_eq!(
        store.find_release(release.id).await.unwrap(),
        Some(release.clone())
    );
    shop.healthy(store, &deploy).await;

    // Met for the first time: stored, with its first scale. Declared anew: defined anew, and the scale stays.
    let web = &"web".parse().unwrap();
    let met = store
        .find_worker(shop.app.id, shop.environment.id, web)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((met.scale.get(), met.source), (1, WorkerSource::Manifest));
    let three = Scale::new(3, 9).unwrap();
    store.rescale(&[(met.id, three)], &at(3)).await.unwrap();
    let mut other = declared("web", WorkerSource::Procfile);
    other.spec.command = Some(Command::Shell("serve".to_owned()));
    let (_, next) = shop.deploying(store, 1, vec![other.clone()]).await.unwrap();
    assert_eq!(next.worker(web), Some(&other.spec));
    let met = store.worker(met.id).await.unwrap().unwrap();
    assert_eq!(
        (met.spec, met.scale, met.source),
        (other.spec, three, WorkerSource::Procfile)
    );
    let releases = store
        .list_releases(Some(shop.app.id), None, Page::ALL)
        .await
        .unwrap();
    assert_eq!(releases.items, [next, release], "newest first");
}

/// Read where the Release is made: what is written before is in it, and what is written after finds it made.
pub async fn a_release_has_the_newest_versions_of_variables(store: &dyn Store) {
    let shop = shop(store).await;
    let web = || vec![declared("web", WorkerSource::Manifest)];
    let (first, none) = shop.deploying(store, 1, web()).await.unwrap();
    assert_eq!(none.config, ConfigVersions::default());
    shop.healthy(store, &first).await;
    let (here, other) = (
        shop.environment.id,
        app(store, "books", &shop.stack).await.id,
    );
    let mut newest = Vec::new();
    for scope in [
        ConfigScope::Environment(here),
        ConfigScope::Stack(shop.stack.id, here),
        ConfigScope::App(shop.app.id, here),
        ConfigScope::App(shop.app.id, here),
    ] {
        let base = store.find_config(scope).await.unwrap();
        let base = base.map(|set| set.version);
        let value = format!("{}", newest.len());
        let variables = Variables::new([("A".parse().unwrap(), value)].into()).unwrap();
        let set = store.write_config(scope, base, &variables, &at(4)).await;
        newest.push(set.unwrap().version);
    }
    let others = Variables::new([("A".parse().unwrap(), "other".to_owned())].into()).unwrap();
    store
        .write_config(ConfigScope::App(other, here), None, &others, &at(4))
        .await
        .unwrap();
    let (_, release) = shop.deploying(store, 1, web()).await.unwrap();
    let want = ConfigVersions {
        environment: Some(newest[0]),
        stack: Some(newest[1]),
        app: Some(newest[3]),
    };
    assert_eq!(release.config, want);
    let found = store.find_release(release.id).await.unwrap();
    assert_eq!(found, Some(release));
}

pub async fn a_worker_that_nobody_declared_gives_way(store: &dyn Store) {
    let shop = shop(store).await;
    store
        .create_worker(by_api(&shop, "clock"), &at(0))
        .await
        .unwrap();
    let default = vec![declared("web", WorkerSource::Image)];
    let (_, release) = shop.deploying(store, 1, default).await.unwrap();
    assert_eq!(names(&release), ["clock"]);
    let all = store
        .list_workers(&WorkerFilter::default(), Page::ALL)
        .await
        .unwrap();
    assert_eq!(all.items.len(), 1);
}

pub async fn an_equal_release_is_used_again(store: &dyn Store) {
    let shop = shop(store).await;
    let (_, first) = shop.deployed(store, 1).await;
    let web = vec![declared("web", WorkerSource::Manifest)];
    let (second, again) = shop.deploying(store, 1, web.clone()).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(second.release, Some(first.id));
    let mut more = web;
    more.push(declared("clock", WorkerSource::Manifest));
    let (_, other) = shop.deploying(store, 1, more).await.unwrap();
    assert!(other.id > first.id);
}

pub async fn a_rollback_has_the_definitions_of_its_time(store: &dyn Store) {
    let shop = shop(store).await;
    let (_, first) = shop.deployed(store, 1).await;
    let clock = vec![declared("clock", WorkerSource::Manifest)];
    let (second, _) = shop.deploying(store, 1, clock).await.unwrap();
    shop.healthy(store, &second).await;
    let web = &"web".parse().unwrap();
    let worker = store
        .find_worker(shop.app.id, shop.environment.id, web)
        .await
        .unwrap()
        .unwrap();
    store.delete_worker(worker.id, &at(4)).await.unwrap();

    let mut back = shop.new_deploy(OnConflict::Queue);
    back.release = Some(first.id);
    let back = store.create_deploy(back, &at(5)).await.unwrap();
    assert_eq!(back.release, Some(first.id));
    // As where the image of its time is gone: built again, and kept.
    shop.built(store, 'b', 9).await;
    let again = NewRelease::Again {
        release: first.id,
        image: image(9),
    };
    let (deploy, release) = store
        .begin_deploying(back.id, DeployState::Created, again, &shop.fence, &at(6))
        .await
        .unwrap();
    assert_eq!(
        (&release.workers, &release.image),
        (&first.workers, &image(9))
    );
    assert_eq!(deploy.release, Some(release.id));
    let met = store
        .find_worker(shop.app.id, shop.environment.id, web)
        .await
        .unwrap();
    assert_eq!(met.unwrap().scale.get(), 1, "a scale has to live somewhere");
}

pub async fn a_release_that_takes_anothers_name_changes_nothing(store: &dyn Store) {
    let shop = shop(store).await;
    app(store, "shop-x", &shop.stack).await;
    let twin = vec![
        declared("web", WorkerSource::Manifest),
        declared("x-web", WorkerSource::Manifest),
    ];
    let error = refused(shop.deploying(store, 1, twin).await);
    assert!(matches!(error, Error::ServiceNameTaken { .. }), "{error}");
    let all = store
        .list_workers(&WorkerFilter::default(), Page::ALL)
        .await
        .unwrap();
    assert_eq!(all.items, []);
    let active = store
        .active_deploys(shop.app.id, shop.environment.id)
        .await
        .unwrap();
    assert_eq!(active[0].state, DeployState::Created);
}

pub async fn a_release_stays_as_it_was_made(store: &dyn Store) {
    let mut shop = shop(store).await;
    let scope = ConfigScope::Environment(shop.environment.id);
    let variables = |value: &str| {
        let one = [("A".parse().unwrap(), value.to_owned())];
        Variables::new(one.into()).unwrap()
    };
    let (old, new) = (variables("old"), variables("new"));
    let set = store.write_config(scope, None, &old, &at(1)).await.unwrap();
    let (deploy, first) = shop.deployed(store, 1).await;
    let read = store.find_release(first.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&first));

    // Everything that it was made of becomes another thing.
    let later = at(4);
    let renamed = App {
        name: "store".parse().unwrap(),
        ..shop.app.clone()
    };
    let read_at = shop.app.updated_at;
    store.update_app(&renamed, read_at, &later).await.unwrap();
    let base = Some(set.version);
    store.write_config(scope, base, &new, &later).await.unwrap();
    let web = &"web".parse().unwrap();
    let worker = store.find_worker(shop.app.id, shop.environment.id, web);
    let worker = worker.await.unwrap().unwrap();
    let mut spec = worker.spec.clone();
    spec.name = "site".parse().unwrap();
    spec.command = Some(Command::Shell("serve".to_owned()));
    let changed = store.update_worker(worker.id, &spec, worker.updated_at, &later);
    changed.await.unwrap();
    // Whoever keeps the Environment begins anew where a Worker is renamed.
    shop.fence = lease(store, "environment/env-1", "two").await;
    let mut back = shop.new_deploy(OnConflict::Queue);
    back.release = Some(first.id);
    let back = store.create_deploy(back, &later).await.unwrap();
    shop.built(store, 'b', 9).await;
    let again = NewRelease::Again {
        release: first.id,
        image: image(9),
    };
    let begun = store.begin_deploying(back.id, DeployState::Created, again, &shop.fence, &later);
    let (back, other) = begun.await.unwrap();
    assert_ne!(other.id, first.id, "with another image it is another one");
    shop.healthy(store, &back).await;
    let ended = store.find_deploy(deploy.id).await.unwrap().unwrap();
    assert_eq!(ended.state, DeployState::Stopped);
    store.forget_image(&image(1), &later).await.unwrap();
    let node = &"a".parse().unwrap();
    store.set_duty(node, Duty::GivenUp, &later).await.unwrap();

    assert_eq!(store.find_release(first.id).await.unwrap(), read);
    let all = store.list_releases(Some(shop.app.id), None, Page::ALL);
    assert_eq!(all.await.unwrap().items, [other, first], "newest first");
}
