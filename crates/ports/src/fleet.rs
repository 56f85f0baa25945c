//! The nodes that this server can reach, by name.

#[cfg(feature = "contract")]
pub mod contract;

use crate::{Images, Runtime};
use domain::NodeName;
use std::sync::Arc;

/// A node that no adapter stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no way to reach node {0}")]
pub struct UnknownNode(pub NodeName);

/// The adapters of each node.
pub trait Fleet: Send + Sync {
    /// Those that are known without a catalog, which knows only pools of Environments that there are. In order of name.
    fn nodes(&self) -> Vec<NodeName>;

    /// Those, and others that a catalog told of lately, also where it does so no more: something may be left there. In order
    /// of name.
    fn met(&self) -> Vec<NodeName> {
        self.nodes()
    }

    /// The instances of this node.
    ///
    /// # Errors
    /// `UnknownNode`.
    fn runtime(&self, node: &NodeName) -> Result<Arc<dyn Runtime>, UnknownNode>;

    /// The images of this node.
    ///
    /// # Errors
    /// `UnknownNode`.
    fn images(&self, node: &NodeName) -> Result<Arc<dyn Images>, UnknownNode>;
}
