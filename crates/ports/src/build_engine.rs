//! Makes an image of a commit.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use domain::{
    AppName, BuildId, CommitSha, ImageRef, RepoName,
    app::Recipe,
    build::{DeclaredWorker, Strategy},
};
use tokio::sync::mpsc;

/// What a build can end with instead. No text holds a credential or a build secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", .0.with_advice())]
    Source(#[from] crate::source::Error),
    /// Neither a Dockerfile nor a builder image.
    #[error(
        "{repo} has no `{dockerfile}` at {commit}, and no builder image is configured; add a Dockerfile, or set a builder for the app"
    )]
    NoStrategy {
        repo: RepoName,
        dockerfile: String,
        commit: String,
    },
    /// The App names a Dockerfile that this commit does not have.
    #[error(
        "{repo} has no `{dockerfile}` at {commit}, which the app names as its Dockerfile; add the file, or change the app's Dockerfile"
    )]
    NoDockerfile {
        repo: RepoName,
        dockerfile: String,
        commit: String,
    },
    #[error(
        "the builder `{0}` is not the name of an image; change the app's builder, or the server's"
    )]
    BadBuilder(String),
    #[error("{path} is not right: {detail}")]
    Manifest { path: String, detail: String },
    #[error("the app wants the build secret `{0}`, which this server does not have")]
    SecretMissing(String),
    #[error("the build failed: {0}")]
    Failed(String),
    #[error(transparent)]
    Images(crate::images::Error),
}

impl Error {
    /// Whether the same build may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => error.is_transient(),
            Self::Images(error) => error.is_transient(),
            Self::NoStrategy { .. }
            | Self::NoDockerfile { .. }
            | Self::BadBuilder(_)
            | Self::Manifest { .. }
            | Self::SecretMissing(_)
            | Self::Failed(_) => false,
        }
    }

    /// Whether the Engine that builds cannot be reached: nothing can be built anywhere until it is back.
    #[must_use]
    pub const fn is_engine_away(&self) -> bool {
        matches!(self, Self::Images(crate::images::Error::Unreachable(_)))
    }
}

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOrder {
    pub build: BuildId,
    pub app_name: AppName,
    pub repo: RepoName,
    pub commit: CommitSha,
    pub recipe: Recipe,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    pub image: ImageRef,
    /// The Workers that the commit declares: by its `jockey.toml`, else its Procfile, else one `web`. In order of its file.
    pub workers: Vec<DeclaredWorker>,
}

/// What a build tells while it is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A line of its output, without the line end.
    Line(String),
    /// How the image is made. Once, as soon as it is chosen.
    Strategy(Strategy),
}

/// Makes an image of a commit: fetch, choose the strategy, build, push.
#[async_trait]
pub trait BuildEngine: Send + Sync {
    /// Builds. Lines of output, and how the image is made, go to `told` as they come. Dropping the future cancels the
    /// build.
    ///
    /// # Errors
    /// See `Error`.
    async fn build(&self, order: &BuildOrder, told: mpsc::Sender<Told>) -> Result<Built, Error>;
}
