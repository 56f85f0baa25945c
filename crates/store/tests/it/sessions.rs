//! Keys that sign sessions, at rest.

use crate::world::Ground;
use domain::Timestamp;
use ports::store::{Sessions as _, sessions::NewSigningKey};
use secrecy::{ExposeSecret, SecretSlice};
use std::fs;

const PLANTED: &[u8] = b"a-private-key-that-nobody-reads-from-the-disk!!!";

#[tokio::test]
async fn a_signing_key_is_encrypted_and_follows_the_exchange_of_the_key() {
    let ground = Ground::new();
    let store = ground.open().await;
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    let new = NewSigningKey {
        private: SecretSlice::from(PLANTED.to_vec()),
        made_at: now,
        retired_before: now,
    };
    store.add_signing_key(new).await.unwrap();
    store.rotate_keys().await.unwrap();
    drop(store);
    for file in fs::read_dir(ground.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let holds = bytes.windows(PLANTED.len()).any(|window| window == PLANTED);
        assert!(!holds, "{}", path.display());
    }
    let keys = ground.open().await.signing_keys().await.unwrap();
    assert_eq!(keys[0].private.expose_secret(), PLANTED);
}
