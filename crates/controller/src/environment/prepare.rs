//! Brings one Deploy to the point where the planner takes over: a commit, an image, a Release.

use super::broken::words_of;
use crate::deps::Deps;
use domain::{
    App, Build, BuildState, Cause, Deploy, DeployEvent, DeployId, DeployState, GitRef, ImageRef,
    Release, Scale, build::Wanted, deploy::Failure,
};
use futures_util::FutureExt;
use ports::{
    source,
    store::{
        self, Change, Fence,
        builds::NewBuild,
        deploys::{DeployPatch, NewRelease},
        view::ActiveDeploy,
    },
};
use std::panic::AssertUnwindSafe;

/// How many last lines of a failed build a failure quotes.
const QUOTED: u32 = 30;
/// One Deploy on its way to `deploying`. Each step of it may be repeated.
pub(super) struct Preparation {
    pub(super) deps: Deps,
    pub(super) fence: Fence,
    pub(super) app: App,
    /// What runs.
    pub(super) deployed: Option<Release>,
    pub(super) active: ActiveDeploy,
    /// Whether a host that does not answer now has had its chances.
    pub(super) last_try: bool,
}

/// Why a preparation does not go on.
enum Stop {
    /// Worth another try.
    Again(String),
    /// It fails, with this reason and these last lines.
    GiveUp(String, Vec<String>),
    /// It is not ours any more, or somebody else moved it.
    Leave,
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        if matches!(
            error,
            store::Error::Stale { .. } | store::Error::Fenced { .. }
        ) {
            Self::Leave
        } else if error.is_transient() {
            Self::Again(error.to_string())
        } else {
            Self::GiveUp(error.to_string(), Vec::new())
        }
    }
}

impl From<source::Error> for Stop {
    fn from(error: source::Error) -> Self {
        if error.is_transient() {
            Self::Again(error.to_string())
        } else {
            Self::GiveUp(error.with_advice(), Vec::new())
        }
    }
}

impl Preparation {
    pub(super) fn deploy(&self) -> DeployId {
        self.active.deploy.id
    }

    /// Whether it is known which commit is meant, so that no host has to be asked.
    pub(super) fn is_at_hand(&self) -> bool {
        let ActiveDeploy {
            deploy,
            build,
            release,
        } = &self.active;
        let commit = deploy.git_ref.as_ref().and_then(GitRef::as_commit);
        let repeats = deploy.cause.is_for_a_change();
        build.is_some() || release.is_some() || commit.is_some() || repeats
    }

    /// Moves the Deploy as far as it goes now. Answers why it is to be tried again, if it is.
    #[tracing::instrument(name = "prepare", skip_all, fields(deploy = %self.active.deploy.id, app = %self.app.name))]
    pub(super) async fn run(&self) -> Option<String> {
        // A panic is a defect. Whatever it leaves behind goes with the preparation; the next try reads all again.
        let again = AssertUnwindSafe(self.run_once()).catch_unwind().await;
        again.unwrap_or_else(|panic| {
            let what = words_of(&*panic);
            tracing::error!(what, "preparing the deploy broke off");
            Some(format!("preparing it broke off: {what}"))
        })
    }

    async fn run_once(&self) -> Option<String> {
        let stopped = match self.go().await {
            Ok(()) | Err(Stop::Leave) => return None,
            Err(Stop::Again(why)) if !self.last_try => {
                self.tell(&why).await;
                return Some(why);
            }
            Err(Stop::Again(why)) => self.give_up(why, Vec::new()).await,
            Err(Stop::GiveUp(reason, log_tail)) => self.give_up(reason, log_tail).await,
        };
        stopped.err().and_then(|stop| match stop {
            Stop::Again(why) | Stop::GiveUp(why, _) => Some(why),
            Stop::Leave => None,
        })
    }

