//! Deploys that were found running and that the database does not know: after a restored backup, or on a new database.

use super::{Change, Error};
use async_trait::async_trait;
use domain::{
    AppId, CommitSha, Deploy, DeployId, EnvironmentId, ImageRef, InstanceId, Intent, WorkerSpec,
    config::ConfigVersions,
};
use std::collections::BTreeSet;

/// A Deploy as its instances tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The id that its instances bear.
    pub deploy: DeployId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub commit: CommitSha,
    pub image: ImageRef,
    /// In order of name.
    pub workers: Vec<WorkerSpec>,
    pub config: ConfigVersions,
    /// Starts of its instances, done.
    pub starts: Vec<Intent>,
    /// Those of them that run, or that their node starts again by itself. How many these are of a Worker that is not
    /// known is its scale.
    pub running: BTreeSet<InstanceId>,
}

/// Adoptions.
#[async_trait]
pub trait Adoptions: Send + Sync {
    /// Lets every Deploy that is made from now on have an id above this one. An id that a running instance bears must
    /// not be given again: the instance would be taken for one of the new Deploy.
    ///
    /// # Errors
    /// None but those of the database.
    async fn reserve_deploys(&self, up_to: DeployId) -> Result<(), Error>;

    /// Lets every App that is made from now on have an id above this one. An id that a running instance bears must not
    /// be given again: the instance would be adopted as one of the new App.
    ///
    /// # Errors
    /// None but those of the database.
    async fn reserve_apps(&self, up_to: AppId) -> Result<(), Error>;

    /// Lets every Environment that is made from now on have an id above this one, for the same reason.
    ///
    /// # Errors
    /// None but those of the database.
    async fn reserve_environments(&self, up_to: EnvironmentId) -> Result<(), Error>;

    /// Writes a Deploy down as `deployed`, with a completed Build, a Release, and its instances' starts, all or nothing.
    /// What was deployed before is `stopped`. The Build serves no request: which Workers its commit declares is not
    /// known, and a Release made of it would be without any.
    ///
    /// # Errors
    /// `Exists` when the database knows it, `NotFound` for the App or the Environment, `PortTaken`.
    async fn adopt(&self, adoption: Adoption, change: &Change) -> Result<Deploy, Error>;
}
