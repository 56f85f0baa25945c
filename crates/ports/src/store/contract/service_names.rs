//! Service names: one holder each.

use super::world::{START, app, at, environment, gone, new_app, open, refused, shop, stack};
use crate::{
    Store,
    store::{
        Error, Page,
        entities::{AppFilter, NewApp},
        workers::NewWorker,
    },
};
use domain::{App, Environment, Intent, Scale, WorkerSpec};

fn worker(app: &App, environment: &Environment, name: &str) -> NewWorker {
    NewWorker {
        app: app.id,
        environment: environment.id,
        spec: WorkerSpec::named(name.parse().unwrap()),
        scale: Scale::default(),
    }
}

#[track_caller]
fn assert_taken<T: std::fmt::Debug>(result: Result<T, Error>, wanted: &str, by: &str) {
    match refused(result) {
        Error::ServiceNameTaken { name, holder } => {
            assert_eq!(name, wanted);
            assert!(holder.contains(by), "{holder} is not {by}");
        }
        other => panic!("{other}"),
    }
}

pub async fn a_worker_with_anothers_name_is_refused(store: &dyn Store) {
    let production = environment(store, "production").await;
    let stack = stack(store, "api").await;
    let long = app(store, "shop-web", &stack).await;
    let short = app(store, "shop", &stack).await;
    let admin = worker(&long, &production, "admin");
    store.create_worker(admin, &at(1)).await.unwrap();
    let twin = store
        .create_worker(worker(&short, &production, "web-admin"), &at(2))
        .await;
    assert_taken(twin, "shop-web-admin", "admin of shop-web in production");
    let web_admin = "web-admin".parse().unwrap();
    let found = store.find_worker(short.id, production.id, &web_admin).await;
    assert_eq!(
        found.unwrap(),
        None,
        "what is refused leaves nothing behind"
    );
}

pub async fn an_app_with_anothers_name_is_refused(store: &dyn Store) {
    environment(store, "production").await;
    let stack = stack(store, "api").await;
    app(store, "my_app", &stack).await;
    let twin = store.create_app(new_app("my-app", &stack), &at(1)).await;
    assert_taken(twin, "my-app-web", "web of my_app in production");
    let all = store
        .list_apps(&AppFilter::default(), Page::ALL)
        .await
        .unwrap();
    assert_eq!(all.items.len(), 1);
}

pub async fn a_pool_has_its_name_before_any_app(store: &dyn Store) {
    let production = environment(store, "production").await;
    let stack = stack(store, "api").await;
    let jockey = app(store, "jockey", &stack).await;
    let taken = store
        .create_worker(worker(&jockey, &production, "api-production"), &at(1))
        .await;
    assert_taken(taken, "jockey-api-production", "pool of api in production");
    let gpu = worker(&jockey, &production, "gpu-production");
    store.create_worker(gpu, &at(2)).await.unwrap();
    let taken = store.create_stack("gpu".parse().unwrap(), &at(3)).await;
    assert_taken(taken, "jockey-gpu-production", "gpu-production of jockey");
    assert_eq!(store.find_stack("gpu").await.unwrap(), None);
}

pub async fn a_template_renames_every_service(store: &dyn Store) {
    let production = environment(store, "production").await;
    let staging = environment(store, "staging").await;
    let stack = stack(store, "api").await;
    app(store, "shop", &stack).await;
    let short = of_template(&staging, "{app}-{worker}");
    let taken = store
        .update_environment(&short, staging.updated_at, &at(1))
        .await;
    assert_taken(taken, "shop-web", "web of shop in production");
    let long = of_template(&production, "{app}-{worker}-live");
    let renamed = store
        .update_environment(&long, production.updated_at, &at(2))
        .await;
    assert!(renamed.unwrap().updated_at > production.updated_at);
    let freed = store
        .update_environment(&short, staging.updated_at, &at(3))
        .await;
    let freed = freed.unwrap();
    assert_eq!(freed.service_template.as_str(), "{app}-{worker}");
    let stale = store
        .update_environment(&freed, staging.updated_at, &at(4))
        .await;
    assert!(matches!(refused(stale), Error::Stale { .. }));
}

fn of_template(environment: &Environment, template: &str) -> Environment {
    Environment {
        service_template: template.parse().unwrap(),
        ..environment.clone()
    }
}

