//! Hosts that are lost, cut off in part, and gone from their pool: what the catalog says of a node and what is so part
//! ways for a while, and meet again.

use crate::world::World;
use domain::{
    Node,
    node::{Duty, NodeState},
};
use std::{collections::BTreeMap, time::Duration};
use testkit::fake;

/// How long at most, in milliseconds: longer than it takes to start elsewhere what was there, and no longer than a silence,
/// for which `Watch` excuses what was decided before it.
const AWAY_MAX: u64 = 60_000;

impl World {
    /// Lets a node be lost, or the catalog say so.
    pub(crate) async fn mislead(&mut self, node: &fake::Node) {
        let failed = pool_node(node, NodeState::Failed);
        let (what, says) = match self.random.below(5) {
            0 => {
                node.silence();
                self.cut.insert(node.name().clone());
                ("is cut off from everybody", Some(failed))
            }
            1 => {
                node.daemon_down();
                ("is down with all that runs on it", Some(failed))
            }
            2 => ("is cut off from the catalog alone", Some(failed)),
            3 => {
                node.silence();
                self.cut.insert(node.name().clone());
                let alive = pool_node(node, NodeState::Alive);
                ("is cut off from the servers alone", Some(alive))
            }
            _ => ("leaves its pool", None),
        };
        self.fate.note(format_args!("{} {what}", node.name()));
        match says {
            Some(says) => self.catalog.set_node(says),
            None => self.catalog.remove_node(node.name()),
        }
        let away = Duration::from_millis(self.random.below(AWAY_MAX));
        self.pass(away).await;
        self.fate.note(format_args!("{} is back", node.name()));
        self.cut.remove(node.name());
        node.speak();
        node.daemon_up();
        self.catalog.set_node(pool_node(node, NodeState::Alive));
    }
}

pub(crate) fn address(node: &fake::Node) -> String {
    format!("{}.test", node.name())
}

pub(crate) fn alive(nodes: &[fake::Node]) -> impl Iterator<Item = Node> {
    let alive = |node| pool_node(node, NodeState::Alive);
    nodes.iter().map(alive)
}

/// A node as the catalog has it.
pub(crate) fn pool_node(node: &fake::Node, state: NodeState) -> Node {
    Node {
        name: node.name().clone(),
        address: address(node),
        state,
        duty: Duty::Serving,
        meta: BTreeMap::new(),
        memory: None,
        cpu: None,
    }
}
