//! Leases of node programs: until when they let the singletons of their hosts run. One that has run out says that the
//! singletons were stopped, so that they may be started elsewhere.

use super::Error;
use crate::authority::Hold;
use async_trait::async_trait;
use domain::{NodeName, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// A lease as it stands. Both times are of the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLease {
    pub until: Timestamp,
    /// When it was looked at.
    pub now: Timestamp,
}

impl NodeLease {
    /// How long it lasts yet, and this much longer. Zero: it has run out.
    #[must_use]
    pub fn left(&self, margin: Duration) -> Duration {
        (self.until + margin).since(self.now)
    }
}

/// What became of what a node asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It has what it asked for.
    Yes,
    /// It has run out: what was to be prolonged cannot be, and its singletons have to be gone before it begins anew.
    RunOut,
}

/// Leases of node programs.
#[async_trait]
pub trait NodeLeases: Send + Sync {
    /// Prolongs, begins or ends the lease of a node, for so long from now on by the database's clock. A node that has none
    /// and asks for it to be prolonged gets one: nobody has relied upon its end.
    ///
    /// # Errors
    /// `NotFound` for a node that has not joined with this key, or was removed; `Stale` for a number that is not higher than
    /// the last one.
    async fn hold_node(&self, hold: &Hold, time: Duration) -> Result<Held, Error>;

    /// The lease of each node whose program has ever had one and has not ended it. That of a node that was removed stays.
    ///
    /// # Errors
    /// None but those of the database.
    async fn node_leases(&self) -> Result<BTreeMap<NodeName, NodeLease>, Error>;
}
