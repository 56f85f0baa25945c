//! Nodes.

use super::{id, plan, time, unknown_value};
use crate::status::Refusal;
use controller::usecases::nodes::{
    NodeView,
    rebalance::Which,
    why::{Answer, Placed, Placement},
};
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
        Duty::GivenUp => v1::NodeDuty::GivenUp,
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

pub(crate) fn placement(told: Placement) -> v1::ExplainPlacementResponse {
    let waiting = plan::of_environment(told.waiting);
    v1::ExplainPlacementResponse {
        instances: told.instances.iter().map(placed).collect(),
        held: waiting.held,
        nodes: told.nodes.iter().map(answer).collect(),
    }
}

fn placed(placed: &Placed) -> v1::PlacedInstance {
    v1::PlacedInstance {
        instance: placed.instance.to_string(),
        worker: placed.worker.to_string(),
        node: placed.node.to_string(),
        deploy: id(placed.deploy, placed.deploy.number()),
        place_time: Some(time::wire(placed.since)),
        why: placed.why.clone(),
        why_leaving: placed.leaves.clone().unwrap_or_default(),
    }
}

fn answer(answer: &Answer) -> v1::NodeAnswer {
    let (instances, reason, why) = match &answer.said {
        Ok(instances) => (*instances, String::new(), String::new()),
        Err(refusal) => (0, refusal.reason().to_uppercase(), refusal.to_string()),
    };
    v1::NodeAnswer {
        worker: answer.worker.to_string(),
        node: answer.node.to_string(),
        takes: answer.said.is_ok(),
        instances: i32::try_from(instances).unwrap_or(i32::MAX),
        reason,
        why,
    }
}

pub(crate) fn parse_pools(pools: Vec<v1::Pool>) -> Vec<Which> {
    let which = |pool: v1::Pool| Which {
        environment: pool.environment,
        stack: pool.stack,
    };
    pools.into_iter().map(which).collect()
}

/// How many at once; 0 is one.
pub(crate) fn parse_at_once(number: i32) -> Result<u16, Refusal> {
    match u16::try_from(number) {
        Ok(0) => Ok(1),
        Ok(number) => Ok(number),
        Err(_) => Err(Refusal::field(
            "at_once",
            format!("{number} at once is not possible: it is 1 or more"),
        )),
    }
}
