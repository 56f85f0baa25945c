//! Releases: what runs, fixed.

use crate::{
    AppId, BuildId, CommitSha, EnvironmentId, ImageRef, ReleaseId, Timestamp, WorkerName,
    WorkerSpec, config::ConfigVersions,
};

/// Immutable: image, config versions and Worker definitions of one App in one Environment. Scale is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub id: ReleaseId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub build: BuildId,
    pub commit: CommitSha,
    pub image: ImageRef,
    pub config: ConfigVersions,
    /// In order of name.
    pub workers: Vec<WorkerSpec>,
    pub created_at: Timestamp,
}

impl Release {
    /// Whether the instances of the one may serve as those of the other.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        (&self.image, &self.config, &self.workers) == (&other.image, &other.config, &other.workers)
    }

    /// The definition of one Worker.
    #[must_use]
    pub fn worker(&self, name: &WorkerName) -> Option<&WorkerSpec> {
        self.workers.iter().find(|spec| spec.name == *name)
    }
}
