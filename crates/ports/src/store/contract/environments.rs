//! Environments, Stacks and nodes.

use super::{
    runs::{end, new_run},
    world::{at, environment, gone, open, refused, shop},
};
use crate::{
    Store,
    store::{
        Error, Page,
        events::EventFilter,
        reconciles::{self, NewReconcile},
    },
};
use domain::{
    DeployEvent, Environment,
    node::Duty,
    reconcile::{ReconcileEvent, ReconcileState},
};

pub async fn the_first_environment_has_the_short_names(store: &dyn Store) {
    let first = environment(store, "development").await;
    let next = environment(store, "staging").await;
    assert_eq!(first.service_template.as_str(), "{app}-{worker}");
    assert_eq!(
        next.service_template.as_str(),
        "{app}-{worker}-{environment}"
    );
    let twin = store
        .create_environment(first.name.clone(), None, &at(1))
        .await;
    assert!(matches!(refused(twin), Error::Exists { .. }));
    for name_or_id in ["staging", "env-2", "2"] {
        let found = store.find_environment(name_or_id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&next), "{name_or_id}");
    }
    let listed = store.list_environments("", Page::ALL).await.unwrap();
    assert_eq!(listed.items, [first, next.clone()]);
    let listed = store.list_environments("stag", Page::ALL).await.unwrap();
    assert_eq!(listed.items, [next]);
    // Neither a pattern nor another case.
    for prefix in ["%", "_taging", "Stag", "stagings"] {
        let listed = store.list_environments(prefix, Page::ALL).await.unwrap();
        assert_eq!(listed.items, [], "{prefix}");
    }
}

pub async fn an_environment_with_deploys_or_instances_stays(store: &dyn Store) {
    let shop = shop(store).await;
    let id = shop.environment.id;
    let deploy = shop.created(store).await;
    let start = shop.start(&deploy, 1, 20_000);
    shop.record(store, open(&start)).await.unwrap();
    let error = refused(store.delete_environment(id, &at(1)).await);
    assert_eq!(
        error.to_string(),
        "environment `production` is still used by 1 deploys"
    );
    shop.moved(store, &deploy, DeployEvent::Cancelled)
        .await
        .unwrap();
    let error = refused(store.delete_environment(id, &at(2)).await);
    assert_eq!(
        error.to_string(),
        "environment `production` is still used by 1 instances"
    );
    shop.record(store, gone(&start)).await.unwrap();
    store.delete_environment(id, &at(3)).await.unwrap();
    assert_eq!(store.find_environment("production").await.unwrap(), None);
    let late = shop.start(&deploy, 2, 20_001);
    let error = refused(shop.record(store, open(&late)).await);
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    let error = refused(store.delete_environment(id, &at(4)).await);
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    environment(store, "production").await;
}

pub async fn an_environments_name_stays_while_something_bears_it(store: &dyn Store) {
    let shop = shop(store).await;
    let (id, read_at) = (shop.environment.id, shop.environment.updated_at);
    let staging = environment(store, "staging").await;
    let rename = async |name: &str| {
        let renamed = Environment {
            name: name.parse().unwrap(),
            ..shop.environment.clone()
        };
        let change = at(3);
        store.update_environment(&renamed, read_at, &change).await
    };
    let held = async |by: &str| {
        let words = refused(rename("live").await).to_string();
        assert_eq!(
            words,
            format!("environment `production` is still used by {by}")
        );
    };
    let twin = refused(rename(staging.name.as_str()).await);
    assert!(matches!(twin, Error::Exists { .. }), "{twin}");

    let deploy = shop.created(store).await;
    let start = shop.start(&deploy, 1, 20_000);
    shop.record(store, open(&start)).await.unwrap();
    held("1 deploys").await;
    let cancelled = shop.moved(store, &deploy, DeployEvent::Cancelled);
    cancelled.await.unwrap();
    held("1 instances").await;
    let new = NewReconcile {
        environment: id,
        app: None,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict: reconciles::OnConflict::Ignore,
    };
    let reconcile = store.create_reconcile(new, &at(1)).await.unwrap();
    held("1 reconciles").await;
    let event = ReconcileEvent::GaveUp;
    store
        .move_reconcile(reconcile.id, event, None, &at(2))
        .await
        .unwrap();
    shop.record(store, gone(&start)).await.unwrap();
    let run = store.begin_run(new_run(&shop, 1), 9, &at(2)).await.unwrap();
    held("1 runs").await;
    store.end_run(run.id, end(2, 0), &at(2)).await.unwrap();

    let renamed = rename("live").await.unwrap();
    assert_eq!((renamed.id, renamed.name.as_str()), (id, "live"));
    assert!(renamed.updated_at > read_at);
    for name_or_id in ["live", "env-1"] {
        let found = store.find_environment(name_or_id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&renamed), "{name_or_id}");
    }
    assert_eq!(store.find_environment("production").await.unwrap(), None);
    let late = shop.start(&deploy, 2, 20_001);
    let error = refused(shop.record(store, open(&late)).await);
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

