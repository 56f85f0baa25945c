//! Leases with fencing numbers: who may act on what, until when by the database's clock.

use super::Error;
use async_trait::async_trait;
use domain::{EnvironmentId, Timestamp};
use std::time::Duration;

/// Proof that a lease was held. A write that bears it is refused once another server has taken the lease over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name: `environment/env-1`, `build/bld-7`.
    pub lease: String,
    /// Rises each time the lease changes hands.
    pub number: i64,
}

/// The lease of the server that looks after an Environment.
#[must_use]
pub fn of_environment(environment: EnvironmentId) -> String {
    format!("environment/{environment}")
}

/// What the leases begin with by which servers show that they live.
pub const SERVERS: &str = "server/";

/// The lease of one of the servers that live, whichever: the first has number 1.
#[must_use]
pub fn of_server(number: usize) -> String {
    format!("{SERVERS}{number}")
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Ours(Fence),
    /// It is another server's until then, by the database's clock.
    Theirs { owner: String, until: Timestamp },
}

/// A lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub owner: String,
    pub number: i64,
    pub until: Timestamp,
}

/// Leases. Time is the database's alone: no two machines' clocks are ever compared.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease that is free or has run out; one that is `owner`'s already is prolonged, with the same number.
    ///
    /// # Errors
    /// None but those of the database.
    async fn claim(&self, name: &str, owner: &str, time: Duration) -> Result<Claim, Error>;

    /// Prolongs a lease.
    ///
    /// # Errors
    /// `Fenced` when another server took it over.
    async fn renew(&self, fence: &Fence, time: Duration) -> Result<(), Error>;

    /// Gives a lease back. Nothing happens when it is another's by now.
    ///
    /// # Errors
    /// None but those of the database.
    async fn release(&self, fence: &Fence) -> Result<(), Error>;

    /// The leases that are held now.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_leases(&self) -> Result<Vec<Lease>, Error>;
}
