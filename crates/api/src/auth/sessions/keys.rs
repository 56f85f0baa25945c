//! The keys that sessions are signed with: made when they are needed, kept in the store, a new one each day. The one
//! before is known for an hour more, which is longer than any session that it signed.

use crate::status::{Refusal, Stranger};
use domain::Timestamp;
use jsonwebtoken::{DecodingKey, EncodingKey};
use ports::{
    Store,
    store::sessions::{NewSigningKey, SigningKey},
};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use secrecy::{ExposeSecret, SecretSlice};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How old a key gets that signs.
const SIGNS_FOR: Duration = Duration::from_secs(24 * 3600);
/// For how long after that its signatures are known.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// How long nobody looks for another key after one was looked for that is none: whoever makes up numbers does not keep the
/// database busy.
const LOOKS_AGAIN: Duration = Duration::from_secs(1);

/// A key that can be used.
pub(super) struct Key {
    pub(super) number: i64,
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
    made_at: Timestamp,
}

pub(super) struct Keys {
    store: Arc<dyn Store>,
    /// The newest last.
    known: Mutex<Vec<Arc<Key>>>,
    /// When a key was last looked for that is none.
    looked_in_vain: Mutex<Option<Instant>>,
    /// Held by the one who makes a key.
    making: tokio::sync::Mutex<()>,
}

impl Keys {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            known: Mutex::default(),
            looked_in_vain: Mutex::default(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// The key of this number.
    ///
    /// # Errors
    /// `TooManyStrangers` where one was looked for in vain a moment ago; those of the database.
    pub(super) async fn find(&self, number: i64) -> Result<Option<Arc<Key>>, Refusal> {
        let is_it = |key: &Arc<Key>| key.number == number;
        let known = self.known();
        if let Some(key) = known.iter().find(|key| is_it(key)) {
            return Ok(Some(Arc::clone(key)));
        }
        if known.first().is_some_and(|oldest| number < oldest.number) {
            return Ok(None);
        }
        // Another server may have made it.
        let lately = |at: Instant| at.elapsed() < LOOKS_AGAIN;
        if held(&self.looked_in_vain).is_some_and(lately) {
            return Err(Stranger::TooManyStrangers.into());
        }
        let found = self.read().await?.into_iter().find(is_it);
        if found.is_none() {
            *held(&self.looked_in_vain) = Some(Instant::now());
        }
        Ok(found)
    }

    /// The key to sign with now.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn newest(&self, now: Timestamp) -> Result<Arc<Key>, Refusal> {
        let young = |keys: Vec<Arc<Key>>| {
            keys.last()
                .filter(|key| now < key.made_at + SIGNS_FOR)
                .cloned()
        };
        if let Some(key) = young(self.known()) {
            return Ok(key);
        }
        let _alone = self.making.lock().await;
        if let Some(key) = young(self.read().await?) {
            return Ok(key);
        }
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let document = document.map_err(|_| broken("the system has no randomness"))?;
        let new = NewSigningKey {
            private: SecretSlice::from(document.as_ref().to_vec()),
            made_at: now,
            retired_before: now - (SIGNS_FOR + KNOWN_FOR),
        };
        self.store.add_signing_key(new).await?;
        young(self.read().await?).ok_or_else(|| broken("a key that was made is not there"))
    }

    async fn read(&self) -> Result<Vec<Arc<Key>>, Refusal> {
        let keys = self.store.signing_keys().await?;
        let keys = keys.iter().map(Key::of).collect::<Result<Vec<_>, _>>()?;
        held(&self.known).clone_from(&keys);
        Ok(keys)
    }

    fn known(&self) -> Vec<Arc<Key>> {
        held(&self.known).clone()
    }
}

/// Nothing that is in here can be left half done.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Key {
    fn of(key: &SigningKey) -> Result<Arc<Self>, Refusal> {
        let private = key.private.expose_secret();
        let pair = Ed25519KeyPair::from_pkcs8(private);
        let pair = pair.map_err(|_| broken("a signing key is none"))?;
        Ok(Arc::new(Self {
            number: key.number,
            private: EncodingKey::from_ed_der(private),
            public: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            made_at: key.made_at,
        }))
    }
}

fn broken(why: &str) -> Refusal {
    tracing::error!(why, "sessions cannot be signed");
    Refusal::Broken
}
