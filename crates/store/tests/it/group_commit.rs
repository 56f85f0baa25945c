//! Many at once.

use crate::world::{Ground, change, on_both};
use domain::{EventId, StackName};
use ports::store::{
    Error, Events as _, Leases as _, Page, Stacks as _, events::EventFilter, leases::Claim,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::task::JoinSet;

on_both! {
    of_eighty_who_claim_at_once_one_has_it,
    one_that_fails_spoils_no_other_of_its_commit,
    a_read_waits_for_no_write,
}

async fn of_eighty_who_claim_at_once_one_has_it(ground: Ground) {
    // Two stores on one database, as of two processes: their writers meet at its lock.
    let stores = [Arc::new(ground.open().await), Arc::new(ground.open().await)];
    let mut claims = JoinSet::new();
    for number in 0..80 {
        let store = Arc::clone(&stores[number % 2]);
        claims.spawn(async move {
            let owner = format!("server-{number}");
            store
                .claim("environment/env-1", &owner, Duration::from_secs(60))
                .await
        });
    }
    let claims: Result<Vec<Claim>, Error> = claims.join_all().await.into_iter().collect();
    let ours = |claim: &Claim| matches!(claim, Claim::Ours(_));
    assert_eq!(claims.unwrap().into_iter().filter(ours).count(), 1);
}

async fn one_that_fails_spoils_no_other_of_its_commit(ground: Ground) {
    let store = Arc::new(ground.open().await);
    let mut writes = JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(&store);
        // Every name is asked for twice: one of each pair is refused.
        let name: StackName = format!("stack-{}", number / 2).parse().unwrap();
        writes.spawn(async move { store.create_stack(name, &change()).await });
    }
    let done = writes.join_all().await;
    assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 50);
    let refused = |result: &Result<_, Error>| matches!(result, Err(Error::Exists { .. }));
    assert_eq!(done.iter().filter(|result| refused(result)).count(), 50);
    assert_eq!(
        store.list_stacks("", Page::ALL).await.unwrap().items.len(),
        50
    );
    let told = store
        .events_after(EventId::new(0), &EventFilter::default(), 1000)
        .await
        .unwrap();
    let ids: BTreeSet<i64> = told.iter().map(|event| event.id.number()).collect();
    assert_eq!(ids, (1..=50).collect(), "without a gap");
    assert_eq!(*store.newest_event().borrow(), EventId::new(50));
}

async fn a_read_waits_for_no_write(ground: Ground) {
    let store = ground.open().await;
    store
        .create_stack("api".parse().unwrap(), &change())
        .await
        .unwrap();
    let other = ground.hold_writers();
    let seen = store.find_stack("api").await.unwrap();
    assert!(seen.is_some());
    drop(other);
}
