//! Steps of plans as the legacy API shows them.

use super::objects::DATACENTER;
use crate::convert::time;
use domain::reconcile::{PlannedAction, PlannedInstance, PlannedStep};
use proto::legacy::v1;
use std::slice;

/// The steps of a plan, on a server with this registry.
pub(super) fn wire(steps: &[PlannedStep], registry: &str) -> Vec<v1::PlanStep> {
    steps.iter().map(|step| of_step(step, registry)).collect()
}

fn of_step(step: &PlannedStep, registry: &str) -> v1::PlanStep {
    let is_start = step.action == PlannedAction::Start;
    let node = || v1::StepNode {
        dc: step.center.as_deref().unwrap_or(DATACENTER).to_owned(),
        id: step.node.to_string(),
        address: step.address.clone(),
    };
    let commit = step.commit.as_ref().map(ToString::to_string);
    v1::PlanStep {
        action: step.action.to_string(),
        instance: step
            .instance
            .as_ref()
            .map(|instance| of_instance(instance, node(), tags(step, instance, registry))),
        worker: Some(worker(step)),
        rref: commit.filter(|_| is_start),
        node: is_start.then(node),
        reason: step.why.clone(),
    }
}

fn of_instance(
    instance: &PlannedInstance,
    node: v1::StepNode,
    tags: Vec<String>,
) -> v1::StepInstance {
    v1::StepInstance {
        id: instance.handle.clone(),
        dc: node.dc.clone(),
        node: Some(node),
        service: Some(v1::StepService {
            dc: String::new(),
            id: instance.service.clone(),
        }),
        port: instance.port.map(i64::from),
        tags,
        check: None,
    }
}

/// Those of a live instance.
fn tags(step: &PlannedStep, instance: &PlannedInstance, registry: &str) -> Vec<String> {
    let commit = step.commit.as_ref();
    let commit = commit.map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let worker = &step.worker;
    let command = match worker.argv.as_slice() {
        [] => slice::from_ref(&worker.command),
        words => words,
    };
    vec![
        format!("tag:{commit}"),
        format!("rref:{commit}"),
        format!("repo:{registry}"),
        format!("command:{command:?}"),
        format!("deploy_id:{}", instance.deploy.number()),
    ]
}

fn worker(step: &PlannedStep) -> v1::StepWorker {
    let worker = &step.worker;
    v1::StepWorker {
        id: worker.id.map(|id| id.number()),
        scale: worker.scale.into(),
        command: worker.command.clone(),
        app_id: step.app.number(),
        environment_id: step.environment.number(),
        created_at: worker.created_at.map(time::wire),
        updated_at: worker.updated_at.map(time::wire),
        name: worker.name.to_string(),
    }
}
