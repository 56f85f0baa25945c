//! Leases. Time is the database's: what has run out was given no time.

use super::world::{LONG, lease, refused};
use crate::{
    Store,
    store::{Error, Fence, leases::Claim},
};
use std::time::Duration;

const NAME: &str = "environment/env-1";

async fn claim(store: &dyn Store, owner: &str, time: Duration) -> Option<Fence> {
    match store.claim(NAME, owner, time).await.unwrap() {
        Claim::Ours(fence) => Some(fence),
        Claim::Theirs { .. } => None,
    }
}

pub async fn one_owner_at_a_time(store: &dyn Store) {
    let ours = lease(store, NAME, "one").await;
    match store.claim(NAME, "two", LONG).await.unwrap() {
        Claim::Theirs { owner, .. } => assert_eq!(owner, "one"),
        Claim::Ours(fence) => panic!("{fence:?}"),
    }
    let again = claim(store, "one", LONG).await;
    assert_eq!(
        again,
        Some(ours.clone()),
        "its own is prolonged, with the same number"
    );
    store.renew(&ours, LONG).await.unwrap();
    let held = store.list_leases().await.unwrap();
    let held: Vec<(&str, &str)> = held.iter().map(|one| (&*one.name, &*one.owner)).collect();
    assert_eq!(held, [(NAME, "one")]);
}

pub async fn the_number_rises_with_each_change_of_hands(store: &dyn Store) {
    let first = claim(store, "one", Duration::ZERO).await.unwrap();
    assert_eq!(store.list_leases().await.unwrap(), [], "it has run out");
    let second = claim(store, "two", LONG).await.unwrap();
    assert!(second.number > first.number);
    let late = refused(store.renew(&first, LONG).await);
    assert!(matches!(late, Error::Fenced { .. }), "{late}");
    store.release(&first).await.unwrap();
    assert_eq!(
        claim(store, "one", LONG).await,
        None,
        "what is another's is not given back"
    );
    store.release(&second).await.unwrap();
    let third = claim(store, "one", LONG).await.unwrap();
    assert!(third.number > second.number);
}

pub async fn what_was_given_back_proves_nothing(store: &dyn Store) {
    let fence = lease(store, NAME, "one").await;
    store.release(&fence).await.unwrap();
    let error = refused(store.record(&[], &fence).await);
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    let never = Fence {
        lease: "build/bld-9".to_owned(),
        number: 1,
    };
    let error = refused(store.record(&[], &never).await);
    assert_eq!(error.to_string(), "the lease `build/bld-9` was taken over");
    let again = lease(store, NAME, "one").await;
    assert!(again.number > fence.number);
}
