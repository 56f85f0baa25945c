//! Deploys and Releases.

use super::{Change, Counted, Error, Fence, Listed, Numbered, Page};
use async_trait::async_trait;
use domain::{
    AppId, BuildId, Cause, Deploy, DeployEvent, DeployId, DeployState, EnvironmentId, GitRef,
    ImageRef, Release, ReleaseId, build::DeclaredWorker, deploy::Failure,
};
use std::{collections::BTreeSet, time::Duration};

/// A Deploy that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeploy {
    pub app: AppId,
    pub environment: EnvironmentId,
    pub cause: Cause,
    pub git_ref: Option<GitRef>,
    /// A Build that is known already. None, for a changed Config Set or Worker: that of what runs when its turn comes.
    pub build: Option<BuildId>,
    /// For a rollback: the Release to go back to.
    pub release: Option<ReleaseId>,
    pub patience: Duration,
    pub on_conflict: OnConflict,
}

/// What to do with another Deploy of the App in the Environment that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Wait for it.
    Queue,
    /// Cancel it, and those that wait for it.
    Supersede,
    /// Refuse the new one where somebody has asked for that one; wait for it where it is for a change.
    Refuse,
}

/// What changes with a transition of a Deploy. None: stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeployPatch {
    pub build: Option<BuildId>,
    pub step: Option<String>,
    pub failure: Option<Failure>,
}

/// What a Release is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewRelease {
    /// Of a Build: Workers are merged with those of the store, where those made through the API win. The versions of
    /// variables are the newest ones at that moment: what is written later finds the Release made, and none is lost
    /// in between.
    OfBuild {
        build: BuildId,
        image: ImageRef,
        workers: Vec<DeclaredWorker>,
    },
    /// An earlier one again, as it was (the image may have been built again). The Worker definitions and versions of
    /// variables are its own.
    Again { release: ReleaseId, image: ImageRef },
}

impl NewRelease {
    /// What its instances will run.
    #[must_use]
    pub const fn image(&self) -> &ImageRef {
        match self {
            Self::OfBuild { image, .. } | Self::Again { image, .. } => image,
        }
    }
}

/// Which Deploys are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeployFilter {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    pub state: Option<DeployState>,
}

/// Which Deploys are counted into pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeployChoice {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    /// In any of these states. Empty: in every state.
    pub states: Vec<DeployState>,
}

/// An image that must stay, and what needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptImage {
    pub image: ImageRef,
    /// `release rel-4 of sample in staging`, `deploy dep-9`.
    pub needed_by: String,
}

/// Deploys and Releases. Listed newest first.
#[async_trait]
pub trait Deploys: Send + Sync {
    /// Accepts a Deploy as `created`; with `Supersede`, cancels the active ones in the same transaction. Where one of those
    /// is for a change and something runs that may lack it, a Deploy of that change is accepted again behind the new one:
    /// it is not lost should the new one fail.
    ///
    /// # Errors
    /// `NotFound` for the App, the Environment, the Build or the Release; with `Refuse`, `DeploysUnderWay`.
    async fn create_deploy(&self, new: NewDeploy, change: &Change) -> Result<Deploy, Error>;

    /// The Deploy of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_deploy(&self, id: DeployId) -> Result<Option<Deploy>, Error>;

    /// A page of Deploys.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_deploys(
        &self,
        filter: &DeployFilter,
        page: Page,
    ) -> Result<Listed<Deploy>, Error>;

    /// A page of Deploys by its number.
    ///
    /// # Errors
    /// None but those of the database.
    async fn number_deploys(
        &self,
        choice: &DeployChoice,
        page: Numbered,
    ) -> Result<Counted<Deploy>, Error>;

    /// The Deploys of an App in an Environment that are not done, oldest first: the holder, then those that wait.
    ///
    /// # Errors
    /// None but those of the database.
    async fn active_deploys(
        &self,
        app: AppId,
        environment: EnvironmentId,
    ) -> Result<Vec<Deploy>, Error>;

    /// Moves a Deploy by an event, from the state it was read in; with a fence, only while its lease is ours.
    /// `AllHealthy` marks the one that was `deployed` before as `stopped`, in the same transaction.
    ///
    /// # Errors
    /// `Stale` when it is in another state by now, or the event is not one of that state; `Fenced`; `NotFound`.
    async fn move_deploy(
        &self,
        id: DeployId,
        from: DeployState,
        event: DeployEvent,
        patch: DeployPatch,
        fence: Option<&Fence>,
        change: &Change,
    ) -> Result<Deploy, Error>;

    /// Makes the Release of a Deploy and moves it to `deploying`: Workers met for the first time are stored with their
    /// first scale, those from files take the commit's definition. Where the Release would be equal to the one that
    /// is deployed now (image, config versions, Workers), that one is used again, so that nothing has to move.
    ///
    /// # Errors
    /// `Stale`, also when the image is not kept any more; `Fenced`, `NotFound`, `ServiceNameTaken`.
    async fn begin_deploying(
        &self,
        id: DeployId,
        from: DeployState,
        release: NewRelease,
        fence: &Fence,
        change: &Change,
    ) -> Result<(Deploy, Release), Error>;

    /// Says what a Deploy is doing. No event. Nothing happens when it is done, or says so already.
    ///
    /// # Errors
    /// `Fenced`.
    async fn set_deploy_step(&self, id: DeployId, step: &str, fence: &Fence) -> Result<(), Error>;

    /// Puts on record how much of the patience of a Deploy is spent. No event. Nothing happens when it is not
    /// `deploying`, or more is on record already.
    ///
    /// # Errors
    /// `Fenced`.
    async fn spend_patience(
        &self,
        id: DeployId,
        spent: Duration,
        fence: &Fence,
    ) -> Result<(), Error>;

    /// Which of these Deploys are in the database.
    ///
    /// # Errors
    /// None but those of the database.
    async fn known_deploys(&self, ids: &BTreeSet<DeployId>) -> Result<BTreeSet<DeployId>, Error>;

    /// The Release of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_release(&self, id: ReleaseId) -> Result<Option<Release>, Error>;

    /// A page of Releases of an App in an Environment, or of all.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_releases(
        &self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
        page: Page,
    ) -> Result<Listed<Release>, Error>;

    /// The images that must stay: of the newest `retained` Releases that were deployed of each App in each Environment,
    /// of Deploys that are deployed or active, of Builds completed after `recent`, and of standing intents.
    ///
    /// # Errors
    /// None but those of the database.
    async fn kept_images(
        &self,
        retained: u32,
        recent: domain::Timestamp,
    ) -> Result<Vec<KeptImage>, Error>;
}
