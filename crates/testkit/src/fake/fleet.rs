//! The simulated nodes, by name.

use domain::NodeName;
use ports::{Images, Runtime, fleet::UnknownNode};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Adapters by the name of their node, whoever they are.
#[derive(Clone, Default)]
pub struct Fleet {
    nodes: BTreeMap<NodeName, Adapters>,
    /// Those of which only a catalog has told.
    met: BTreeSet<NodeName>,
}

type Adapters = (Arc<dyn Runtime>, Arc<dyn Images>);

impl Fleet {
    /// This fleet with one node more.
    #[must_use]
    pub fn with(
        mut self,
        node: NodeName,
        runtime: Arc<dyn Runtime>,
        images: Arc<dyn Images>,
    ) -> Self {
        self.nodes.insert(node, (runtime, images));
        self
    }

    /// This fleet with one node more, of which only a catalog has told.
    #[must_use]
    pub fn with_met(
        mut self,
        node: NodeName,
        runtime: Arc<dyn Runtime>,
        images: Arc<dyn Images>,
    ) -> Self {
        self.met.insert(node.clone());
        self.with(node, runtime, images)
    }
}

impl ports::Fleet for Fleet {
    fn nodes(&self) -> Vec<NodeName> {
        let known = self.nodes.keys().filter(|node| !self.met.contains(*node));
        known.cloned().collect()
    }

    fn met(&self) -> Vec<NodeName> {
        self.nodes.keys().cloned().collect()
    }

    fn runtime(&self, node: &NodeName) -> Result<Arc<dyn Runtime>, UnknownNode> {
        let found = self.nodes.get(node).map(|(runtime, _)| Arc::clone(runtime));
        found.ok_or_else(|| UnknownNode(node.clone()))
    }

    fn images(&self, node: &NodeName) -> Result<Arc<dyn Images>, UnknownNode> {
        let found = self.nodes.get(node).map(|(_, images)| Arc::clone(images));
        found.ok_or_else(|| UnknownNode(node.clone()))
    }
}