pub async fn a_renamed_environment_takes_its_names_anew(store: &dyn Store) {
    let production = environment(store, "production").await;
    let staging = environment(store, "staging").await;
    let stack = stack(store, "api").await;
    let shop = app(store, "shop", &stack).await;
    let jockey = app(store, "jockey", &stack).await;
    let taken = worker(&jockey, &production, "web-qa");
    let taken = store.create_worker(taken, &at(1)).await.unwrap();
    let qa = Environment {
        name: "qa".parse().unwrap(),
        ..staging.clone()
    };
    let refused = store
        .update_environment(&qa, staging.updated_at, &at(2))
        .await;
    assert_taken(refused, "jockey-web-qa", "web-qa of jockey in production");
    let unchanged = store.find_environment("staging").await.unwrap();
    assert_eq!(unchanged, Some(staging.clone()));

    store.delete_worker(taken.id, &at(3)).await.unwrap();
    let renamed = store
        .update_environment(&qa, staging.updated_at, &at(4))
        .await;
    assert_eq!(renamed.unwrap().name, qa.name);
    for (app, name, wanted, by) in [
        (&shop, "web-qa", "shop-web-qa", "web of shop in qa"),
        (&jockey, "api-qa", "jockey-api-qa", "pool of api in qa"),
    ] {
        let twin = worker(app, &production, name);
        assert_taken(store.create_worker(twin, &at(5)).await, wanted, by);
    }
    for (app, name) in [(&shop, "web-staging"), (&jockey, "api-staging")] {
        let freed = worker(app, &production, name);
        store.create_worker(freed, &at(6)).await.unwrap();
    }
}

pub async fn a_renamed_worker_takes_its_name_anew(store: &dyn Store) {
    let production = environment(store, "production").await;
    let stack = stack(store, "api").await;
    let long = app(store, "shop-web", &stack).await;
    let short = app(store, "shop", &stack).await;
    let clock = worker(&short, &production, "clock");
    let clock = store.create_worker(clock, &at(1)).await.unwrap();
    let admin = worker(&long, &production, "admin");
    store.create_worker(admin, &at(2)).await.unwrap();
    let named = |name: &str| WorkerSpec {
        name: name.parse().unwrap(),
        ..clock.spec.clone()
    };
    let read_at = clock.updated_at;
    let taken = store
        .update_worker(clock.id, &named("web-admin"), read_at, &at(3))
        .await;
    assert_taken(taken, "shop-web-admin", "admin of shop-web in production");
    store
        .update_worker(clock.id, &named("web-timer"), read_at, &at(4))
        .await
        .unwrap();
    let twin = worker(&long, &production, "timer");
    assert_taken(
        store.create_worker(twin, &at(5)).await,
        "shop-web-timer",
        "web-timer of shop in production",
    );
    let freed = worker(&short, &production, "clock");
    store.create_worker(freed, &at(6)).await.unwrap();
}

pub async fn the_numbers_of_a_renamed_singleton_go_on(store: &dyn Store) {
    let shop = shop(store).await;
    let (deploy, _) = shop.deployed(store, 1).await;
    let cron = worker(&shop.app, &shop.environment, "cron");
    let cron = store.create_worker(cron, &at(20)).await.unwrap();
    let start = Intent {
        fence: Some(7),
        port: None,
        worker: cron.spec.name.clone(),
        ..shop.start(&deploy, 1, 1)
    };
    shop.record(store, open(&start)).await.unwrap();
    shop.record(store, gone(&start)).await.unwrap();
    let timer = WorkerSpec {
        name: "timer".parse().unwrap(),
        ..cron.spec.clone()
    };
    let change = at(21);
    let renamed = store.update_worker(cron.id, &timer, cron.updated_at, &change);
    renamed.await.unwrap();
    let view = store.view(shop.environment.id, START).await.unwrap();
    let last = view
        .unwrap()
        .fences
        .get(&(shop.app.id, timer.name))
        .copied();
    assert_eq!(last, Some(7));
}

pub async fn a_name_is_free_once_its_holder_is_gone(store: &dyn Store) {
    let production = environment(store, "production").await;
    let stack = stack(store, "api").await;
    let long = app(store, "shop-web", &stack).await;
    let short = app(store, "shop", &stack).await;
    let admin = worker(&long, &production, "admin");
    let holder = store.create_worker(admin.clone(), &at(1)).await.unwrap();
    store.delete_worker(holder.id, &at(2)).await.unwrap();
    let twin = worker(&short, &production, "web-admin");
    let holder = store.create_worker(twin, &at(3)).await.unwrap();
    assert!(store.create_worker(admin.clone(), &at(4)).await.is_err());
    store.delete_app(short.id, &at(5)).await.unwrap();
    assert_eq!(store.worker(holder.id).await.unwrap(), None);
    store.create_worker(admin, &at(6)).await.unwrap();
}

pub async fn a_renamed_app_takes_its_names_anew(store: &dyn Store) {
    let shop = shop(store).await;
    app(store, "my_app", &shop.stack).await;
    let renamed = |name: &str| domain::App {
        name: name.parse().unwrap(),
        ..shop.app.clone()
    };
    let read_at = shop.app.updated_at;
    let taken = store.update_app(&renamed("my-app"), read_at, &at(1)).await;
    let error = refused(taken);
    assert!(matches!(error, Error::ServiceNameTaken { .. }), "{error}");
    let other = store.update_app(&renamed("store"), read_at, &at(2)).await;
    assert_eq!(other.unwrap().name.as_str(), "store");
    let next = NewApp {
        repo: "example/next".parse().unwrap(),
        ..new_app("shop", &shop.stack)
    };
    let next = store.create_app(next, &at(3)).await.unwrap();
    assert_eq!(next.name.as_str(), "shop", "its old names are free");
}
