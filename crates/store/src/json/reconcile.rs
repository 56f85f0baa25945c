//! The steps of a Reconcile.

use super::Stored;
use crate::fault::{Fault, parse, parse_some};
use domain::{
    AppId, DeployId, EnvironmentId, Timestamp, WorkerId,
    reconcile::{PlannedInstance, PlannedStep, PlannedWorker},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct StepJson {
    action: String,
    app: i64,
    environment: i64,
    worker: WorkerJson,
    node: String,
    address: String,
    /// Steps of earlier versions have none.
    #[serde(default)]
    center: Option<String>,
    commit: Option<String>,
    instance: Option<InstanceJson>,
    why: String,
}

#[derive(Serialize, Deserialize)]
struct WorkerJson {
    id: Option<i64>,
    name: String,
    command: String,
    /// Steps of earlier versions have none.
    #[serde(default)]
    argv: Vec<String>,
    scale: u16,
    created_at: Option<i64>,
    updated_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct InstanceJson {
    id: String,
    handle: String,
    service: String,
    port: Option<u16>,
    deploy: i64,
}

impl Stored for PlannedStep {
    type Mirror = StepJson;

    fn mirror(&self) -> StepJson {
        let Self {
            action,
            app,
            environment,
            worker,
            node,
            address,
            center,
            commit,
            instance,
            why,
        } = self;
        StepJson {
            action: action.to_string(),
            app: app.number(),
            environment: environment.number(),
            worker: mirror_worker(worker),
            node: node.to_string(),
            address: address.clone(),
            center: center.clone(),
            commit: commit.as_ref().map(ToString::to_string),
            instance: instance.as_ref().map(mirror_instance),
            why: why.clone(),
        }
    }

    fn restore(mirror: StepJson) -> Result<Self, Fault> {
        let instance = mirror.instance.map(|instance| {
            Ok::<_, Fault>(PlannedInstance {
                id: parse(&instance.id)?,
                handle: instance.handle,
                service: instance.service,
                port: instance.port,
                deploy: DeployId::new(instance.deploy),
            })
        });
        let worker = mirror.worker;
        Ok(Self {
            action: parse(&mirror.action)?,
            app: AppId::new(mirror.app),
            environment: EnvironmentId::new(mirror.environment),
            worker: PlannedWorker {
                id: worker.id.map(WorkerId::new),
                name: parse(&worker.name)?,
                command: worker.command,
                argv: worker.argv,
                scale: worker.scale,
                created_at: worker.created_at.map(Timestamp::from_micros),
                updated_at: worker.updated_at.map(Timestamp::from_micros),
            },
            node: parse(&mirror.node)?,
            address: mirror.address,
            center: mirror.center,
            commit: parse_some(mirror.commit.as_deref())?,
            instance: instance.transpose()?,
            why: mirror.why,
        })
    }
}

fn mirror_worker(worker: &PlannedWorker) -> WorkerJson {
    let PlannedWorker {
        id,
        name,
        command,
        argv,
        scale,
        created_at,
        updated_at,
    } = worker;
    WorkerJson {
        id: id.map(WorkerId::number),
        name: name.to_string(),
        command: command.clone(),
        argv: argv.clone(),
        scale: *scale,
        created_at: created_at.map(Timestamp::micros),
        updated_at: updated_at.map(Timestamp::micros),
    }
}

fn mirror_instance(instance: &PlannedInstance) -> InstanceJson {
    let PlannedInstance {
        id,
        handle,
        service,
        port,
        deploy,
    } = instance;
    InstanceJson {
        id: id.to_string(),
        handle: handle.clone(),
        service: service.clone(),
        port: *port,
        deploy: deploy.number(),
    }
}
