//! Runs: what people have started, and how it ended.

use super::{Change, Error, Listed, Page};
use async_trait::async_trait;
use domain::{
    AppId, CommitSha, EnvironmentId, NodeName, Run, RunId, Timestamp, WorkerName,
    run::{Attendance, Place, RunEnd},
};

/// A run to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    pub id: RunId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub worker: Option<WorkerName>,
    pub place: Place,
    pub node: NodeName,
    pub commit: Option<CommitSha>,
    /// As it goes on record: `domain::run::recorded`.
    pub command: Vec<String>,
    pub attendance: Attendance,
    pub until: Timestamp,
}

/// Which runs are listed; what is none is every one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    pub ended: Ended,
}

/// Whether runs that are over are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    Included,
    #[default]
    LeftOut,
}

/// Runs. Each begins and ends with an event, which says who runs what and how it ended. Listed the newest first.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Puts a run on record, before it is started.
    ///
    /// # Errors
    /// `TooManyRuns` when as many as `most` are under way in the Environment; `Exists` for its id.
    async fn begin_run(&self, new: NewRun, most: u32, change: &Change) -> Result<Run, Error>;

    /// Puts on record how a run ended. The first end stays: of one that is over nothing changes.
    ///
    /// # Errors
    /// `NotFound`.
    async fn end_run(&self, id: RunId, end: RunEnd, change: &Change) -> Result<Run, Error>;

    /// One run, by id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_run(&self, id: RunId) -> Result<Option<Run>, Error>;

    /// A page of runs, by their number.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_runs(&self, filter: &RunFilter, page: Page) -> Result<Listed<Run>, Error>;

    /// All that are under way.
    ///
    /// # Errors
    /// None but those of the database.
    async fn standing_runs(&self) -> Result<Vec<Run>, Error>;
}