pub async fn an_environment_ends_its_reconciles_with_it(store: &dyn Store) {
    let shop = shop(store).await;
    let id = shop.environment.id;
    let other = environment(store, "staging").await;
    let begun = async |environment| {
        let new = NewReconcile {
            environment,
            app: None,
            rebalance: None,
            state: ReconcileState::InProgress,
            plan: Vec::new(),
            steps: Vec::new(),
            on_conflict: reconciles::OnConflict::Ignore,
        };
        store.create_reconcile(new, &at(1)).await.unwrap()
    };
    let (open, elsewhere) = (begun(id).await, begun(other.id).await);
    let before = *store.newest_event().borrow();
    store.delete_environment(id, &at(2)).await.unwrap();
    let ended = store.find_reconcile(open.id).await.unwrap().unwrap();
    assert_eq!(
        (ended.state, ended.completed_at, ended.reason.as_deref()),
        (
            ReconcileState::Failed,
            Some(at(2).at),
            Some("the environment was deleted")
        )
    );
    let told = store
        .events_after(before, &EventFilter::default(), 10)
        .await
        .unwrap();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|event| (&*event.kind, &*event.message))
        .collect();
    assert_eq!(
        told,
        [
            ("reconcile.failed", "the environment was deleted"),
            ("environment.deleted", "for a test")
        ]
    );
    let left = store.find_reconcile(elsewhere.id).await.unwrap();
    assert_eq!(left, Some(elsewhere));
}

pub async fn a_stack_with_apps_stays(store: &dyn Store) {
    let shop = shop(store).await;
    let listed = store.list_stacks("ap", Page::ALL).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&shop.stack));
    assert_eq!(store.list_stacks("p", Page::ALL).await.unwrap().items, []);
    let error = refused(store.delete_stack(shop.stack.id, &at(1)).await);
    assert_eq!(error.to_string(), "stack `api` is still used by 1 apps");
    let twin = store.create_stack(shop.stack.name.clone(), &at(1)).await;
    assert!(matches!(refused(twin), Error::Exists { .. }));
    store.delete_app(shop.app.id, &at(2)).await.unwrap();
    store.delete_stack(shop.stack.id, &at(3)).await.unwrap();
    assert_eq!(store.find_stack("api").await.unwrap(), None);
    assert_eq!(store.list_stacks("", Page::ALL).await.unwrap().items, []);
}

pub async fn a_node_serves_until_somebody_says_otherwise(store: &dyn Store) {
    let node = "host-1.example.com".parse().unwrap();
    assert!(store.duties().await.unwrap().is_empty());
    for duty in [Duty::Cordoned, Duty::Draining] {
        store.set_duty(&node, duty, &at(1)).await.unwrap();
        assert_eq!(store.duties().await.unwrap(), [(node.clone(), duty)].into());
    }
    store.set_duty(&node, Duty::Serving, &at(2)).await.unwrap();
    assert!(store.duties().await.unwrap().is_empty());
}
