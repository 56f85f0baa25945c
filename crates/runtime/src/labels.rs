//! The labels by which an instance is known again. Ids are written as numbers, as everywhere outside of Jockey.

use domain::{
    AppId, AppName, CommitSha, ConfigVersionId, DeployId, EnvironmentId, EnvironmentName,
    InstallationId, InstanceId, RunId, Timestamp, WorkerName, run::Attendance, worker::NamedPorts,
};
use ports::{processes::RunSpec, runtime::InstanceSpec};
use std::{collections::BTreeMap, str::FromStr};

pub(crate) const INSTALLATION: &str = "jockey.installation";
pub(crate) const INSTANCE: &str = "jockey.instance";
const APP: &str = "jockey.app";
const APP_NAME: &str = "jockey.app-name";
const ENVIRONMENT: &str = "jockey.environment";
const ENVIRONMENT_NAME: &str = "jockey.environment-name";
const WORKER: &str = "jockey.worker";
const DEPLOY: &str = "jockey.deploy";
const COMMIT: &str = "jockey.commit";
const CONFIG: &str = "jockey.config";
/// The number of an instance of a singleton: the program of its node looks after what bears one.
pub(crate) const FENCE: &str = "jockey.fence";
/// The named ports of an instance, as they are inside of it. What it publishes besides is its first.
const PORTS: &str = "jockey.ports";
/// What makes a container a one-off run. It has no label of an instance, and so is none.
pub(crate) const RUN: &str = "jockey.run";
const ATTENDANCE: &str = "jockey.attendance";
/// When it is to be ended, in microseconds since 1970.
const UNTIL: &str = "jockey.until";

/// The labels of a container or an image.
pub(crate) type Labels = BTreeMap<String, String>;

/// All that an instance bears.
pub(crate) fn of_instance(spec: &InstanceSpec, installation: InstallationId) -> Labels {
    let mut labels: Labels = [
        (INSTALLATION, installation.to_string()),
        (INSTANCE, spec.instance.to_string()),
        (APP, spec.app.number().to_string()),
        (APP_NAME, spec.app_name.to_string()),
        (ENVIRONMENT, spec.environment.number().to_string()),
        (ENVIRONMENT_NAME, spec.environment_name.to_string()),
        (WORKER, spec.worker.to_string()),
        (DEPLOY, spec.deploy.number().to_string()),
        (COMMIT, spec.commit.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(config) = spec.config {
        labels.insert(CONFIG.to_owned(), config.number().to_string());
    }
    if let Some(fence) = spec.fence {
        labels.insert(FENCE.to_owned(), fence.to_string());
    }
    if !spec.ports.is_empty() {
        let named = spec.ports.iter();
        let named = named.map(|(name, binding)| (name.clone(), binding.container));
        labels.insert(PORTS.to_owned(), named.collect::<NamedPorts>().to_string());
    }
    labels
}

/// The named ports of an instance, as they are inside of it.
pub(crate) fn named_ports(labels: &Labels) -> NamedPorts {
    let said = labels.get(PORTS).and_then(|text| text.parse().ok());
    said.unwrap_or_default()
}

/// What an instance's labels say it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) instance: InstanceId,
    pub(crate) app: AppId,
    pub(crate) app_name: Option<AppName>,
    pub(crate) environment: EnvironmentId,
    pub(crate) environment_name: Option<EnvironmentName>,
    pub(crate) worker: WorkerName,
    pub(crate) deploy: DeployId,
    pub(crate) config: Option<ConfigVersionId>,
    pub(crate) commit: Option<CommitSha>,
}

/// Reads it; none when a label is missing or is not what we write.
pub(crate) fn identity(labels: &Labels) -> Option<Identity> {
    fn read<T: FromStr>(labels: &Labels, name: &str) -> Option<T> {
        labels.get(name)?.parse().ok()
    }
    Some(Identity {
        instance: read(labels, INSTANCE)?,
        app: read(labels, APP)?,
        app_name: read(labels, APP_NAME),
        environment: read(labels, ENVIRONMENT)?,
        environment_name: read(labels, ENVIRONMENT_NAME),
        worker: read(labels, WORKER)?,
        deploy: read(labels, DEPLOY)?,
        config: read(labels, CONFIG),
        commit: read(labels, COMMIT),
    })
}

/// All that a one-off run bears.
pub(crate) fn of_run(spec: &RunSpec, installation: InstallationId) -> Labels {
    let mut labels: Labels = [
        (INSTALLATION, installation.to_string()),
        (RUN, spec.run.to_string()),
        (APP, spec.app.number().to_string()),
        (APP_NAME, spec.app_name.to_string()),
        (ENVIRONMENT, spec.environment.number().to_string()),
        (ENVIRONMENT_NAME, spec.environment_name.to_string()),
        (COMMIT, spec.commit.to_string()),
        (ATTENDANCE, spec.attendance.to_string()),
        (UNTIL, spec.until.micros().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(worker) = &spec.worker {
        labels.insert(WORKER.to_owned(), worker.to_string());
    }
    labels
}

/// What a one-off run's labels say it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunIdentity {
    pub(crate) run: RunId,
    pub(crate) app: AppId,
    pub(crate) environment: EnvironmentId,
    pub(crate) attendance: Attendance,
    pub(crate) until: Timestamp,
}

/// Reads it; none when a label is missing or is not what we write.
pub(crate) fn run_identity(labels: &Labels) -> Option<RunIdentity> {
    fn read<T: FromStr>(labels: &Labels, name: &str) -> Option<T> {
        labels.get(name)?.parse().ok()
    }
    Some(RunIdentity {
        run: read(labels, RUN)?,
        app: read(labels, APP)?,
        environment: read(labels, ENVIRONMENT)?,
        attendance: read(labels, ATTENDANCE)?,
        until: Timestamp::from_micros(read(labels, UNTIL)?),
    })
}

/// Whether these are the labels of something of this Installation.
pub(crate) fn are_of(labels: &Labels, installation: InstallationId) -> bool {
    labels
        .get(INSTALLATION)
        .is_some_and(|id| *id == installation.to_string())
}

/// The filter with which the Engine lists what is this Installation's.
pub(crate) fn filter(installation: InstallationId) -> String {
    format!("{INSTALLATION}={installation}")
}
