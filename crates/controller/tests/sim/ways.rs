//! The ways from one server to what it asks: each may be cut, for it alone, while all the others hold.

use crate::{membership::address, world::World};
use domain::NodeName;
use std::{collections::BTreeMap, time::Duration};
use testkit::{fake, sim::Line};

/// How long at most, in milliseconds: no longer than the silence of a node, for which `Watch` excuses what was decided
/// before it.
const PARTED_MAX: u64 = 60_000;

/// Of one server.
#[derive(Default)]
pub(crate) struct Ways {
    pub(crate) database: Line,
    pub(crate) catalog: Line,
    nodes: BTreeMap<NodeName, Line>,
}

impl Ways {
    pub(crate) fn to(nodes: &[fake::Node]) -> Self {
        let nodes = nodes
            .iter()
            .map(|node| (node.name().clone(), Line::default()));
        Self {
            nodes: nodes.collect(),
            ..Self::default()
        }
    }

    /// To the Docker of this node, and to the ports of what runs there.
    pub(crate) fn node(&self, node: &fake::Node) -> &Line {
        &self.nodes[node.name()]
    }

    /// To the ports of what runs on each node, by its address.
    pub(crate) fn addresses(&self, nodes: &[fake::Node]) -> BTreeMap<String, Line> {
        let by_address = |node| (address(node), self.node(node).clone());
        nodes.iter().map(by_address).collect()
    }
}

impl World {
    /// Parts one server from one node, or from the catalog, which all other servers go on to reach.
    pub(crate) async fn part_one_server(&mut self, node: &fake::Node) {
        let from_node = self.random.in_thousand(700);
        let all = self.ways().map(|ways| match from_node {
            true => ways.node(node).clone(),
            false => ways.catalog.clone(),
        });
        let all: Vec<Line> = all.collect();
        let Some(line) = self.random.pick(&all).cloned() else {
            return;
        };
        let from = match from_node {
            true => node.name().as_str(),
            false => "the catalog",
        };
        self.fate
            .note(format_args!("one server is parted from {from}"));
        line.cut();
        let parted = Duration::from_millis(self.random.below(PARTED_MAX));
        self.pass(parted).await;
        line.mend();
    }
}
