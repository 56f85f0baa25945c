//! Workers: definitions for the next Release, and scales, which live here alone.

use super::{Change, Error, Fence, Listed, Page};
use async_trait::async_trait;
use domain::{
    AppId, EnvironmentId, Scale, Timestamp, Worker, WorkerId, WorkerName, WorkerSpec,
    build::DeclaredWorker,
};

/// A Worker to make through the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorker {
    pub app: AppId,
    pub environment: EnvironmentId,
    pub spec: WorkerSpec,
    pub scale: Scale,
}

/// Which Workers are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerFilter {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    pub name: Option<WorkerName>,
}

/// A restart that was asked for: instances started before it are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    pub before: Timestamp,
    pub only: scheduler::input::RestartOnly,
}

/// Workers. Listed in ascending order of id.
#[async_trait]
pub trait Workers: Send + Sync {
    /// Makes a Worker, with `WorkerSource::Api`.
    ///
    /// # Errors
    /// `Exists`, `ServiceNameTaken`.
    async fn create_worker(&self, new: NewWorker, change: &Change) -> Result<Worker, Error>;

    /// The Worker of this name of an App in an Environment.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_worker(
        &self,
        app: AppId,
        environment: EnvironmentId,
        name: &WorkerName,
    ) -> Result<Option<Worker>, Error>;

    /// The Worker of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn worker(&self, id: WorkerId) -> Result<Option<Worker>, Error>;

    /// A page of Workers.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_workers(
        &self,
        filter: &WorkerFilter,
        page: Page,
    ) -> Result<Listed<Worker>, Error>;

    /// Stores a definition, which is the API's from now on, when the Worker is still as it was at `read_at`. Its name
    /// does not change while an instance of it may stand, or while a Deploy of its App in its Environment is under way.
    ///
    /// # Errors
    /// `Stale`, `NotFound`; for another name `Exists`, `InUse`, `ServiceNameTaken`.
    async fn update_worker(
        &self,
        id: WorkerId,
        spec: &WorkerSpec,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Worker, Error>;

    /// Gives a Worker's definition back to the commit that declares it, when the Worker is still as it was at `read_at`.
    /// It keeps its id and its scale.
    ///
    /// # Errors
    /// `Stale`, `NotFound`.
    async fn hand_back_worker(
        &self,
        id: WorkerId,
        declared: &DeclaredWorker,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Worker, Error>;

    /// Sets scales, all or none. Events only for those that change.
    ///
    /// # Errors
    /// `NotFound`.
    async fn rescale(
        &self,
        scales: &[(WorkerId, Scale)],
        change: &Change,
    ) -> Result<Vec<Worker>, Error>;

    /// Asks for a restart of Workers: instances started before `restart.before` are replaced.
    ///
    /// # Errors
    /// `NotFound`.
    async fn restart_workers(
        &self,
        workers: &[WorkerId],
        restart: Restart,
        change: &Change,
    ) -> Result<(), Error>;

    /// Forgets a restart that was carried out. No event. Nothing happens when another one was asked for since, or the
    /// Worker is gone.
    ///
    /// # Errors
    /// `Fenced`.
    async fn forget_restart(
        &self,
        id: WorkerId,
        before: Timestamp,
        fence: &Fence,
    ) -> Result<(), Error>;

    /// Deletes a Worker. Its instances go at once, for nothing is wanted of it; the next Release is without it unless
    /// the commit declares it (`hand_back_worker` keeps one that it does).
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_worker(&self, id: WorkerId, change: &Change) -> Result<(), Error>;
}
