//! Nodes that have joined.

use super::world::{START, at};
use crate::{
    Store,
    authority::Claim,
    store::{
        Error,
        joined::{JoinedNode, NewJoinToken, NodeAuthority},
    },
};
use secrecy::{ExposeSecret, SecretSlice};
use std::time::Duration;

fn claim(name: &str, key: u8, number: i64) -> Claim {
    Claim {
        name: name.parse().unwrap(),
        public_key: vec![key; 65],
        number,
        address: "10.0.0.1".to_owned(),
        port: 4045,
        pools: vec!["*/api".to_owned()],
        meta: [("zone".to_owned(), "a".to_owned())].into(),
    }
}

async fn token(store: &dyn Store, byte: u8, seconds: u64) {
    let token = NewJoinToken {
        hash: [byte; 32],
        expires_at: START + Duration::from_secs(seconds),
    };
    store.add_join_token(token, &at(0)).await.unwrap();
}

async fn names(store: &dyn Store) -> Vec<String> {
    let all: Vec<JoinedNode> = store.joined_nodes().await.unwrap();
    all.iter().map(|node| node.claim.name.to_string()).collect()
}

pub async fn a_token_is_worth_one_join(store: &dyn Store) {
    token(store, 1, 60).await;
    let join = async |byte: u8, claim: Claim, second: u64| {
        store.join_node(&[byte; 32], claim, &at(second)).await
    };
    let unknown = join(9, claim("b", 1, 1), 1).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
    let late = join(1, claim("b", 1, 1), 60).await;
    assert!(
        matches!(late, Err(Error::NotFound { .. })),
        "it has expired"
    );
    let (one, other) =
        futures_util::future::join(join(1, claim("b", 1, 1), 1), join(1, claim("c", 2, 1), 1))
            .await;
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "a race");
    let (winner, loser) = match one.is_ok() {
        true => (claim("b", 1, 1), claim("c", 2, 1)),
        false => (claim("c", 2, 1), claim("b", 1, 1)),
    };
    let again = join(1, winner.clone(), 2).await.unwrap();
    assert_eq!(again.claim, winner, "whoever has it may not have heard");
    let second = join(1, loser.clone(), 3).await;
    assert!(matches!(second, Err(Error::NotFound { .. })));

    // A name is one key's; a refusal does not take the token.
    token(store, 2, 60).await;
    let taken = Claim {
        name: winner.name.clone(),
        ..loser.clone()
    };
    let refused = join(2, taken, 4).await;
    assert!(matches!(refused, Err(Error::Exists { .. })));
    join(2, loser, 5).await.unwrap();
    assert_eq!(names(store).await, ["b", "c"]);
}

pub async fn a_node_says_anew_what_it_is_until_it_is_removed(store: &dyn Store) {
    token(store, 1, 60).await;
    let first = claim("b", 1, 10);
    let joined = store.join_node(&[1; 32], first.clone(), &at(1)).await;
    assert_eq!(joined.unwrap().joined_at, at(1).at);
    let moved = Claim {
        address: "10.0.0.2".to_owned(),
        ..claim("b", 1, 11)
    };
    let renewed = store.renew_node(moved.clone(), &at(2)).await.unwrap();
    assert_eq!(
        (renewed.joined_at, renewed.renewed_at),
        (at(1).at, at(2).at)
    );
    assert_eq!(store.joined_nodes().await.unwrap(), [renewed]);
    let older = store.join_node(&[1; 32], first.clone(), &at(3)).await;
    assert!(matches!(older, Err(Error::Stale { .. })), "an old request");
    for old in [moved.clone(), first] {
        let replayed = store.renew_node(old, &at(3)).await;
        assert!(matches!(replayed, Err(Error::Stale { .. })));
    }
    let strange = store.renew_node(claim("b", 2, 12), &at(3)).await;
    assert!(matches!(strange, Err(Error::NotFound { .. })), "its key");

    let name = moved.name.clone();
    store.remove_node(&name, &at(4)).await.unwrap();
    let gone = store.renew_node(claim("b", 1, 13), &at(5)).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })));
    let again = store.join_node(&[1; 32], claim("b", 1, 14), &at(5)).await;
    assert!(
        matches!(again, Err(Error::NotFound { .. })),
        "its token is worth nothing any more"
    );
    let twice = store.remove_node(&name, &at(6)).await;
    assert!(matches!(twice, Err(Error::NotFound { .. })));
    assert!(names(store).await.is_empty());
}

pub async fn there_is_one_authority(store: &dyn Store) {
    assert!(store.node_authority().await.unwrap().is_none());
    let of = |byte: u8| NodeAuthority {
        certificate: vec![byte; 3],
        private: SecretSlice::from(vec![byte; 48]),
        made_at: at(u64::from(byte)).at,
    };
    let kept = store.keep_node_authority(of(1)).await.unwrap();
    assert_eq!(kept.certificate, [1; 3]);
    let second = store.keep_node_authority(of(2)).await.unwrap();
    assert_eq!(second.certificate, [1; 3], "the one there is");
    let found = store.node_authority().await.unwrap().unwrap();
    assert_eq!(found.private.expose_secret(), [1; 48]);
    assert_eq!(found.made_at, at(1).at);
}
