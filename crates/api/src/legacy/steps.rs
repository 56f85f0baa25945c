//! Steps of plans as the legacy API shows them.

use super::objects::DATACENTER;
use crate::convert::time;
use domain::reconcile::{PlannedAction, PlannedInstance, PlannedStep};
use proto::legacy::v1;

pub(super) fn wire(step: &PlannedStep) -> v1::PlanStep {
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
            .map(|instance| of_instance(instance, node(), commit.as_deref())),
        worker: Some(worker(step)),
        rref: commit.filter(|_| is_start),
        node: is_start.then(node),
        reason: step.why.clone(),
    }
}

fn of_instance(
    instance: &PlannedInstance,
    node: v1::StepNode,
    commit: Option<&str>,
) -> v1::StepInstance {
    let commit = commit.unwrap_or("unknown");
    v1::StepInstance {
        id: instance.handle.clone(),
        dc: node.dc.clone(),
        node: Some(node),
        service: Some(v1::StepService {
            dc: String::new(),
            id: instance.service.clone(),
        }),
        port: instance.port.map(i64::from),
        tags: vec![
            format!("tag:{commit}"),
            format!("rref:{commit}"),
            format!("deploy_id:{}", instance.deploy.number()),
        ],
        check: None,
    }
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
