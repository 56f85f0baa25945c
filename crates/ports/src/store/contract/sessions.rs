//! Sessions.

use super::world::at;
use crate::{Store, store::sessions::NewSigningKey};
use secrecy::{ExposeSecret, SecretSlice};

fn key(byte: u8, made: u64, retired_before: u64) -> NewSigningKey {
    NewSigningKey {
        private: SecretSlice::from(vec![byte; 48]),
        made_at: at(made).at,
        retired_before: at(retired_before).at,
    }
}

pub async fn keys_overlap_until_they_retire(store: &dyn Store) {
    assert!(store.signing_keys().await.unwrap().is_empty());
    let first = store.add_signing_key(key(1, 10, 0)).await.unwrap();
    let second = store.add_signing_key(key(2, 20, 5)).await.unwrap();
    let numbers = |keys: Vec<crate::store::sessions::SigningKey>| {
        keys.iter().map(|key| key.number).collect::<Vec<_>>()
    };
    let both = store.signing_keys().await.unwrap();
    assert_eq!(both[1].private.expose_secret(), [2; 48]);
    assert_eq!(both[1].made_at, at(20).at);
    assert_eq!(numbers(both), [first.number, second.number]);
    let third = store.add_signing_key(key(3, 30, 15)).await.unwrap();
    let kept = numbers(store.signing_keys().await.unwrap());
    assert_eq!(kept, [second.number, third.number]);
    assert!(third.number > second.number, "a number is never used twice");
}

pub async fn a_session_is_ended_before_its_time(store: &dyn Store) {
    assert!(!store.is_session_revoked("a").await.unwrap());
    store.revoke_session("a", at(300).at, &at(0)).await.unwrap();
    store.revoke_session("a", at(300).at, &at(1)).await.unwrap();
    assert!(store.is_session_revoked("a").await.unwrap());
    assert!(!store.is_session_revoked("b").await.unwrap());
    store
        .revoke_session("b", at(600).at, &at(301))
        .await
        .unwrap();
    assert!(store.is_session_revoked("b").await.unwrap());
    assert!(
        !store.is_session_revoked("a").await.unwrap(),
        "its time is over"
    );
}
