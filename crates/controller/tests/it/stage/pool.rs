//! The pool of the stage: one node.

use super::ADDRESS;
use domain::{
    ByteSize,
    node::{Duty, Node, NodeState},
};
use std::collections::BTreeMap;

pub(super) fn pool_node(memory: Option<ByteSize>) -> Node {
    Node {
        name: "node-1".parse().unwrap(),
        address: ADDRESS.to_owned(),
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: BTreeMap::new(),
        memory,
        cpu: None,
    }
}
