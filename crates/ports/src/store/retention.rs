//! What is forgotten when it is old, in batches that let others write in between.

use super::Error;
use async_trait::async_trait;
use domain::Timestamp;

/// A kind of record that is forgotten when it is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// Idempotency keys, with their answers.
    Requests,
    /// Those after the outbox's cursor stay.
    Events,
    /// Jobs that have ended.
    Jobs,
    /// Whom to call back.
    Callbacks,
    /// How instances ended.
    Ends,
    /// Intents that stand no more.
    Intents,
    /// Tokens that were revoked. One that has expired stays until somebody revokes it.
    Tokens,
    /// Reconciles that are not in progress.
    Reconciles,
    /// Deploys that have ended, that no standing intent names, and that are not the last to have run a Release that is
    /// kept.
    Deploys,
    /// Releases that are named by no Deploy, and are not among those that are kept.
    Releases,
    /// The output of Builds that have ended.
    BuildLines,
    /// Builds that have ended, whose image is gone, that no Release and no Deploy names, and that have no lines.
    Builds,
    /// Versions of Config Sets that a newer one replaced, or whose set was deleted, and that no Release names; and the
    /// deleted sets that have none any more.
    ConfigVersions,
    /// Sealed rows of the audit log, from its beginning on. A checkpoint stays, so that what is left can be verified.
    Audit,
    /// Runs that are over.
    Runs,
    /// Deliveries of webhooks.
    Deliveries,
}

impl Old {
    /// All of them, in the order in which they let go of each other.
    pub const ALL: [Self; 16] = [
        Self::Requests,
        Self::Events,
        Self::Jobs,
        Self::Callbacks,
        Self::Ends,
        Self::Intents,
        Self::Tokens,
        Self::Reconciles,
        Self::Deploys,
        Self::Releases,
        Self::BuildLines,
        Self::Builds,
        Self::ConfigVersions,
        Self::Audit,
        Self::Runs,
        Self::Deliveries,
    ];
}

/// What stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// What was made, or ended, at or after this time.
    pub since: Timestamp,
    /// How many Releases that were deployed of each App in each Environment stay, however old they are.
    pub releases: u32,
}

/// Forgetting.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Forgets records of one kind, at most `limit`, and says how many. Fewer than the limit: those were all. What is
    /// forgotten leaves no event.
    ///
    /// # Errors
    /// None but those of the database.
    async fn forget(&self, what: Old, keep: Keep, limit: u32) -> Result<u32, Error>;
}
