//! Deploys that were found running.

use super::{
    Store,
    builds::BuildRow,
    releases::ReleaseRow,
    state::{About, State},
};
use async_trait::async_trait;
use domain::{
    AppId, Build, BuildId, Cause, Deploy, DeployEvent, DeployId, DeployState, Release, ReleaseId,
    build::{BuildState, Wanted},
    config::{ConfigScope, ConfigVersions},
    deploy::DEFAULT_PATIENCE,
};
use ports::store::{Adoptions, Change, Error, adoptions::Adoption};

impl State {
    fn adopt(&mut self, adoption: Adoption, change: &Change) -> Result<Deploy, Error> {
        if self.deploys.contains_key(&adoption.deploy) {
            return Err(Error::Exists {
                what: "a deploy",
                which: adoption.deploy.to_string(),
            });
        }
        let app = self.app(adoption.app)?.clone();
        self.environment(adoption.environment)?;
        self.adopt_starts(&adoption)?;
        let build = self.adopted_build(&adoption, &app, change);
        let newest = |scope| self.configs.newest_version(scope);
        let config = ConfigVersions {
            environment: newest(ConfigScope::Environment(adoption.environment)),
            stack: newest(ConfigScope::Stack(app.stack, adoption.environment)),
            app: newest(ConfigScope::App(adoption.app, adoption.environment)),
        };
        let release = Release {
            id: ReleaseId::new(self.number("release")),
            app: adoption.app,
            environment: adoption.environment,
            build,
            commit: adoption.commit,
            image: adoption.image,
            config,
            workers: adoption.workers,
            created_at: change.at,
        };
        if let Some(before) = self
            .deployed(adoption.app, adoption.environment)
            .map(|d| d.id)
        {
            let reason = format!("{} was adopted", adoption.deploy);
            self.end_deploy(before, DeployEvent::Superseded, &reason, change);
        }
        let deploy = Deploy {
            id: adoption.deploy,
            app: adoption.app,
            environment: adoption.environment,
            cause: Cause::Commit,
            git_ref: None,
            build: Some(build),
            release: Some(release.id),
            state: DeployState::Deployed,
            step: String::new(),
            patience: DEFAULT_PATIENCE,
            failure: None,
            created_by: change.actor.clone(),
            created_at: change.at,
            started_at: Some(change.at),
            updated_at: change.at,
            completed_at: Some(change.at),
        };
        let row = ReleaseRow {
            release,
            was_deployed: true,
        };
        self.releases.insert(row.release.id, row);
        self.deploys.insert(deploy.id, deploy.clone());
        self.reserve("deploy", deploy.id.number());
        let about = About::within(deploy.id, deploy.app, deploy.environment);
        self.tell("deploy.adopted", about, change);
        Ok(deploy)
    }

    fn adopted_build(
        &mut self,
        adoption: &Adoption,
        app: &domain::App,
        change: &Change,
    ) -> BuildId {
        let build = Build {
            id: BuildId::new(self.number("build")),
            app: adoption.app,
            git_ref: domain::GitRef::head(),
            commit: adoption.commit.clone(),
            recipe: app.recipe.clone(),
            wanted: Wanted::ByDeploys,
            state: BuildState::Completed,
            image: Some(adoption.image.clone()),
            workers: Vec::new(),
            reason: None,
            created_at: change.at,
            completed_at: Some(change.at),
        };
        let id = build.id;
        self.builds.insert(id, BuildRow::adopted(build));
        id
    }
}

#[async_trait]
impl Adoptions for Store {
    async fn reserve_deploys(&self, up_to: DeployId) -> Result<(), Error> {
        self.write(|state| {
            state.reserve("deploy", up_to.number());
            Ok(())
        })
    }

    async fn reserve_apps(&self, up_to: AppId) -> Result<(), Error> {
        self.write(|state| {
            state.reserve("app", up_to.number());
            Ok(())
        })
    }

    async fn adopt(&self, adoption: Adoption, change: &Change) -> Result<Deploy, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.adopt(adoption, change)
        })
    }
}
