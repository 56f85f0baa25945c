//! Rules 3 and 4: nothing goes where nothing may go, no port is given twice, and no node more than it has.

use super::{
    Violation,
    record::{Record, is_new_start},
};
use crate::{
    input::Answered,
    plan::{Action, Plan, Step},
};
use domain::{
    InstanceId, NodeName, WorkerSpec,
    node::{Duty, NodeState},
    worker::{Constraint, Resources},
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(plan: &Plan, record: &Record<'_>, violations: &mut Vec<Violation>) {
    let mut ports = ports(record);
    let mut started: BTreeMap<&NodeName, Vec<Resources>> = BTreeMap::new();
    for step in &plan.steps {
        let Action::Start {
            port, ports: named, ..
        } = &step.action
        else {
            continue;
        };
        if !may_take(step, record) {
            violations.push(Violation::NodeTakesNothing {
                instance: step.instance,
                node: step.node.clone(),
            });
        }
        if let Some(constraint) = unmet(step, record) {
            violations.push(Violation::Misplaced {
                instance: step.instance,
                node: step.node.clone(),
                constraint,
            });
        }
        if !is_new_start(step, record) {
            let intent = record.start_of(step.instance);
            let same = intent.is_some_and(|intent| {
                intent.node == step.node && intent.port == *port && intent.ports == *named
            });
            if !same || record.is_condemned(step.instance) {
                violations.push(Violation::StartsAnew {
                    instance: step.instance,
                });
            }
            continue;
        }
        for port in port.iter().copied().chain(named.numbers()) {
            let outside = !record.input.policy.ports.contains(&port);
            let taken = !ports.entry(&step.node).or_default().insert(port);
            if outside || taken {
                violations.push(Violation::PortNotFree {
                    instance: step.instance,
                    node: step.node.clone(),
                    port,
                });
            }
        }
        started
            .entry(&step.node)
            .or_default()
            .push(resources(step, record));
    }
    for (node, started) in started {
        if is_overbooked(node, &started, record) {
            violations.push(Violation::Overbooked { node: node.clone() });
        }
    }
}

/// Host ports that are taken, of each node.
fn ports<'a>(record: &Record<'a>) -> BTreeMap<&'a NodeName, BTreeSet<u16>> {
    let mut ports: BTreeMap<&NodeName, BTreeSet<u16>> = BTreeMap::new();
    for host in record.input.pools.values().flatten() {
        ports
            .entry(&host.node.name)
            .or_default()
            .extend(&host.taken_ports);
    }
    for intent in record.reservations() {
        ports
            .entry(&intent.node)
            .or_default()
            .extend(intent.host_ports());
    }
    for sighting in &record.input.observed {
        let seen = &sighting.seen;
        ports
            .entry(&seen.node)
            .or_default()
            .extend(seen.host_ports());
    }
    ports
}

fn may_take(step: &Step, record: &Record<'_>) -> bool {
    let stack = record.input.app(step.app).map(|app| app.stack);
    let pool = stack.and_then(|stack| record.input.pools.get(&stack));
    let singleton = spec(step, record).is_some_and(|spec| spec.singleton);
    if singleton && record.input.has_lapsed(&step.node) {
        return false;
    }
    pool.into_iter().flatten().any(|host| {
        host.node.name == step.node
            && host.answered == Answered::Yes
            && host.node.state == NodeState::Alive
            && host.node.duty == Duty::Serving
    })
}

/// What the Worker asks of a node that this one's meta does not say.
fn unmet(step: &Step, record: &Record<'_>) -> Option<Constraint> {
    let node = &record.node(&step.node)?.node;
    let constraints = &spec(step, record)?.constraints;
    constraints.iter().find(|one| !one.allows(node)).cloned()
}

fn resources(step: &Step, record: &Record<'_>) -> Resources {
    spec(step, record).map_or_else(Resources::default, |spec| spec.resources)
}

fn spec<'a>(step: &Step, record: &Record<'a>) -> Option<&'a WorkerSpec> {
    let deploy = record.input.app(step.app)?.deploy.as_ref()?;
    let mut specs = deploy.workers.iter().map(|worker| &worker.spec);
    specs.find(|spec| spec.name == step.worker)
}

fn is_overbooked(node: &NodeName, started: &[Resources], record: &Record<'_>) -> bool {
    let Some(host) = record.node(node) else {
        return false;
    };
    let standing: BTreeMap<InstanceId, Resources> = record
        .reservations()
        .filter(|intent| intent.node == *node)
        .map(|intent| (intent.instance, intent.resources))
        .collect();
    let all = || standing.values().chain(started);
    let memory = |resources: &Resources| resources.memory.unwrap_or_default().as_bytes();
    let cpu = |resources: &Resources| u64::from(resources.cpu.unwrap_or_default().get());
    let memory_taken = host.others.memory.as_bytes() + all().map(memory).sum::<u64>();
    let cpu_taken = u64::from(host.others.cpu.get()) + all().map(cpu).sum::<u64>();
    let over_memory = host
        .node
        .memory
        .is_some_and(|all| memory_taken > all.as_bytes())
        && started.iter().any(|resources| memory(resources) > 0);
    let over_cpu = host
        .node
        .cpu
        .is_some_and(|all| cpu_taken > u64::from(all.get()))
        && started.iter().any(|resources| cpu(resources) > 0);
    over_memory || over_cpu
}
