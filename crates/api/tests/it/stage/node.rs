//! The one node of the stage.

use super::{ADDRESS, Stage};
use domain::{
    Node, NodeName,
    node::{Duty, NodeState},
};
use std::collections::BTreeMap;

pub(super) fn the_node(name: NodeName) -> Node {
    Node {
        name,
        address: ADDRESS.to_owned(),
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: BTreeMap::new(),
        memory: None,
        cpu: None,
    }
}

impl Stage {
    /// From now on the catalog says of the node that it is in this data center. None: it says nothing of that.
    pub(crate) fn node_is_in(&self, center: Option<&str>) {
        let meta = center.map(|center| ("dc".to_owned(), center.to_owned()));
        let node = Node {
            meta: meta.into_iter().collect(),
            ..the_node(self.node.name().clone())
        };
        self.catalog.set_node(node);
    }
}
