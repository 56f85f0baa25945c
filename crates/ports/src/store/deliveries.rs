//! Deliveries of webhooks, as they were received, with what they led to.

use super::{Change, Error, Listed, Page, jobs::NewJob};
use async_trait::async_trait;
use domain::{
    AppId, JobId, Timestamp,
    webhook::{Departure, Tip},
};
use secrecy::SecretString;

/// A delivery whose signature fits, and of which something follows.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// As its sender calls it. One that is sent again has the same.
    pub delivery: String,
    /// `push`.
    pub event: String,
    /// Whose repository it tells of, where that is one App's.
    pub app: Option<AppId>,
    /// The body as it was received. Encrypted at rest: it names people, and what is private.
    pub payload: SecretString,
    /// What becomes of it, for people.
    pub outcome: String,
}

/// A delivery that is kept.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub number: i64,
    pub new: NewDelivery,
    /// What works it off. None: what it led to was done with it.
    pub job: Option<JobId>,
    pub received_at: Timestamp,
}

/// What a delivery leads to.
#[derive(Debug, Clone)]
pub enum Consequence {
    Job(NewJob),
    /// The tip of a pull request is kept, or the pull request is forgotten.
    PullRequest {
        app: AppId,
        number: u64,
        tip: Option<Tip>,
    },
    /// It is told who may have left.
    Departure(Departure),
}

/// Deliveries.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Keeps a delivery together with what it leads to: both, or neither. The last of the jobs is the one that works it
    /// off. One of the same App, event and body is kept once, as it came first, with what the last of them led to: replays,
    /// whatever they are called, take no room.
    ///
    /// # Errors
    /// None but those of the database.
    async fn keep_delivery(
        &self,
        new: NewDelivery,
        leads_to: Vec<Consequence>,
        change: &Change,
    ) -> Result<(), Error>;

    /// Deliveries, the newest first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_deliveries(&self, page: Page) -> Result<Listed<Delivery>, Error>;
}
