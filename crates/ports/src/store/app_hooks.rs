//! Hooks of Apps at the host of their code, and the pull requests that are open there.

use super::{Change, Error};
use async_trait::async_trait;
use domain::{
    AppId, RepoName, Timestamp,
    app_hook::{Signed, Standing},
    webhook::Tip,
};
use secrecy::SecretString;

/// The hook of an App.
#[derive(Debug, Clone)]
pub struct AppHook {
    pub app: AppId,
    /// The repository that it is in, or is to be in.
    pub repo: RepoName,
    /// With which its deliveries are signed.
    pub secret: SecretString,
    pub signed: Signed,
    pub standing: Standing,
    /// What is wrong, for people; empty where nothing is.
    pub detail: String,
    /// When it was last looked at there.
    pub checked_at: Option<Timestamp>,
    /// How often somebody has changed how its deliveries are signed.
    pub edits: u32,
}

/// What was seen of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHook {
    pub repo: RepoName,
    pub standing: Standing,
    pub detail: String,
}

/// What shall change of a hook. None: it stays.
#[derive(Debug, Clone)]
pub struct HookEdit {
    pub secret: Option<SecretString>,
    pub signed: Option<Signed>,
    /// The secret of a hook that is made, where no other is given.
    pub fresh: SecretString,
    /// The `edits` that it was read with, 0 where there was none.
    pub read: u32,
}

/// A pull request that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    pub tip: Tip,
}

/// Hooks, their secrets encrypted at rest, and pull requests.
#[async_trait]
pub trait AppHooks: Send + Sync {
    /// The hook of an App, also of a deleted one until it is forgotten.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_app_hook(&self, app: AppId) -> Result<Option<AppHook>, Error>;

    /// The hook of an App. Where there is none it is written down, unmade, with this secret.
    ///
    /// # Errors
    /// `NotFound` (the App).
    async fn ensure_app_hook(
        &self,
        app: AppId,
        secret: SecretString,
        change: &Change,
    ) -> Result<AppHook, Error>;

    /// Sets what its deliveries are signed with, when nobody has done so since it was read. Where there is none it is
    /// written down, unmade. Its event is `hook.changed`.
    ///
    /// # Errors
    /// `NotFound` (the App), `Stale`.
    async fn change_app_hook(
        &self,
        app: AppId,
        edit: HookEdit,
        change: &Change,
    ) -> Result<AppHook, Error>;

    /// Writes down what was seen of it. A standing that it did not have has an event, such as `hook.active`.
    ///
    /// # Errors
    /// `NotFound`.
    async fn note_app_hook(&self, app: AppId, seen: SeenHook, change: &Change)
    -> Result<(), Error>;

    /// Forgets a hook: its App is gone, and it is taken away.
    ///
    /// # Errors
    /// None but those of the database.
    async fn forget_app_hook(&self, app: AppId) -> Result<(), Error>;

    /// Tells of something that happened to an App's repository, as an event of this kind.
    ///
    /// # Errors
    /// None but those of the database.
    async fn tell_of_app(&self, app: AppId, kind: &str, change: &Change) -> Result<(), Error>;

    /// Keeps the tip of a pull request, or forgets the pull request.
    ///
    /// # Errors
    /// None but those of the database.
    async fn note_pull_request(
        &self,
        app: AppId,
        number: u64,
        tip: Option<Tip>,
    ) -> Result<(), Error>;

    /// The open ones of an App, in order of number. They go with their App.
    ///
    /// # Errors
    /// None but those of the database.
    async fn pull_requests(&self, app: AppId) -> Result<Vec<PullRequest>, Error>;
}
