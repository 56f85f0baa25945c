//! Deploys, and what is kept for them.

mod create;

use super::{
    Store,
    numbered::{Sorted, numbered},
    state::{About, State, falling, missing, page, stale},
};
use async_trait::async_trait;
use domain::{
    AppId, Deploy, DeployEvent, DeployId, DeployState, EnvironmentId, Release, ReleaseId,
    Timestamp, deploy::Failure,
};
use ports::store::{
    Change, Counted, Deploys, Error, Fence, Listed, Numbered, Page,
    deploys::{DeployChoice, DeployFilter, DeployPatch, KeptImage, NewDeploy, NewRelease},
};
use std::{collections::BTreeSet, time::Duration};

fn about(deploy: &Deploy) -> About {
    About::within(deploy.id, deploy.app, deploy.environment)
}

const fn kind(event: DeployEvent) -> &'static str {
    match event {
        DeployEvent::BuildStarted => "deploy.building",
        DeployEvent::ImageReady => "deploy.deploying",
        DeployEvent::AllHealthy => "deploy.deployed",
        DeployEvent::Superseded => "deploy.stopped",
        DeployEvent::GaveUp => "deploy.failed",
        DeployEvent::Cancelled => "deploy.cancelled",
    }
}

impl State {
    /// The Deploy that runs.
    pub(super) fn deployed(&self, app: AppId, environment: EnvironmentId) -> Option<&Deploy> {
        self.deploys.values().rev().find(|deploy| {
            deploy.app == app
                && deploy.environment == environment
                && deploy.state == DeployState::Deployed
        })
    }

    /// The Deploys that are not done, oldest first.
    pub(super) fn active(&self, app: AppId, environment: EnvironmentId) -> Vec<&Deploy> {
        let all = self.deploys.values();
        all.filter(|deploy| {
            deploy.app == app && deploy.environment == environment && deploy.state.is_active()
        })
        .collect()
    }

    /// Ends a Deploy where its state allows that, and says why.
    pub(super) fn end_deploy(
        &mut self,
        id: DeployId,
        event: DeployEvent,
        reason: &str,
        change: &Change,
    ) {
        let Some(deploy) = self.deploys.get_mut(&id) else {
            return;
        };
        let Ok(next) = deploy.state.after(event) else {
            return;
        };
        if deploy.state.is_active() {
            deploy.completed_at = Some(change.at);
            deploy.failure = Some(Failure {
                reason: reason.to_owned(),
                instance: None,
                log_tail: Vec::new(),
            });
        }
        deploy.state = next;
        deploy.updated_at = change.at;
        let about = about(deploy);
        let told = Change {
            message: reason.to_owned(),
            request: None,
            origin: ports::store::Origin::Server,
            ..change.clone()
        };
        self.tell(kind(event), about, &told);
    }

    /// The Deploy, where it is in this state and the event is one of that state.
    fn movable(
        &self,
        id: DeployId,
        from: DeployState,
        event: DeployEvent,
    ) -> Result<(&Deploy, DeployState), Error> {
        let deploy = self.deploys.get(&id).ok_or_else(|| missing("deploy", id))?;
        let next = from.after(event).map_err(|_| stale("deploy", id))?;
        if deploy.state == from {
            Ok((deploy, next))
        } else {
            Err(stale("deploy", id))
        }
    }

    pub(super) fn move_deploy(
        &mut self,
        id: DeployId,
        from: DeployState,
        event: DeployEvent,
        patch: DeployPatch,
        change: &Change,
    ) -> Result<Deploy, Error> {
        let (before, next) = self.movable(id, from, event)?;
        let mut deploy = before.clone();
        if event == DeployEvent::AllHealthy {
            let earlier = self
                .deployed(deploy.app, deploy.environment)
                .map(|other| other.id);
            if let Some(earlier) = earlier {
                let reason = format!("{id} took its place");
                self.end_deploy(earlier, DeployEvent::Superseded, &reason, change);
            }
            if let Some(row) = deploy.release.and_then(|id| self.releases.get_mut(&id)) {
                row.was_deployed = true;
            }
        }
        deploy.state = next;
        deploy.build = patch.build.or(deploy.build);
        deploy.step = patch.step.unwrap_or(deploy.step);
        deploy.failure = patch.failure.or(deploy.failure);
        deploy.updated_at = change.at;
        if next == DeployState::Deploying {
            deploy.started_at = Some(change.at);
        } else if !next.is_active() && next != DeployState::Stopped {
            deploy.completed_at = Some(change.at);
        }
        self.deploys.insert(id, deploy.clone());
        self.tell(kind(event), about(&deploy), change);
        Ok(deploy)
    }

