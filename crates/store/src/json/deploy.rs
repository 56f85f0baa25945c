//! Why a Deploy failed.

use super::Stored;
use crate::fault::{Fault, parse};
use domain::deploy::{FailedInstance, Failure};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct FailureJson {
    reason: String,
    instance: Option<FailedInstanceJson>,
    log_tail: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct FailedInstanceJson {
    id: String,
    worker: String,
    node: String,
    exit_code: Option<i64>,
    #[serde(default)]
    probe: String,
}

impl Stored for Failure {
    type Mirror = FailureJson;

    fn mirror(&self) -> FailureJson {
        let Self {
            reason,
            instance,
            log_tail,
        } = self;
        let instance = instance.as_ref().map(|instance| {
            let FailedInstance {
                id,
                worker,
                node,
                exit_code,
                probe,
            } = instance;
            FailedInstanceJson {
                id: id.to_string(),
                worker: worker.to_string(),
                node: node.to_string(),
                exit_code: *exit_code,
                probe: probe.clone(),
            }
        });
        FailureJson {
            reason: reason.clone(),
            instance,
            log_tail: log_tail.clone(),
        }
    }

    fn restore(mirror: FailureJson) -> Result<Self, Fault> {
        let instance = mirror.instance.map(|instance| {
            Ok::<_, Fault>(FailedInstance {
                id: parse(&instance.id)?,
                worker: parse(&instance.worker)?,
                node: parse(&instance.node)?,
                exit_code: instance.exit_code,
                probe: instance.probe,
            })
        });
        Ok(Self {
            reason: mirror.reason,
            instance: instance.transpose()?,
            log_tail: mirror.log_tail,
        })
    }
}
