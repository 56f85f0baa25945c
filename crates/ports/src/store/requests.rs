//! Idempotency keys: a mutation with one happens at most once.
//!
//! The key is recorded in the transaction of the mutation (`Change::request`), and the answer added when it was sent. A
//! key is one actor's: two people may use the same.

use super::Error;
use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;

/// What makes a request the same as another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Chosen by the client.
    pub id: String,
    /// The RPC: `jockey.v1.DeployService/CreateDeploy`.
    pub method: String,
    /// SHA-256 of the request without its id.
    pub digest: [u8; 32],
}

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    pub method: String,
    pub digest: [u8; 32],
    /// What it made or changed, as its id prints.
    pub subject: String,
    /// When it was carried out.
    pub at: Timestamp,
    /// The answer, encoded. None: it is being sent, or the server ended between the mutation and the answer.
    pub answer: Option<Bytes>,
}

/// Idempotency keys.
#[async_trait]
pub trait Requests: Send + Sync {
    /// What became of a request.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_request(&self, actor: &str, id: &str) -> Result<Option<RequestRecord>, Error>;

    /// Keeps the answer of a request that was carried out.
    ///
    /// # Errors
    /// `NotFound`.
    async fn answer_request(&self, actor: &str, id: &str, answer: Bytes) -> Result<(), Error>;
}
