//! Nodes of a pool, and which instances get traffic.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use domain::{
    EnvironmentId, EnvironmentName, InstanceId, Node, NodeName, StackId, StackName,
    environment::ServiceName,
};
use futures_util::stream::BoxStream;
use std::{collections::BTreeMap, time::Duration};

/// What the catalog can answer instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the catalog cannot be reached: {0}")]
    Unreachable(String),
    #[error("the catalog refused: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

/// The hosts of one Environment x Stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub environment: EnvironmentId,
    pub environment_name: EnvironmentName,
    pub stack: StackId,
    pub stack_name: StackName,
}

/// An instance that is ready for traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub instance: InstanceId,
    pub service: ServiceName,
    pub node: NodeName,
    pub address: String,
    /// None: it listens nowhere.
    pub port: Option<u16>,
    pub tags: Vec<String>,
    /// What proxies and people read besides. Keys are letters, digits, `_` and `-`.
    pub meta: BTreeMap<String, String>,
    pub check: Check,
}

/// How a catalog that looks by itself finds out whether an instance serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// `GET` of this path.
    Http { path: String },
    /// A TCP connection.
    Tcp,
    /// There is nothing to ask: whoever sees the instance tells, by `attest`.
    Told,
}

/// What is seen of an instance that its catalog cannot ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It does what it should.
    Well,
    /// It does not, and what was seen.
    Unwell(String),
}

/// How long the word on an instance counts that its catalog cannot ask (`Check::Told`). Say it three times as often.
pub const WORD_COUNTS: Duration = Duration::from_secs(60);

pub use scheduler::input::Registration;

/// Nodes of a pool, and which instances get traffic. Every call may be repeated.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// The nodes of a pool, in order of name. Their `duty` is what the catalog itself says; the store's is laid over it.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn nodes(&self, pool: &Pool) -> Result<Vec<Node>, Error>;

    /// Sends traffic to the instance.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn register(&self, entry: &Entry) -> Result<(), Error>;

    /// Sends no more traffic to the instance, and still knows it. Of an unknown one: nothing happens.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error>;

    /// Forgets the instance. Of an unknown one: nothing happens.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn deregister(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error>;

    /// Says how an instance is that the catalog cannot ask (`Check::Told`). It counts for `WORD_COUNTS`. Of an unknown
    /// one: nothing happens.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn attest(&self, node: &NodeName, instance: InstanceId, word: &Word)
    -> Result<(), Error>;

    /// What it knows of the instances of one node.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, Error>;

    /// Yields whenever the nodes of a pool that was asked for may have changed. What is registered through this port is
    /// not told: who did it knows. Ends when the catalog is lost for good; watch again then.
    async fn changes(&self) -> BoxStream<'static, ()>;
}
