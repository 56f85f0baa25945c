//! Accepting a Deploy.

use super::{
    super::state::{State, missing},
    about,
};
use domain::{Deploy, DeployEvent, DeployId, DeployState, deploy::DEFAULT_PATIENCE};
use ports::store::{
    Change, Error,
    deploys::{NewDeploy, OnConflict},
};
use std::time::Duration;

impl State {
    pub(super) fn create_deploy(
        &mut self,
        new: NewDeploy,
        change: &Change,
    ) -> Result<Deploy, Error> {
        self.app(new.app)?;
        self.environment(new.environment)?;
        if let Some(build) = new.build.filter(|build| !self.builds.contains_key(build)) {
            return Err(missing("build", build));
        }
        if let Some(release) = new.release.filter(|id| !self.releases.contains_key(id)) {
            return Err(missing("release", release));
        }
        let active = self.active(new.app, new.environment);
        if new.on_conflict == OnConflict::Refuse {
            let asked_for = active.iter().filter(|it| !it.cause.is_for_a_change());
            let ids: Vec<DeployId> = asked_for.map(|deploy| deploy.id).collect();
            if !ids.is_empty() {
                return Err(Error::DeploysUnderWay(ids));
            }
        }
        let before: Vec<Deploy> = match new.on_conflict {
            OnConflict::Supersede => active.into_iter().cloned().collect(),
            OnConflict::Queue | OnConflict::Refuse => Vec::new(),
        };
        let deploy = self.add_deploy(new, change);
        for other in &before {
            let reason = format!("superseded by {}", deploy.id);
            self.end_deploy(other.id, DeployEvent::Cancelled, &reason, change);
        }
        self.tell("deploy.created", about(&deploy), change);
        self.follow_up(&before, &deploy, change);
        Ok(deploy)
    }

    /// Accepts the last of the changes whose Deploys have given way to this one again, behind it.
    fn follow_up(&mut self, cancelled: &[Deploy], first: &Deploy, change: &Change) {
        let Some(of) = cancelled.iter().rfind(|of| of.cause.is_for_a_change()) else {
            return;
        };
        let runs = self.deployed(of.app, of.environment).is_some();
        if first.cause.is_for_a_change() || !runs {
            return;
        }
        let again = NewDeploy {
            app: of.app,
            environment: of.environment,
            cause: of.cause,
            git_ref: None,
            build: None,
            release: None,
            patience: DEFAULT_PATIENCE,
            on_conflict: OnConflict::Queue,
        };
        let (first, of) = (first.id, of.id);
        let told = Change {
            message: format!("{first} took the place of {of}, which is for a change"),
            request: None,
            origin: ports::store::Origin::Server,
            ..change.clone()
        };
        let again = self.add_deploy(again, &told);
        self.tell("deploy.created", about(&again), &told);
    }

    fn add_deploy(&mut self, new: NewDeploy, change: &Change) -> Deploy {
        let deploy = Deploy {
            id: DeployId::new(self.number("deploy")),
            app: new.app,
            environment: new.environment,
            cause: new.cause,
            git_ref: new.git_ref,
            build: new.build,
            release: new.release,
            state: DeployState::Created,
            step: String::new(),
            patience: new.patience,
            spent: Duration::ZERO,
            failure: None,
            created_by: change.actor.clone(),
            created_at: change.at,
            started_at: None,
            updated_at: change.at,
            completed_at: None,
        };
        self.deploys.insert(deploy.id, deploy.clone());
        deploy
    }
}
