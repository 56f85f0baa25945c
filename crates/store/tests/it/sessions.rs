//! Keys that sign sessions, and certificates of nodes, at rest.

use crate::world::{Ground, on_both};
use domain::Timestamp;
use ports::store::{
    JoinedNodes as _, Sessions as _, joined::NodeAuthority, sessions::NewSigningKey,
};
use secrecy::{ExposeSecret, SecretSlice};
use std::fs;

on_both! {
    a_signing_key_is_encrypted_and_follows_the_exchange_of_the_key,
}

const PLANTED: &[u8] = b"a-private-key-that-nobody-reads-from-the-disk!!!";

async fn a_signing_key_is_encrypted_and_follows_the_exchange_of_the_key(ground: Ground) {
    let store = ground.open().await;
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    let new = NewSigningKey {
        private: SecretSlice::from(PLANTED.to_vec()),
        made_at: now,
        retired_before: now,
    };
    store.add_signing_key(new).await.unwrap();
    let authority = NodeAuthority {
        certificate: vec![1, 2, 3],
        private: SecretSlice::from(PLANTED.to_vec()),
        made_at: now,
    };
    store.keep_node_authority(authority).await.unwrap();
    store.rotate_keys().await.unwrap();
    drop(store);
    for file in fs::read_dir(ground.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let holds = bytes.windows(PLANTED.len()).any(|window| window == PLANTED);
        assert!(!holds, "{}", path.display());
    }
    let store = ground.open().await;
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys[0].private.expose_secret(), PLANTED);
    let authority = store.node_authority().await.unwrap().unwrap();
    assert_eq!(authority.private.expose_secret(), PLANTED);
}