    pub(super) fn begin_deploying(
        &mut self,
        id: DeployId,
        from: DeployState,
        new: NewRelease,
        change: &Change,
    ) -> Result<(Deploy, Release), Error> {
        let (deploy, _) = self.movable(id, from, DeployEvent::ImageReady)?;
        let deploy = deploy.clone();
        if !self.image_is_kept(new.image()) {
            return Err(stale("image", new.image().short()));
        }
        let release = self.make_release(&deploy, new, change)?;
        let build = DeployPatch {
            build: Some(release.build),
            ..DeployPatch::default()
        };
        self.move_deploy(id, from, DeployEvent::ImageReady, build, change)?;
        let stored = self
            .deploys
            .get_mut(&id)
            .ok_or_else(|| missing("deploy", id))?;
        stored.release = Some(release.id);
        Ok((stored.clone(), release))
    }
}

#[async_trait]
impl Deploys for Store {
    async fn create_deploy(&self, new: NewDeploy, change: &Change) -> Result<Deploy, Error> {
        self.write(|state| {
            state.admit(change)?;
            let made = state.create_deploy(new, change)?;
            self.note_callback(state, made.id, change.at);
            Ok(made)
        })
    }

    async fn find_deploy(&self, id: DeployId) -> Result<Option<Deploy>, Error> {
        Ok(self.read(|state| state.deploys.get(&id).cloned()))
    }

    async fn list_deploys(
        &self,
        filter: &DeployFilter,
        wanted: Page,
    ) -> Result<Listed<Deploy>, Error> {
        Ok(self.read(|state| {
            let chosen = state.deploys.values().rev().filter(|deploy| {
                filter.app.is_none_or(|app| deploy.app == app)
                    && filter
                        .environment
                        .is_none_or(|env| deploy.environment == env)
                    && filter.state.is_none_or(|state| deploy.state == state)
            });
            let numbered = chosen.map(|deploy| (deploy.id.number(), deploy.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn number_deploys(
        &self,
        choice: &DeployChoice,
        page: Numbered,
    ) -> Result<Counted<Deploy>, Error> {
        Ok(self.read(|state| {
            let chosen = state.deploys.values().filter(|deploy| {
                choice.app.is_none_or(|app| deploy.app == app)
                    && (choice.environment).is_none_or(|env| deploy.environment == env)
                    && (choice.states.is_empty() || choice.states.contains(&deploy.state))
            });
            let by = |deploy: &Deploy| Sorted::of_deploy(deploy, page.by);
            numbered(chosen.cloned().collect(), page, by, |deploy| {
                deploy.id.number()
            })
        }))
    }

    async fn active_deploys(
        &self,
        app: AppId,
        environment: EnvironmentId,
    ) -> Result<Vec<Deploy>, Error> {
        Ok(self.read(|state| {
            state
                .active(app, environment)
                .into_iter()
                .cloned()
                .collect()
        }))
    }

    async fn move_deploy(
        &self,
        id: DeployId,
        from: DeployState,
        event: DeployEvent,
        patch: DeployPatch,
        fence: Option<&Fence>,
        change: &Change,
    ) -> Result<Deploy, Error> {
        self.write(|state| {
            state.admit(change)?;
            fence.map_or(Ok(()), |fence| state.guard(fence))?;
            state.move_deploy(id, from, event, patch, change)
        })
    }

    async fn begin_deploying(
        &self,
        id: DeployId,
        from: DeployState,
        release: NewRelease,
        fence: &Fence,
        change: &Change,
    ) -> Result<(Deploy, Release), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.guard(fence)?;
            state.begin_deploying(id, from, release, change)
        })
    }

    async fn set_deploy_step(&self, id: DeployId, step: &str, fence: &Fence) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            if let Some(deploy) = state.deploys.get_mut(&id)
                && deploy.state.is_active()
            {
                step.clone_into(&mut deploy.step);
            }
            Ok(())
        })
    }

    async fn spend_patience(
        &self,
        id: DeployId,
        spent: Duration,
        fence: &Fence,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            if let Some(deploy) = state.deploys.get_mut(&id)
                && deploy.state == DeployState::Deploying
            {
                deploy.spent = deploy.spent.max(spent);
            }
            Ok(())
        })
    }

    async fn known_deploys(&self, ids: &BTreeSet<DeployId>) -> Result<BTreeSet<DeployId>, Error> {
        Ok(self.read(|state| {
            let known = ids.iter().filter(|id| state.deploys.contains_key(id));
            known.copied().collect()
        }))
    }

    async fn find_release(&self, id: ReleaseId) -> Result<Option<Release>, Error> {
        Ok(self.read(|state| state.releases.get(&id).map(|row| row.release.clone())))
    }

    async fn list_releases(
        &self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
        wanted: Page,
    ) -> Result<Listed<Release>, Error> {
        Ok(self.read(|state| {
            let releases = state.releases.values().rev().map(|row| &row.release);
            let chosen = releases.filter(|release| {
                app.is_none_or(|app| release.app == app)
                    && environment.is_none_or(|env| release.environment == env)
            });
            let numbered = chosen.map(|release| (release.id.number(), release.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn kept_images(&self, retained: u32, recent: Timestamp) -> Result<Vec<KeptImage>, Error> {
        Ok(self.read(|state| state.kept_images(retained, recent)))
    }
}
