//! What we tell the host: statuses of commits, deployments, and the tag of an Environment. All of it may be repeated.

use super::Error;
use crate::Effect;
use async_trait::async_trait;
use domain::{CommitSha, DeployId, EnvironmentName, GitRef, InstallationId, RepoName};

/// The longest description that the host keeps, in characters. Longer ones are cut.
pub const DESCRIPTION_MAX: usize = 140;

/// How something stands at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    pub state: StatusState,
    /// Whose status it is: `jockey/build`. The latest of a context counts.
    pub context: String,
    /// One line for people, cut after `DESCRIPTION_MAX`.
    pub description: String,
    /// Where to read more.
    pub address: Option<String>,
}

/// The word of a commit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    Pending,
    Success,
    /// It ended badly: the commit's fault.
    Failure,
    /// It could not be done: somebody else's fault.
    Error,
}

/// A Deploy that the host is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// Whose the Deploy is: another Installation, of the same repository, counts its own from 1 too.
    pub installation: InstallationId,
    /// Ours. The deployment bears both, so that telling twice makes one.
    pub deploy: DeployId,
    pub commit: CommitSha,
    pub environment: EnvironmentName,
    pub description: String,
    pub kind: DeploymentKind,
}

/// What the host shows of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentKind {
    /// Where end users are.
    Production,
    Other,
}

/// The host's number for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeploymentId(pub u64);

/// How a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentStatus {
    pub state: DeploymentState,
    pub description: String,
    /// Where its story is told.
    pub log_address: Option<String>,
    /// Where it can be seen at work.
    pub environment_address: Option<String>,
}

/// The word of a deployment's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentState {
    Queued,
    InProgress,
    Success,
    /// It ended badly.
    Failure,
    /// It could not be tried.
    Error,
    /// Another has taken its place.
    Inactive,
}

/// Writes to repositories. `NotReachable` says nothing of whether it was written: repeat.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Says how something stands at a commit. A second time the same is kept twice, and shown once.
    ///
    /// # Errors
    /// `UnknownRepo`, `UnknownRef` for the commit, `Refused`, and what holds for every call.
    async fn set_status(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        status: &CommitStatus,
    ) -> Result<(), Error>;

    /// Makes a deployment, or finds the one that bears the ids of this Installation and this Deploy. Whatever checks say: it is told, not asked.
    ///
    /// # Errors
    /// `UnknownRepo`, `UnknownRef` for the commit, `Refused`, and what holds for every call.
    async fn ensure_deployment(
        &self,
        repo: &RepoName,
        deployment: &NewDeployment,
    ) -> Result<DeploymentId, Error>;

    /// Says how a deployment stands. Makes no other one inactive: that is said of each.
    ///
    /// # Errors
    /// `UnknownRepo` also when the deployment is not there; `Refused`, and what holds for every call.
    async fn set_deployment_status(
        &self,
        repo: &RepoName,
        deployment: DeploymentId,
        status: &DeploymentStatus,
    ) -> Result<(), Error>;

    /// Lets a tag name a commit, wherever it was before: forwards, backwards, or nowhere.
    ///
    /// # Errors
    /// `UnknownRepo`, `UnknownRef` for the commit, `Forbidden` where a rule protects the tag, and what holds for every
    /// call.
    async fn move_tag(
        &self,
        repo: &RepoName,
        tag: &GitRef,
        commit: &CommitSha,
    ) -> Result<Effect, Error>;
}
