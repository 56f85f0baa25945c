//! A pool: the nodes that have its service, with their health and what their meta says.

use super::client::{Check, ServiceEntry, Status};
use crate::Machine;
use domain::{
    ByteSize, CpuMillis, EnvironmentName, Node, StackName,
    names::BadName,
    node::{Duty, NodeState},
};
use ports::catalog::Pool;
use std::collections::BTreeMap;

/// What Consul's own failure detection says of a node.
const SERF: &str = "serfHealth";
/// By this a person, or the host itself, keeps a node in maintenance.
const NODE_MAINTENANCE: &str = "_node_maintenance";

/// The service by which a host joins a pool: `jockey-<stack>-<environment>`, `_` as `-`.
pub(super) fn service(pool: &Pool) -> String {
    service_of(&pool.stack_name, &pool.environment_name)
}

pub(super) fn service_of(stack: &StackName, environment: &EnvironmentName) -> String {
    format!("jockey-{stack}-{environment}").replace('_', "-")
}

/// The node of one row.
///
/// # Errors
/// Its name is none that Jockey can use.
pub(super) fn node(row: &ServiceEntry, machine: &Machine) -> Result<Node, BadName> {
    let name = row.node.node.parse()?;
    let meta = meta(row);
    // Of the host on which this server is more is known than the catalog says, and sooner.
    let here = (machine.name == name).then_some(machine);
    let capacity = here.and_then(|machine| machine.capacity);
    let address = match (row.service.address.as_str(), here) {
        ("", Some(machine)) => machine.address.clone(),
        ("", None) => row.node.address.clone(),
        (said, _) => said.to_owned(),
    };
    Ok(Node {
        name,
        address,
        state: state(&row.checks),
        duty: duty(&row.checks, &meta),
        memory: read(&meta, "memory").or(capacity.map(|capacity| capacity.memory)),
        cpu: meta
            .get("cpu")
            .and_then(|text| cpu(text))
            .or(capacity.map(|capacity| capacity.cpu)),
        meta,
    })
}

/// What the service says stands before what the node says.
fn meta(row: &ServiceEntry) -> BTreeMap<String, String> {
    let said = [&row.node.meta, &row.service.meta].into_iter().flatten();
    let mut meta: BTreeMap<_, _> = said
        .flatten()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    // Consul's own.
    meta.retain(|key, _| !key.starts_with("consul-"));
    meta
}

/// Only Consul's own detection tells that a node has failed. What else is wrong there, as that Docker does not answer,
/// keeps new instances away and takes nothing from there.
fn state(checks: &[Check]) -> NodeState {
    let mut critical = checks
        .iter()
        .filter(|check| check.status == Status::Critical)
        .peekable();
    if critical.clone().any(|check| check.id == SERF) {
        return NodeState::Failed;
    }
    match critical.any(|check| !is_maintenance(check)) {
        true => NodeState::Silent,
        false => NodeState::Alive,
    }
}

fn is_maintenance(check: &Check) -> bool {
    check.id == NODE_MAINTENANCE || check.id.starts_with(super::client::SERVICE_MAINTENANCE)
}

/// A node in maintenance is emptied; one whose service is in maintenance only takes nothing new.
fn duty(checks: &[Check], meta: &BTreeMap<String, String>) -> Duty {
    let kept = |check: &Check| check.status == Status::Critical && is_maintenance(check);
    let is_set = |key: &str| {
        let said = meta.get(key).map(|text| text.to_ascii_lowercase());
        said.is_some_and(|text| ["true", "yes", "1"].contains(&text.as_str()))
    };
    let of_node = |check: &&Check| check.id == NODE_MAINTENANCE;
    if is_set("draining") || checks.iter().filter(of_node).any(kept) {
        Duty::Draining
    } else if is_set("cordoned") || checks.iter().any(kept) {
        Duty::Cordoned
    } else {
        Duty::Serving
    }
}

fn read(meta: &BTreeMap<String, String>, key: &str) -> Option<ByteSize> {
    meta.get(key)?.parse().ok()
}

/// `4` and `0.5` are cores, `1500m` thousandths of one.
fn cpu(text: &str) -> Option<CpuMillis> {
    let millis = match text.strip_suffix('m') {
        Some(millis) => millis.parse().ok()?,
        None => {
            let (cores, part) = text.split_once('.').unwrap_or((text, "0"));
            // What is less than a thousandth of a core is nothing.
            let digits: String = part.chars().chain("000".chars()).take(3).collect();
            let cores: u32 = cores.parse().ok()?;
            cores.checked_mul(1000)?.checked_add(digits.parse().ok()?)?
        }
    };
    Some(CpuMillis::new(millis))
}

#[cfg(test)]
mod tests;
