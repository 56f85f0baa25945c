//! Leases of node programs. Time is the database's: what has run out was given no time.

use super::world::{LONG, START, at, environment};
use crate::{
    Store,
    authority::{Claim, Hold},
    store::{
        Error,
        joined::NewJoinToken,
        node_leases::Held::{RunOut, Yes},
    },
};
use domain::guard::Wish;
use std::{collections::BTreeMap, time::Duration};

async fn join(store: &dyn Store, name: &str, key: u8) {
    let token = NewJoinToken {
        hash: [key; 32],
        expires_at: START + Duration::from_secs(60),
    };
    store.add_join_token(token, &at(0)).await.unwrap();
    let claim = Claim {
        name: name.parse().unwrap(),
        public_key: vec![key; 65],
        number: 1,
        address: "10.0.0.1".to_owned(),
        port: 4045,
        pools: vec!["*/api".to_owned()],
        meta: BTreeMap::new(),
    };
    store.join_node(&[key; 32], claim, &at(1)).await.unwrap();
}

fn hold(name: &str, key: u8, number: i64, wish: Wish) -> Hold {
    Hold {
        name: name.parse().unwrap(),
        public_key: vec![key; 65],
        number,
        wish,
    }
}

/// Those that there are, and whether they have run out.
async fn standing(store: &dyn Store) -> Vec<(String, bool)> {
    let all = store.node_leases().await.unwrap().into_iter();
    all.map(|(name, lease)| (name.to_string(), lease.left(Duration::ZERO).is_zero()))
        .collect()
}

pub async fn a_lease_is_prolonged_until_it_has_run_out(store: &dyn Store) {
    join(store, "a", 1).await;
    let ask = async |number: i64, wish: Wish, time: Duration| {
        store.hold_node(&hold("a", 1, number, wish), time).await
    };
    assert_eq!(standing(store).await, []);
    assert_eq!(ask(1, Wish::Prolong, LONG).await.unwrap(), Yes, "none yet");
    assert_eq!(standing(store).await, [("a".to_owned(), false)]);
    assert_eq!(ask(2, Wish::Prolong, Duration::ZERO).await.unwrap(), Yes);
    assert_eq!(standing(store).await, [("a".to_owned(), true)]);
    let late = ask(3, Wish::Prolong, LONG).await.unwrap();
    assert_eq!(late, RunOut, "others may rely upon its end");
    assert_eq!(ask(4, Wish::End, LONG).await.unwrap(), RunOut);
    assert_eq!(standing(store).await, [("a".to_owned(), true)]);
    assert_eq!(ask(5, Wish::Begin, LONG).await.unwrap(), Yes);
    assert_eq!(standing(store).await, [("a".to_owned(), false)]);
    assert_eq!(ask(6, Wish::Begin, LONG).await.unwrap(), Yes, "not heard");

    for old in [6, 5] {
        let replayed = ask(old, Wish::End, LONG).await;
        assert!(matches!(replayed, Err(Error::Stale { .. })), "{replayed:?}");
    }
    assert_eq!(ask(7, Wish::End, LONG).await.unwrap(), Yes);
    assert_eq!(standing(store).await, [], "nobody is relied upon");
    assert_eq!(ask(8, Wish::Prolong, LONG).await.unwrap(), Yes);
    let there = environment(store, "production").await;
    let view = store.view(there.id, START).await.unwrap().unwrap();
    let seen: Vec<_> = view.leases.into_iter().collect();
    let [(name, lease)] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(name.as_str(), "a");
    let left = lease.left(Duration::ZERO);
    assert!(left <= LONG && left > LONG / 2, "a loop sees it: {left:?}");
}

pub async fn a_lease_is_of_the_node_that_has_joined(store: &dyn Store) {
    join(store, "a", 1).await;
    join(store, "b", 2).await;
    let ask = async |name: &str, key: u8, number: i64| {
        let hold = hold(name, key, number, Wish::Prolong);
        store.hold_node(&hold, Duration::ZERO).await
    };
    for (name, key) in [("c", 3), ("a", 2)] {
        let strange = ask(name, key, 9).await;
        assert!(matches!(strange, Err(Error::NotFound { .. })), "{name}");
    }
    assert_eq!(ask("a", 1, 1).await.unwrap(), Yes);
    assert_eq!(ask("b", 2, 1).await.unwrap(), Yes, "each counts for itself");
    let name = "a".parse().unwrap();
    store.remove_node(&name, &at(4)).await.unwrap();
    let gone = ask("a", 1, 2).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })));
    // What was there stops, and is started elsewhere.
    let left = [("a".to_owned(), true), ("b".to_owned(), true)];
    assert_eq!(standing(store).await, left);

    // Another host of that name: what the one before has counted to is none of its business.
    join(store, "a", 3).await;
    assert_eq!(ask("a", 3, 1).await.unwrap(), RunOut);
    let begins = hold("a", 3, 2, Wish::Begin);
    assert_eq!(store.hold_node(&begins, LONG).await.unwrap(), Yes);
}
