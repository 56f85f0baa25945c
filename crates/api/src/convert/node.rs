//! Nodes.

use super::unknown_value;
use crate::status::Refusal;
use controller::usecases::nodes::NodeView;
use domain::node::{Duty, NodeState};
use proto::v1;

pub(crate) fn wire(view: &NodeView) -> v1::Node {
    let node = &view.node;
    let state = match node.state {
        NodeState::Alive => v1::NodeState::Alive,
        NodeState::Silent => v1::NodeState::Silent,
        NodeState::Failed => v1::NodeState::Failed,
    };
    let duty = match node.duty {
        Duty::Serving => v1::NodeDuty::Serving,
        Duty::Cordoned => v1::NodeDuty::Cordoned,
        Duty::Draining => v1::NodeDuty::Draining,
    };
    let pools = view.pools.iter().map(|(environment, stack)| v1::Pool {
        environment: environment.clone(),
        stack: stack.clone(),
    });
    let memory = node.memory.map_or(0, |memory| memory.as_bytes());
    let cpu = node.cpu.map_or(0, |cpu| cpu.get());
    v1::Node {
        name: node.name.to_string(),
        address: node.address.clone(),
        state: state.into(),
        duty: duty.into(),
        pools: pools.collect(),
        meta: node.meta.clone(),
        capacity: Some(v1::Resources {
            memory_bytes: i64::try_from(memory).unwrap_or(i64::MAX),
            cpu_millis: i32::try_from(cpu).unwrap_or(i32::MAX),
        }),
        instances: i32::try_from(view.instances.unwrap_or(0)).unwrap_or(i32::MAX),
    }
}

pub(crate) fn parse_state(number: i32) -> Result<Option<NodeState>, Refusal> {
    Ok(match v1::NodeState::try_from(number) {
        Ok(v1::NodeState::Unspecified) => None,
        Ok(v1::NodeState::Alive) => Some(NodeState::Alive),
        Ok(v1::NodeState::Silent) => Some(NodeState::Silent),
        Ok(v1::NodeState::Failed) => Some(NodeState::Failed),
        Err(_) => return Err(unknown_value("state", number)),
    })
}
