//! The audit log.
//!
//! Whatever a caller changes leaves a row for each thing that it changed, in the same transaction: the store writes it
//! where every `Change` goes by, so that no use case can forget it. What the server does by itself is told by events.
//! Rows are sealed into a chain of keyed hashes by one sealer, behind the writers, who do not wait for it.

pub mod picture;

use super::{Change, Error, Listed, Page};
use async_trait::async_trait;
use domain::{
    AppId, AuditEntry, AuditId, EnvironmentId, Timestamp,
    audit::{Proof, Verdict},
};
use std::sync::Arc;
use tokio::sync::watch;

/// Where a change comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// The server by itself, or a consequence of what was audited: its events tell of it, and there is no row.
    #[default]
    Server,
    /// Somebody: each thing that they change leaves a row.
    Asked(Arc<Asked>),
}

/// What somebody has called, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub proof: Proof,
    /// Which one of that kind: a token's id, a session's. Never a secret.
    pub credential: String,
    /// `jockey.v1.AppService/CreateApp`.
    pub action: String,
    /// The same in every row of one call.
    pub request: String,
}

impl Origin {
    /// Who asked. None: nobody.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Server => None,
            Self::Asked(asked) => Some(asked),
        }
    }

    /// The same, under the request id that the caller gave.
    #[must_use]
    pub fn under(&self, request: &str) -> Self {
        match self {
            Self::Server => Self::Server,
            Self::Asked(asked) => Self::Asked(Arc::new(Asked {
                request: request.to_owned(),
                ..(**asked).clone()
            })),
        }
    }
}

/// Which rows are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    /// An id as it prints, or the name of a node.
    pub object: Option<String>,
    /// `app`, `config_set`; any of these. Empty: every kind.
    pub kinds: Vec<String>,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    /// Only rows of this time or later.
    pub since: Option<Timestamp>,
    /// Only rows from before this time.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether a row is one of those that are read.
    #[must_use]
    pub fn passes(&self, entry: &AuditEntry) -> bool {
        self.actor.as_ref().is_none_or(|it| entry.actor == *it)
            && self.object.as_ref().is_none_or(|it| entry.object == *it)
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && self.app.is_none_or(|it| entry.app == Some(it))
            && self
                .environment
                .is_none_or(|it| entry.environment == Some(it))
            && self.since.is_none_or(|it| entry.at >= it)
            && self.until.is_none_or(|it| entry.at < it)
    }
}

/// What one turn of the sealer has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// How many rows.
    pub rows: u32,
    /// Whether the head is anchored outside the database. Not when the anchor there is none of this chain's: whoever
    /// cut the chain off must not have that covered up by the next seal.
    pub anchored: bool,
}

/// The audit log.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Leaves a row about a thing that is changed elsewhere than in the database.
    ///
    /// # Errors
    /// None but those of the database, and `RequestKnown`.
    async fn note_audit(&self, object: &str, change: &Change) -> Result<(), Error>;

    /// A page of rows, newest first. `Page::after` is the number of the id of the last one known.
    ///
    /// # Errors
    /// None but those of the database.
    async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Listed<AuditEntry>, Error>;

    /// One row.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_audit_entry(&self, id: AuditId) -> Result<Option<AuditEntry>, Error>;

    /// Rows after one, oldest first, at most `limit`.
    ///
    /// # Errors
    /// None but those of the database.
    async fn audit_entries_after(
        &self,
        after: AuditId,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, Error>;

    /// Seals rows that are not, oldest first, at most `limit`, and anchors the head outside the database. Two that seal
    /// at once are one: the later finds nothing to do, or is told `Stale`.
    ///
    /// # Errors
    /// `Stale`, `Unavailable` where the anchor cannot be written; those of the database.
    async fn seal_audit(&self, limit: u32) -> Result<Sealed, Error>;

    /// Looks through the whole log.
    ///
    /// # Errors
    /// None but those of the database.
    async fn verify_audit(&self) -> Result<Verdict, Error>;

    /// Takes the head of the chain as it stands for the anchor, whatever was anchored: after a backup was restored, or
    /// the anchor was lost. Leaves a row that says so.
    ///
    /// # Errors
    /// As `seal_audit`.
    async fn accept_audit(&self, change: &Change) -> Result<(), Error>;

    /// The newest row that was written, as it rises. Wakes the sealer.
    fn newest_audit_entry(&self) -> watch::Receiver<AuditId>;
}
