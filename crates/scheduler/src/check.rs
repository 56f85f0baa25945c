//! What no plan may ever do, whoever made it.
//!
//! **Invariant:** nothing here uses the planner's own view of the world. Both would have to be wrong in the same way for
//! a bad plan to pass. It is lenient where the planner is careful: a plan that does less is never wrong here.

mod nodes;
mod record;
mod workers;

use crate::{
    input::PlanInput,
    plan::{Plan, Why},
};
use domain::{AppId, InstanceId, NodeName, WorkerName, worker::Constraint};
use record::Record;
use std::collections::BTreeSet;

/// What a plan does and may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Rule 1.
    #[error(
        "{app} {worker}: {stopped} of {healthy} healthy instances are stopped, {needed} must stay"
    )]
    BelowHealthyMinimum {
        app: AppId,
        worker: WorkerName,
        healthy: u16,
        stopped: u16,
        needed: u16,
    },
    /// Rule 2.
    #[error("{app} {worker}: {running} run and {started} are started, {at_most} may run")]
    AboveCeiling {
        app: AppId,
        worker: WorkerName,
        running: u16,
        started: u16,
        at_most: u16,
    },
    /// Rules 3 and 4.
    #[error("{instance} is started on {node}, which takes nothing")]
    NodeTakesNothing {
        instance: InstanceId,
        node: NodeName,
    },
    #[error("{instance} is started on {node}, which does not meet `{constraint}`")]
    Misplaced {
        instance: InstanceId,
        node: NodeName,
        constraint: Constraint,
    },
    #[error("{instance} gets port {port} of {node}, which is not free")]
    PortNotFree {
        instance: InstanceId,
        node: NodeName,
        port: u16,
    },
    #[error("{node} is given more than it has")]
    Overbooked { node: NodeName },
    /// Rule 5.
    #[error("{instance} is stopped, and nobody knows whether it serves")]
    StopsUnknown { instance: InstanceId },
    #[error("{instance} is acted at on {node}, which did not answer")]
    ActsUnseen {
        instance: InstanceId,
        node: NodeName,
    },
    /// Rule 7.
    #[error("{instance} is stopped before the new Deploy has shown that it gets healthy")]
    Unproven { instance: InstanceId },
    #[error(
        "{app} {worker}: {started} are started beside {running} of the new Deploy, and none has shown that it gets healthy"
    )]
    NotOneFirst {
        app: AppId,
        worker: WorkerName,
        running: u16,
        started: u16,
    },
    /// Rule 8.
    #[error("{instance} is touched, and its Deploy is not known")]
    TouchesUnknownDeploy { instance: InstanceId },
    /// Rule 9.
    #[error("{instance} of a singleton is started, and {other} may run")]
    SingletonOverlaps {
        instance: InstanceId,
        other: InstanceId,
    },
    /// The record.
    #[error(
        "{instance} is started again in another way than its intent says, or after a stop of it"
    )]
    StartsAnew { instance: InstanceId },
    #[error("{instance} is acted at already")]
    Busy { instance: InstanceId },
    #[error("{instance} has two steps")]
    TwoSteps { instance: InstanceId },
    #[error("{instance} is taken away as a copy, and is the instance itself")]
    NoCopy { instance: InstanceId },
}

/// All that is wrong with a plan: none for a good one. Holds for every order of its steps and for every part of it.
#[must_use]
pub fn check(plan: &Plan, input: &PlanInput) -> Vec<Violation> {
    let record = Record::of(input);
    let mut violations = Vec::new();
    each_step(plan, &record, &mut violations);
    nodes::check(plan, &record, &mut violations);
    workers::check(plan, &record, &mut violations);
    violations
}

fn each_step(plan: &Plan, record: &Record<'_>, violations: &mut Vec<Violation>) {
    let mut stepped = BTreeSet::new();
    for step in &plan.steps {
        let instance = step.instance;
        if !stepped.insert(instance) {
            violations.push(Violation::TwoSteps { instance });
        }
        if record.input.busy.contains(&instance) {
            violations.push(Violation::Busy { instance });
        }
        if record
            .sighting(step)
            .is_some_and(|seen| !record.input.known_deploys.contains(&seen.seen.deploy))
        {
            violations.push(Violation::TouchesUnknownDeploy { instance });
        }
        if step.why == Why::Copy
            && record
                .sighting(step)
                .is_some_and(|seen| record.original_of(seen).is_some())
        {
            violations.push(Violation::NoCopy { instance });
        }
        if !record.answered(&step.node) && record.input.node(&step.node).is_some() {
            violations.push(Violation::ActsUnseen {
                instance,
                node: step.node.clone(),
            });
        }
    }
}
