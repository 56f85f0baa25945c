//! What Jockey remembers. Split by entity; each method is one transaction.
//!
//! A mutation takes a `Change` that says who does it and why; the event of it is written in the same transaction. What
//! a control loop writes bears the `Fence` of its lease, and is refused when another server has taken over.

pub mod adoptions;
pub mod app_hooks;
pub mod audit;
pub mod builds;
pub mod configs;
#[cfg(feature = "contract")]
pub mod contract;
pub mod deliveries;
pub mod deploys;
pub mod entities;
pub mod events;
pub mod intents;
pub mod jobs;
pub mod joined;
pub mod leases;
pub mod lookups;
pub mod node_leases;
pub mod reconciles;
pub mod requests;
pub mod retention;
pub mod runs;
pub mod sessions;
pub mod tokens;
pub mod users;
pub mod view;
pub mod webhooks;
pub mod workers;

pub use adoptions::Adoptions;
pub use app_hooks::AppHooks;
pub use audit::{Audit, Origin};
pub use builds::Builds;
pub use configs::Configs;
pub use deliveries::Deliveries;
pub use deploys::Deploys;
pub use entities::{Apps, Environments, Nodes, Stacks};
pub use events::Events;
pub use intents::Intents;
pub use jobs::Jobs;
pub use joined::JoinedNodes;
pub use leases::{Fence, Leases};
pub use lookups::Lookups;
pub use node_leases::NodeLeases;
pub use reconciles::Reconciles;
pub use requests::Requests;
pub use retention::Retention;
pub use runs::Runs;
pub use sessions::Sessions;
pub use tokens::Tokens;
pub use users::Users;
pub use view::Views;
pub use webhooks::Webhooks;
pub use workers::Workers;

use domain::{
    DeployId, EnvironmentName, InstallationId, NodeName, ReconcileId, Timestamp,
    config::BadVariable,
};
use secrecy::SecretString;
use std::sync::Arc;

/// All of it.
pub trait Store:
    Apps
    + Environments
    + Stacks
    + Nodes
    + JoinedNodes
    + NodeLeases
    + Configs
    + Workers
    + Builds
    + Deploys
    + Reconciles
    + Intents
    + Views
    + Leases
    + Lookups
    + Events
    + Tokens
    + Sessions
    + Requests
    + Adoptions
    + AppHooks
    + Deliveries
    + Retention
    + Audit
    + Users
    + Jobs
    + Webhooks
    + Runs
{
    /// Which Jockey this is. Made once, with the database.
    fn installation(&self) -> InstallationId;

    /// The same database, for a dry run: a mutation is refused or answered as it would be, and taken back. The ids in its
    /// answers will be given to others, and nobody is woken.
    fn trial(&self) -> Arc<dyn Store>;

    /// The same database, for who wants to be called once something is over: each Build, Deploy and Reconcile that is asked
    /// for there is written down together with whom to call. Also a Build that is shared, and may be over already.
    fn calling_back(&self, url: SecretString) -> Arc<dyn Store>;
}

/// What the store can answer instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No record of that kind by that name or id.
    #[error("there is no {what} `{which}`")]
    NotFound { what: &'static str, which: String },
    /// A record of that kind has the name already.
    #[error("there is {what} `{which}` already")]
    Exists { what: &'static str, which: String },
    /// The name derived for it is another's already.
    #[error("the service name `{name}` is taken already, by {holder}")]
    ServiceNameTaken { name: String, holder: String },
    /// Something still refers to it: `3 apps`.
    #[error("{what} `{which}` is still used by {by}")]
    InUse {
        what: &'static str,
        which: String,
        by: String,
    },
    /// The record is not as it was when it was read: reload and decide again.
    #[error("{what} `{which}` was changed meanwhile")]
    Stale { what: &'static str, which: String },
    /// The lease under which this was written is another server's by now.
    #[error("the lease `{lease}` was taken over")]
    Fenced { lease: String },
    /// What was asked for gives way to these.
    #[error("{} under way already", words_of(.0))]
    DeploysUnderWay(Vec<DeployId>),
    /// What was asked for gives way to this.
    #[error("{0} is under way already")]
    ReconcileUnderWay(ReconcileId),
    /// As many as may be are under way in an Environment.
    #[error("{most} runs are under way in {environment}, which is as many as may be")]
    TooManyRuns {
        environment: EnvironmentName,
        most: u32,
    },
    #[error("port {port} on node {node} is taken")]
    PortTaken { node: NodeName, port: u16 },
    #[error("node {node} has no room for it")]
    Overbooked { node: NodeName },
    /// The idempotency key was used before. Look at `Requests::find_request`.
    #[error("the request id `{0}` was used before")]
    RequestKnown(String),
    #[error(transparent)]
    BadVariable(#[from] BadVariable),
    /// Worth a retry: locked, or not reachable.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    #[error("the database cannot be written: {0}")]
    ReadOnly(String),
    #[error("the disk of the database is full: {0}")]
    DiskFull(String),
    /// What is stored does not read back, or does not decrypt.
    #[error("the database holds what it should not: {0}")]
    Corrupt(String),
}

/// `dep-4 is`, `dep-4 and dep-5 are`.
fn words_of(deploys: &[DeployId]) -> String {
    let names: Vec<_> = deploys.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [one] => format!("{one} is"),
        many => format!("{} are", many.join(" and ")),
    }
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::DiskFull(_))
    }
}

/// Which part of a list is wanted, by the number of its page: the way of the legacy API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// From 1.
    pub number: u32,
    /// 1 to 1,000.
    pub size: u32,
    pub by: SortBy,
    pub order: SortOrder,
}

/// What a list is sorted by. Records that are equal in it, or have none of it, are in order of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    Id,
    Ref,
    Commit,
    /// What was cancelled is among what has failed.
    State,
    CreatedAt,
    UpdatedAt,
    CompletedAt,
    App,
    Environment,
    Build,
}

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    Ascending,
    Descending,
}

impl Numbered {
    /// How many records are on the pages before it.
    #[must_use]
    pub const fn skipped(self) -> u64 {
        (self.number.saturating_sub(1) as u64) * self.size as u64
    }
}

/// A page by its number, and how many records all pages have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<T> {
    pub items: Vec<T>,
    pub total: u64,
}

/// Who changes something, when, and in whose words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// A token's name, or `jockey`.
    pub actor: String,
    pub at: Timestamp,
    /// The sentence of the event. Never a secret.
    pub message: String,
    /// Makes the mutation happen at most once: recorded in its transaction.
    pub request: Option<requests::RequestKey>,
    /// What the audit log says of whoever asked.
    pub origin: Origin,
}

/// Which part of a list is wanted: those after a record, in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// 1 to 1,000.
    pub size: u32,
    /// The number of the last record that is known. None: from the beginning.
    pub after: Option<i64>,
}

impl Page {
    /// The largest there is, from the beginning.
    pub const ALL: Self = Self {
        size: 1000,
        after: None,
    };
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// What to ask for next, as `Page::after`. None: that was all.
    pub next: Option<i64>,
}
