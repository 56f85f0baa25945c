//! The pool of the stage: one node, or two.

use super::{ADDRESS, Stage};
use domain::{
    ByteSize, InstallationId, NodeName,
    node::{Duty, Node, NodeState},
};
use std::{collections::BTreeMap, sync::Arc};
use testkit::fake;

const SECOND: &str = "node-2.test";

/// The first node.
pub(super) fn pool_node(memory: Option<ByteSize>) -> Node {
    Node {
        memory,
        ..member("node-1", ADDRESS)
    }
}

fn member(name: &str, address: &str) -> Node {
    Node {
        name: name.parse().unwrap(),
        address: address.to_owned(),
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: BTreeMap::new(),
        memory: None,
        cpu: None,
    }
}

impl Stage {
    /// Lets the catalog say so of a node, and waits until it is what a person is told.
    pub(crate) async fn node_is(&self, name: &NodeName, state: NodeState) {
        let address = match name.as_str() {
            "node-1" => ADDRESS,
            _ => SECOND,
        };
        self.catalog.set_node(Node {
            state,
            ..member(name.as_str(), address)
        });
        let ctx = self.ctx();
        let seen = controller::usecases::nodes::get(&ctx, name.as_str());
        assert_eq!(seen.await.unwrap().node.state, state);
    }

    /// Lets a second node join the pool.
    pub(crate) fn add_node(&mut self) -> fake::Node {
        let installation = InstallationId::from_bits(7);
        let name: NodeName = "node-2".parse().unwrap();
        let node = fake::Node::new(name, self.clock.clone(), self.registry.clone());
        let mut fleet = fake::Fleet::default();
        let mut prober = fake::Prober::default();
        for (node, address) in [(&self.node, ADDRESS), (&node, SECOND)] {
            let name = node.name().clone();
            fleet = fleet.with(name, node.runtime(installation), node.images(installation));
            prober = prober.with(address, node.clone());
        }
        self.deps.fleet = Arc::new(fleet);
        self.deps.prober = Arc::new(prober);
        self.catalog.set_node(member("node-2", SECOND));
        node
    }
}
