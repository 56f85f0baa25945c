//! Nodes: the Docker hosts of a pool.

use crate::{ByteSize, CpuMillis, NodeName};
use std::collections::BTreeMap;

/// One Docker host, as the catalog knows it and Jockey wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub name: NodeName,
    /// Where its instances' ports are reached: a host name or an IP address.
    pub address: String,
    pub state: NodeState,
    /// Whether new instances may go there, and old ones stay.
    pub duty: Duty,
    /// What the catalog says of it: `zone` and others, for spreading and constraints.
    pub meta: BTreeMap<String, String>,
    /// What it has in all. None: not known, and so not limited.
    pub memory: Option<ByteSize>,
    /// What it has in all. None: not known, and so not limited.
    pub cpu: Option<CpuMillis>,
}

impl Node {
    /// The data center that it is in, where it says so.
    #[must_use]
    pub fn center(&self) -> Option<&str> {
        self.meta.get("dc").map(String::as_str)
    }
}

crate::words! {
    /// Whether a node answers.
    NodeState {
        /// It answers.
        Alive => "alive",
        /// It does not answer now. Nothing is stopped, and nothing moved, for that (rule 5).
        Silent => "silent",
        /// The catalog says that it has failed: its instances count as lost (rule 4).
        Failed => "failed",
    }
}

crate::words! {
    /// What a person wants of a node.
    Duty {
        /// It takes its share.
        Serving => "serving",
        /// Nothing new goes there; what is there stays.
        Cordoned => "cordoned",
        /// Nothing new goes there, and what is there moves away, start-first.
        Draining => "draining",
        /// A person says that it is gone for good: what ran there does not run any more. Should it come back, what it has goes.
        GivenUp => "given-up",
    }
}