    async fn go(&self) -> Result<(), Stop> {
        let deploy = &self.active.deploy;
        let Some(build) = &self.active.build else {
            return match &self.active.release {
                Some(release) if self.deps.store.image_is_kept(&release.image).await? => {
                    self.again(release).await
                }
                Some(release) => self.request(GitRef::head(), release.commit.clone()).await,
                None => match deploy.cause {
                    Cause::Config | Cause::Worker => self.repeat().await,
                    Cause::Commit | Cause::Rollback | Cause::Push => {
                        let git_ref = deploy.git_ref.clone();
                        self.resolve_and_request(git_ref.unwrap_or_else(GitRef::head))
                            .await
                    }
                },
            };
        };
        self.go_on_with(build).await
    }

    /// Deploys what runs again, for a change that was made while others were under way: whatever became of them, what
    /// runs has the change afterwards. Where it has it already, nothing moves.
    async fn repeat(&self) -> Result<(), Stop> {
        let nothing = || {
            let problem = format!(
                "nothing of {} runs here that could be deployed again; its next deploy has the change",
                self.app.name
            );
            Stop::GiveUp(problem, Vec::new())
        };
        let release = self.deployed.as_ref().ok_or_else(nothing)?;
        let build = self.deps.store.find_build(release.build).await?;
        self.go_on_with(&build.ok_or_else(nothing)?).await
    }

    async fn go_on_with(&self, build: &Build) -> Result<(), Stop> {
        match (build.state, &build.image) {
            (BuildState::Completed, Some(image))
                if self.deps.store.image_is_kept(image).await? =>
            {
                self.begin(build, image.clone()).await
            }
            // Its image is past its retention: the same commit is built again.
            (BuildState::Completed, _) => {
                self.request(build.git_ref.clone(), build.commit.clone())
                    .await
            }
            (BuildState::InProgress, _) => self.wait_for(build).await,
            (BuildState::Failed | BuildState::Cancelled, _) => {
                let why = build
                    .reason
                    .clone()
                    .unwrap_or_else(|| build.state.to_string());
                let lines = self.deps.store.last_build_lines(build.id, QUOTED).await?;
                Err(Stop::GiveUp(
                    format!("{} of {}: {why}", build.id, build.commit.short()),
                    lines,
                ))
            }
        }
    }

    async fn resolve_and_request(&self, git_ref: GitRef) -> Result<(), Stop> {
        let commit = match git_ref.as_commit() {
            Some(commit) => commit,
            None => self.deps.source.resolve(&self.app.repo, &git_ref).await?,
        };
        self.request(git_ref, commit).await
    }

    /// Asks for a Build of the commit, and goes on at once when there is one that serves.
    async fn request(&self, git_ref: GitRef, commit: domain::CommitSha) -> Result<(), Stop> {
        let message = format!(
            "{} wants {} built at {}",
            self.active.deploy.id,
            self.app.name,
            commit.short()
        );
        let new = NewBuild {
            app: self.app.id,
            git_ref,
            commit,
            recipe: self.deps.settings.recipe_of(&self.app),
            wanted: Wanted::ByDeploys,
        };
        let build = self
            .deps
            .store
            .request_build(new, &self.change(message))
            .await?
            .into_build();
        match (build.state, build.image.clone()) {
            (BuildState::Completed, Some(image)) => self.begin(&build, image).await,
            _ => self.wait_for(&build).await,
        }
    }

    /// The Deploy waits for a Build from now on.
    async fn wait_for(&self, build: &Build) -> Result<(), Stop> {
        let deploy = &self.active.deploy;
        if deploy.state == DeployState::Building && deploy.build == Some(build.id) {
            return Ok(());
        }
        let patch = DeployPatch {
            build: Some(build.id),
            step: Some(crate::builds::step(build)),
            failure: None,
        };
        let message = format!("{} waits for {}", deploy.id, build.id);
        self.step(DeployEvent::BuildStarted, patch, message).await
    }

