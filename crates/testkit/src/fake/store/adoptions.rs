//! Deploys that were found running.

use super::{
    Store,
    builds::BuildRow,
    releases::ReleaseRow,
    state::{About, State},
};
use async_trait::async_trait;
use domain::{
    AppId, Build, BuildId, Cause, Deploy, DeployEvent, DeployId, DeployState, EnvironmentId,
    Release, ReleaseId, Scale,
    build::{BuildState, Wanted},
    deploy::DEFAULT_PATIENCE,
    worker::WorkerSource,
};
use ports::store::{Adoptions, Change, Error, adoptions::Adoption, workers::NewWorker};

impl State {
    fn adopt(&mut self, adoption: Adoption, change: &Change) -> Result<Deploy, Error> {
        if self.deploys.contains_key(&adoption.deploy) {
            return Err(Error::Exists {
                what: "a deploy",
                which: adoption.deploy.to_string(),
            });
        }
        let app = self.app(adoption.app)?.clone();
        let environment = self.environment(adoption.environment)?;
        let mut specs = adoption.workers.iter();
        specs.try_for_each(|spec| self.worker_fits(&app, &spec.name, environment))?;
        self.adopt_starts(&adoption)?;
        self.meet_found(&adoption, change);
        let build = self.adopted_build(&adoption, &app, change);
        let release = Release {
            id: ReleaseId::new(self.number("release")),
            app: adoption.app,
            environment: adoption.environment,
            build,
            commit: adoption.commit,
            image: adoption.image,
            config: adoption.config,
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
            spent: std::time::Duration::ZERO,
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

    /// Stores the Workers that are not known, at the scale that was found running.
    fn meet_found(&mut self, adoption: &Adoption, change: &Change) {
        let unasked = Change {
            request: None,
            ..change.clone()
        };
        for spec in &adoption.workers {
            let (app, environment) = (adoption.app, adoption.environment);
            if self.find_worker(app, environment, &spec.name).is_some() {
                continue;
            }
            let running = adoption
                .starts
                .iter()
                .filter(|s| s.worker == spec.name && adoption.running.contains(&s.instance));
            let count = i64::try_from(running.count()).unwrap_or(i64::MAX);
            let new = NewWorker {
                app,
                environment,
                spec: spec.clone(),
                scale: Scale::new(count, u16::MAX).unwrap_or_default(),
            };
            self.add_worker(new, WorkerSource::Image, &unasked);
        }
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
            strategy: None,
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

    async fn reserve_environments(&self, up_to: EnvironmentId) -> Result<(), Error> {
        self.write(|state| {
            state.reserve("environment", up_to.number());
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
