//! What a control loop reads of one Environment, at one point in time.

use super::{Error, node_leases::NodeLease, workers::Restart};
use async_trait::async_trait;
use domain::{
    App, AppId, Build, Deploy, DeployId, Environment, EnvironmentId, InstanceEnd, Intent, NodeName,
    Release, ReleaseId, Stack, Timestamp, Worker, WorkerName, node::Duty, reconcile::Reconcile,
};
use std::collections::BTreeMap;

/// One Environment as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentView {
    pub environment: Environment,
    pub stacks: Vec<Stack>,
    /// Apps that have, or had, a Deploy here, deleted ones too while they have standing intents. In order of id.
    pub apps: Vec<AppView>,
    /// Standing intents of all Environments, for ports and room are shared.
    pub intents: Vec<Intent>,
    /// Which Release each Deploy of this Environment runs that a standing intent names. Two Deploys of one Release
    /// are alike: the instances of the earlier serve for the later.
    pub releases: BTreeMap<DeployId, ReleaseId>,
    /// How instances of deployed and active Deploys ended since the time asked for, oldest first. At most 1,000.
    pub ends: Vec<InstanceEnd>,
    pub duties: BTreeMap<NodeName, Duty>,
    /// The leases of node programs.
    pub leases: BTreeMap<NodeName, NodeLease>,
    /// The last number that an instance of each singleton of this Environment was started with.
    pub fences: BTreeMap<(AppId, WorkerName), i64>,
    /// Reconciles of this Environment that are in progress.
    pub reconciles: Vec<Reconcile>,
}

/// One App in the Environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppView {
    pub app: App,
    /// In order of name.
    pub workers: Vec<WorkerView>,
    /// The Deploy that is `deployed`.
    pub deployed: Option<(Deploy, Release)>,
    /// Deploys that are not done, oldest first. A Release from `deploying` on, and for a rollback from the start; the
    /// Build once there is one.
    pub active: Vec<ActiveDeploy>,
}

/// A Worker, with the restart that was last asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerView {
    pub worker: Worker,
    pub restart: Option<Restart>,
}

/// A Deploy that is not done, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveDeploy {
    pub deploy: Deploy,
    pub build: Option<Build>,
    pub release: Option<Release>,
}

/// What a control loop reads.
#[async_trait]
pub trait Views: Send + Sync {
    /// One Environment, at one point in time; none when there is no such Environment.
    ///
    /// # Errors
    /// `Corrupt`, and those of the database.
    async fn view(
        &self,
        environment: EnvironmentId,
        ends_since: Timestamp,
    ) -> Result<Option<EnvironmentView>, Error>;
}
