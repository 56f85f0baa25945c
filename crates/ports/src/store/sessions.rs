//! Sessions: the keys that their tokens are signed with, and those that were ended before their time.

use super::{Change, Error};
use async_trait::async_trait;
use domain::Timestamp;
use secrecy::SecretSlice;

/// A key that tokens of sessions are signed with.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Counted up from 1. Tokens name it.
    pub number: i64,
    /// An Ed25519 key, in PKCS#8.
    pub private: SecretSlice<u8>,
    pub made_at: Timestamp,
}

/// A key to add.
#[derive(Debug, Clone)]
pub struct NewSigningKey {
    pub private: SecretSlice<u8>,
    pub made_at: Timestamp,
    /// Keys that were made before this are taken away: no token that they signed is good any more.
    pub retired_before: Timestamp,
}

/// Sessions. The keys are encrypted at rest.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The keys there are, the newest last.
    ///
    /// # Errors
    /// None but those of the database.
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error>;

    /// Adds a key.
    ///
    /// # Errors
    /// None but those of the database.
    async fn add_signing_key(&self, new: NewSigningKey) -> Result<SigningKey, Error>;

    /// Ends a session before its time, which is `expires_at`. Those whose time is over are forgotten.
    ///
    /// # Errors
    /// None but those of the database.
    async fn revoke_session(
        &self,
        session: &str,
        expires_at: Timestamp,
        change: &Change,
    ) -> Result<(), Error>;

    /// Whether a session was ended before its time.
    ///
    /// # Errors
    /// None but those of the database.
    async fn is_session_revoked(&self, session: &str) -> Result<bool, Error>;
}
