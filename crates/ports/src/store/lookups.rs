//! What ids stand for, several at once: a page asks once, however much it shows.

use super::Error;
use async_trait::async_trait;
use domain::{
    AppId, AppName, BuildId, CommitSha, Deploy, EnvironmentId, EnvironmentName, ReleaseId, StackId,
    StackName,
};
use std::collections::BTreeMap;

/// The commits of Releases and of Builds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commits {
    pub releases: BTreeMap<ReleaseId, CommitSha>,
    pub builds: BTreeMap<BuildId, CommitSha>,
}

/// What ids stand for. What is not there is not in the answer. At most 1000 ids of a kind.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// The names of Apps, without those that were deleted.
    ///
    /// # Errors
    /// None but those of the database.
    async fn app_names(&self, apps: &[AppId]) -> Result<BTreeMap<AppId, AppName>, Error>;

    /// The names of Environments, without those that were deleted.
    ///
    /// # Errors
    /// None but those of the database.
    async fn environment_names(
        &self,
        environments: &[EnvironmentId],
    ) -> Result<BTreeMap<EnvironmentId, EnvironmentName>, Error>;

    /// The names of Stacks.
    ///
    /// # Errors
    /// None but those of the database.
    async fn stack_names(&self, stacks: &[StackId]) -> Result<BTreeMap<StackId, StackName>, Error>;

    /// # Errors
    /// None but those of the database.
    async fn commits(&self, releases: &[ReleaseId], builds: &[BuildId]) -> Result<Commits, Error>;

    /// The Deploys that are not done of any of these Apps in any of these Environments, oldest first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn active_among(
        &self,
        apps: &[AppId],
        environments: &[EnvironmentId],
    ) -> Result<Vec<Deploy>, Error>;
}
