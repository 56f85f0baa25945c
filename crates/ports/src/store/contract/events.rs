//! The stream of events.

use super::world::{START, at, environment, shop, stack};
use crate::{
    Store,
    store::events::{EventFilter, NewEvent},
};
use domain::{DeployEvent, EventId};
use std::collections::BTreeMap;

/// An event about a thing that belongs to nobody.
pub(super) fn about(kind: &str, subject: &str) -> NewEvent {
    NewEvent {
        at: START,
        kind: kind.to_owned(),
        actor: "jockey".to_owned(),
        subject: subject.to_owned(),
        app: None,
        environment: None,
        message: "it happened".to_owned(),
        facts: [("exit_code".to_owned(), "3".to_owned())].into(),
    }
}

async fn kinds(store: &dyn Store, filter: &EventFilter) -> Vec<String> {
    let all = store
        .events_after(EventId::new(0), filter, 1000)
        .await
        .unwrap();
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    all.into_iter().map(|event| event.kind).collect()
}

pub async fn each_change_tells_of_itself(store: &dyn Store) {
    let shop = shop(store).await;
    shop.deployed(store, 1).await;
    let told = kinds(store, &EventFilter::default()).await;
    assert_eq!(
        told,
        [
            "stack.created",
            "environment.created",
            "app.created",
            "build.requested",
            "build.completed",
            "deploy.created",
            "worker.created",
            "deploy.deploying",
            "deploy.deployed",
        ]
    );
    let first = store
        .events_after(EventId::new(0), &EventFilter::default(), 1)
        .await
        .unwrap();
    let first = &first[0];
    assert_eq!(
        (&*first.actor, &*first.message, first.at),
        ("ada", "for a test", at(0).at)
    );
    assert_eq!(first.subject, shop.stack.id.to_string());
    assert_eq!(first.facts, BTreeMap::new());
}

pub async fn filters_choose_by_subject_and_kind(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    shop.moved(store, &deploy, DeployEvent::Cancelled)
        .await
        .unwrap();
    let entry = crate::store::intents::Entry::Event(about("deployment.other", "x-1"));
    shop.record(store, entry).await.unwrap();
    let of_kind = |kind: &str| EventFilter {
        kind: Some(kind.to_owned()),
        ..EventFilter::default()
    };
    assert_eq!(
        kinds(store, &of_kind("deploy")).await,
        ["deploy.created", "deploy.cancelled"]
    );
    assert_eq!(
        kinds(store, &of_kind("deploy.created")).await,
        ["deploy.created"]
    );
    let here = EventFilter {
        environment: Some(shop.environment.id),
        ..of_kind("deploy")
    };
    assert_eq!(
        kinds(store, &here).await,
        ["deploy.created", "deploy.cancelled"]
    );
    let newest = store.latest_events(None, &here, 1).await.unwrap();
    assert_eq!(newest[0].kind, "deploy.cancelled", "of all their kinds");
    let before = Some(newest[0].id);
    let before = store.latest_events(before, &here, 5).await.unwrap();
    assert_eq!(before.len(), 1);
    let of_app = EventFilter {
        app: Some(shop.app.id),
        ..here
    };
    assert_eq!(kinds(store, &of_app).await.len(), 2);
    let of_subject = EventFilter {
        subject: Some(deploy.id.to_string()),
        app: Some(shop.app.id),
        environment: Some(shop.environment.id),
        ..EventFilter::default()
    };
    assert_eq!(kinds(store, &of_subject).await.len(), 2);
    let newest = store
        .latest_events(None, &EventFilter::default(), 2)
        .await
        .unwrap();
    let order: Vec<&str> = newest.iter().map(|event| &*event.kind).collect();
    assert_eq!(
        order,
        ["deployment.other", "deploy.cancelled"],
        "newest first"
    );
    assert_eq!(
        newest[0].facts.get("exit_code").map(String::as_str),
        Some("3")
    );
    let before = store
        .latest_events(Some(newest[1].id), &EventFilter::default(), 1)
        .await;
    assert_eq!(before.unwrap()[0].kind, "deploy.created");
}

pub async fn the_newest_event_wakes_who_waits(store: &dyn Store) {
    let mut newest = store.newest_event();
    assert_eq!(*newest.borrow_and_update(), EventId::new(0));
    stack(store, "api").await;
    assert!(
        newest.has_changed().unwrap(),
        "before the answer of the change"
    );
    let first = *newest.borrow_and_update();
    let told = store
        .events_after(EventId::new(0), &EventFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(told.last().map(|event| event.id), Some(first));
    let twin = store.create_stack("api".parse().unwrap(), &at(1)).await;
    assert!(twin.is_err());
    assert!(
        !newest.has_changed().unwrap(),
        "what is refused is no event"
    );
    environment(store, "staging").await;
    assert!(*newest.borrow_and_update() > first);
}

pub async fn an_event_wakes_the_environment_that_it_concerns(store: &dyn Store) {
    let shop = shop(store).await;
    let other = environment(store, "another").await;
    let mut mine = store.newest_event_of(shop.environment.id);
    let mut theirs = store.newest_event_of(other.id);
    shop.created(store).await;
    let newest = *store.newest_event().borrow();
    assert!(mine.has_changed().unwrap());
    assert_eq!(*mine.borrow_and_update(), newest);
    assert!(!theirs.has_changed().unwrap(), "it is of another one");
    let later = store.newest_event_of(other.id);
    assert!(*later.borrow() <= newest);
    stack(store, "of-no-environment").await;
    let newest = *store.newest_event().borrow();
    assert_eq!(*mine.borrow_and_update(), newest);
    assert_eq!(*theirs.borrow_and_update(), newest);
    assert!(later.has_changed().unwrap());
}