    /// Makes the Release, and hands the Deploy over to the planner.
    async fn begin(&self, build: &Build, image: ImageRef) -> Result<(), Stop> {
        let release = match &self.active.release {
            Some(release) => NewRelease::Again {
                release: release.id,
                image,
            },
            None => {
                self.expect_first_scales(build).await?;
                NewRelease::OfBuild {
                    build: build.id,
                    image,
                    workers: build.workers.clone(),
                }
            }
        };
        self.deploying(release, build.commit.short()).await
    }

    /// Refuses a scale of the commit's file that is above this server's limit, where it would count: a Worker that is
    /// known has its own.
    async fn expect_first_scales(&self, build: &Build) -> Result<(), Stop> {
        let Deploy {
            app, environment, ..
        } = self.active.deploy;
        for declared in &build.workers {
            let (asked, name) = (declared.first_scale.get(), &declared.spec.name);
            let Err(error) = Scale::new(asked.into(), self.deps.settings.scale_max) else {
                continue;
            };
            let known = self.deps.store.find_worker(app, environment, name);
            if known.await?.is_none() {
                let reason = format!(
                    "worker `{name}` of {}: {error}; say less in its jockey.toml",
                    build.commit.short()
                );
                return Err(Stop::GiveUp(reason, Vec::new()));
            }
        }
        Ok(())
    }

    async fn again(&self, release: &Release) -> Result<(), Stop> {
        let again = NewRelease::Again {
            release: release.id,
            image: release.image.clone(),
        };
        self.deploying(again, release.commit.short()).await
    }

    async fn deploying(&self, release: NewRelease, commit: &str) -> Result<(), Stop> {
        let deploy = &self.active.deploy;
        let image = release.image().clone();
        let change = self.change(format!(
            "{} starts {} at {commit}",
            deploy.id, self.app.name
        ));
        match self
            .deps
            .store
            .begin_deploying(deploy.id, deploy.state, release, &self.fence, &change)
            .await
        {
            Ok(_) => Ok(()),
            Err(error @ store::Error::ServiceNameTaken { .. }) => {
                Err(Stop::GiveUp(error.to_string(), Vec::new()))
            }
            // It was chosen, and removed before the Deploy was on record as needing it: the next try has it built.
            Err(store::Error::Stale { .. }) if !self.deps.store.image_is_kept(&image).await? => {
                Err(Stop::Again(format!(
                    "the image {} was just removed",
                    image.short()
                )))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says why it waits. That this cannot be told keeps nothing from being tried again.
    async fn tell(&self, why: &str) {
        let (store, id) = (&self.deps.store, self.active.deploy.id);
        let step = format!("{why}; trying again");
        if let Err(error) = store.set_deploy_step(id, &step, &self.fence).await {
            tracing::debug!(deploy = %id, %error, "its step is not on record");
        }
    }

    async fn give_up(&self, reason: String, log_tail: Vec<String>) -> Result<(), Stop> {
        let message = format!("{} failed: {reason}", self.active.deploy.id);
        let failure = Some(Failure {
            reason,
            instance: None,
            log_tail,
        });
        self.step(
            DeployEvent::GaveUp,
            DeployPatch {
                failure,
                ..DeployPatch::default()
            },
            message,
        )
        .await
    }

    async fn step(
        &self,
        event: DeployEvent,
        patch: DeployPatch,
        message: String,
    ) -> Result<(), Stop> {
        let Deploy { id, state, .. } = self.active.deploy;
        self.deps
            .store
            .move_deploy(
                id,
                state,
                event,
                patch,
                Some(&self.fence),
                &self.change(message),
            )
            .await?;
        Ok(())
    }

    fn change(&self, message: String) -> Change {
        Change {
            actor: self.active.deploy.created_by.clone(),
            at: self.deps.clock.now(),
            message,
            request: None,
            origin: ports::store::Origin::Server,
        }
    }
}
