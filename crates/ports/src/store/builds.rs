//! Builds and their logs.

use super::{Change, Counted, Error, Fence, Listed, Numbered, Page, deploys::KeptImage};
use async_trait::async_trait;
use domain::{
    AppId, Build, BuildEvent, BuildId, CommitSha, GitRef, ImageRef, Timestamp, app::Recipe,
    build::BuildState, build::DeclaredWorker, build::Strategy, build::Wanted,
};

/// A Build that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBuild {
    pub app: AppId,
    pub git_ref: GitRef,
    pub commit: CommitSha,
    pub recipe: Recipe,
    /// A shared Build that is asked for by itself is wanted by itself from then on.
    pub wanted: Wanted,
}

/// Whether a wanted Build was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// It was made for this request.
    Fresh(Build),
    /// Another one of the same App, commit and recipe is in progress, or completed with its image still kept.
    Shared(Build),
}

impl Requested {
    /// The Build, fresh or shared.
    #[must_use]
    pub const fn build(&self) -> &Build {
        match self {
            Self::Fresh(build) | Self::Shared(build) => build,
        }
    }

    /// The Build, fresh or shared.
    #[must_use]
    pub fn into_build(self) -> Build {
        match self {
            Self::Fresh(build) | Self::Shared(build) => build,
        }
    }
}

/// Which Builds are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildFilter {
    pub app: Option<AppId>,
    pub state: Option<BuildState>,
    pub commit: Option<CommitSha>,
}

/// Which Builds are counted into pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildChoice {
    pub app: Option<AppId>,
    /// In any of these states. Empty: in every state.
    pub states: Vec<BuildState>,
    pub commit: Option<CommitSha>,
}

/// How a Build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildOutcome {
    Completed {
        image: ImageRef,
        workers: Vec<DeclaredWorker>,
    },
    /// Why, for people.
    Failed {
        reason: String,
    },
    Cancelled {
        reason: String,
    },
}

impl BuildOutcome {
    /// What it is to the state machine.
    #[must_use]
    pub const fn event(&self) -> BuildEvent {
        match self {
            Self::Completed { .. } => BuildEvent::ImageReady,
            Self::Failed { .. } => BuildEvent::GaveUp,
            Self::Cancelled { .. } => BuildEvent::Cancelled,
        }
    }
}

/// A kept line of a Build's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildLine {
    /// Counts from 1; a cursor.
    pub number: i64,
    /// When it was written: later than every line before it. None: of a line kept by an earlier version.
    pub at: Option<Timestamp>,
    pub text: String,
}

/// Builds. Listed newest first.
#[async_trait]
pub trait Builds: Send + Sync {
    /// Asks for a Build, in one transaction with the look for one that serves as well.
    ///
    /// # Errors
    /// `NotFound` (the App).
    async fn request_build(&self, new: NewBuild, change: &Change) -> Result<Requested, Error>;

    /// The Build of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_build(&self, id: BuildId) -> Result<Option<Build>, Error>;

    /// A page of Builds.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_builds(&self, filter: &BuildFilter, page: Page) -> Result<Listed<Build>, Error>;

    /// A page of Builds by its number.
    ///
    /// # Errors
    /// None but those of the database.
    async fn number_builds(
        &self,
        choice: &BuildChoice,
        page: Numbered,
    ) -> Result<Counted<Build>, Error>;

    /// Ends a Build. Only from `in_progress`; with a fence, only while its lease is ours.
    ///
    /// # Errors
    /// `Stale` when it has ended, `Fenced`, `NotFound`.
    async fn finish_build(
        &self,
        id: BuildId,
        outcome: BuildOutcome,
        fence: Option<&Fence>,
        change: &Change,
    ) -> Result<Build, Error>;

    /// Notes how the image is made. No event.
    ///
    /// # Errors
    /// `Fenced`, `NotFound`.
    async fn note_strategy(
        &self,
        id: BuildId,
        strategy: &Strategy,
        fence: &Fence,
    ) -> Result<(), Error>;

    /// Keeps lines of output, in order, as written at this time, each a microsecond or more after the one before it. At
    /// most 100,000 a Build; later ones are dropped with a word.
    ///
    /// # Errors
    /// `Fenced`.
    async fn append_build_lines(
        &self,
        id: BuildId,
        lines: &[String],
        at: Timestamp,
        fence: &Fence,
    ) -> Result<(), Error>;

    /// Lines after a cursor, at most `limit`.
    ///
    /// # Errors
    /// None but those of the database.
    async fn build_lines(
        &self,
        id: BuildId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<BuildLine>, Error>;

    /// The last lines, oldest first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn last_build_lines(&self, id: BuildId, count: u32) -> Result<Vec<String>, Error>;

    /// How many active Deploys wait for a Build, or may come to: those of its App that have not asked for one yet. A
    /// Deploy asks for its Build first and says that it waits afterwards, and the Build must not be given up in between.
    ///
    /// # Errors
    /// None but those of the database.
    async fn waiting_for_build(&self, id: BuildId) -> Result<u32, Error>;

    /// Says to the Deploys that wait for a Build what it is doing. No event.
    ///
    /// # Errors
    /// `Fenced`.
    async fn set_build_step(&self, id: BuildId, step: &str, fence: &Fence) -> Result<(), Error>;

    /// Notes that an image is gone, whoever needs it: its Builds serve no request any more.
    ///
    /// # Errors
    /// None but those of the database.
    async fn forget_image(&self, image: &ImageRef, change: &Change) -> Result<(), Error>;

    /// Notes that images are about to be removed, but for those that anything needs by now that
    /// [`kept_images`](super::Deploys::kept_images) tells of. These are answered, with what needs them. That is looked at
    /// once, in the same transaction, so that a Deploy either needs an image before, or finds it gone.
    ///
    /// # Errors
    /// None but those of the database.
    async fn give_up_images(
        &self,
        images: &[ImageRef],
        retained: u32,
        recent: Timestamp,
        change: &Change,
    ) -> Result<Vec<KeptImage>, Error>;

    /// Whether the image of a Build is still kept.
    ///
    /// # Errors
    /// None but those of the database.
    async fn image_is_kept(&self, image: &ImageRef) -> Result<bool, Error>;
}
