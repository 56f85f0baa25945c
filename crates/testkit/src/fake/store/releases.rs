//! Releases.

use super::{
    state::{State, missing},
    workers::WorkerRow,
};
use domain::{
    Deploy, ImageRef, Release, ReleaseId, Scale, Worker, WorkerSpec,
    build::{self, DeclaredWorker},
    config::{ConfigScope, ConfigVersions},
    worker::WorkerSource,
};
use ports::store::{Change, Error, deploys::NewRelease, workers::NewWorker};

/// A Release, and whether it was ever deployed.
#[derive(Debug, Clone)]
pub(super) struct ReleaseRow {
    pub(super) release: Release,
    pub(super) was_deployed: bool,
}

impl State {
    /// Makes the Release of a Deploy, or finds the equal one that is deployed now.
    pub(super) fn make_release(
        &mut self,
        deploy: &Deploy,
        new: NewRelease,
        change: &Change,
    ) -> Result<Release, Error> {
        let release = match new {
            NewRelease::OfBuild {
                build,
                image,
                workers,
            } => {
                let row = self
                    .builds
                    .get(&build)
                    .ok_or_else(|| missing("build", build))?;
                let commit = row.build.commit.clone();
                self.declared_fit(deploy, &workers)?;
                let workers = self.merge(deploy, workers, change)?;
                Release {
                    id: ReleaseId::new(0),
                    app: deploy.app,
                    environment: deploy.environment,
                    build,
                    commit,
                    image,
                    config: self.newest_config(deploy)?,
                    workers,
                    created_at: change.at,
                }
            }
            NewRelease::Again { release, image } => self.again(deploy, release, image, change)?,
        };
        Ok(self
            .equal_deployed(&release)
            .unwrap_or_else(|| self.add_release(release)))
    }

    /// The newest versions of the layers of an App in an Environment.
    fn newest_config(&self, deploy: &Deploy) -> Result<ConfigVersions, Error> {
        let (stack, environment) = (self.app(deploy.app)?.stack, deploy.environment);
        let newest = |scope| self.configs.newest_version(scope);
        Ok(ConfigVersions {
            environment: newest(ConfigScope::Environment(environment)),
            stack: newest(ConfigScope::Stack(stack, environment)),
            app: newest(ConfigScope::App(deploy.app, environment)),
        })
    }

    fn add_release(&mut self, mut release: Release) -> Release {
        release.id = ReleaseId::new(self.number("release"));
        let row = ReleaseRow {
            release: release.clone(),
            was_deployed: false,
        };
        self.releases.insert(release.id, row);
        release
    }

    fn equal_deployed(&self, wanted: &Release) -> Option<Release> {
        let deployed = self.deployed(wanted.app, wanted.environment)?.release?;
        let there = &self.releases.get(&deployed)?.release;
        there.is_as(wanted).then(|| there.clone())
    }

    fn again(
        &mut self,
        deploy: &Deploy,
        release: ReleaseId,
        image: ImageRef,
        change: &Change,
    ) -> Result<Release, Error> {
        let found = self.releases.get(&release);
        let row = found.ok_or_else(|| missing("release", release))?;
        let again = Release {
            image,
            created_at: change.at,
            ..row.release.clone()
        };
        for spec in &again.workers {
            if self
                .find_worker(deploy.app, deploy.environment, &spec.name)
                .is_none()
            {
                let scale = Scale::first_of(&spec.name);
                self.meet(deploy, spec.clone(), scale, WorkerSource::Image, change);
            }
        }
        Ok(again)
    }

    fn declared_fit(&self, deploy: &Deploy, declared: &[DeclaredWorker]) -> Result<(), Error> {
        let environment = self.environment(deploy.environment)?;
        let app = self.app(deploy.app)?;
        let mut names = declared.iter().map(|worker| &worker.spec.name);
        names.try_for_each(|name| self.worker_fits(app, name, environment))
    }

    /// Lays what a commit declares over what is stored: the API's definitions win, and those that a file once declared
    /// and declares no more are left out.
    fn merge(
        &mut self,
        deploy: &Deploy,
        declared: Vec<DeclaredWorker>,
        change: &Change,
    ) -> Result<Vec<WorkerSpec>, Error> {
        let of_here = |row: &&WorkerRow| {
            (row.worker.app, row.worker.environment) == (deploy.app, deploy.environment)
        };
        let rows = self.workers.values().filter(of_here);
        let stored: Vec<Worker> = rows.map(|row| row.worker.clone()).collect();
        for worker in build::that_count(&declared, &stored) {
            let known = stored.iter().find(|it| it.spec.name == worker.spec.name);
            match known {
                None => self.meet(
                    deploy,
                    worker.spec.clone(),
                    worker.first_scale,
                    worker.source,
                    change,
                ),
                Some(known) if known.spec == worker.spec && known.source == worker.source => {}
                Some(known) => {
                    self.change_worker(known.id, "worker.updated", change, |row| {
                        row.worker.spec = worker.spec.clone();
                        row.worker.source = worker.source;
                    })?;
                }
            }
        }
        Ok(build::definitions(&declared, &stored))
    }

    fn meet(
        &mut self,
        deploy: &Deploy,
        spec: WorkerSpec,
        scale: Scale,
        source: WorkerSource,
        change: &Change,
    ) {
        let new = NewWorker {
            app: deploy.app,
            environment: deploy.environment,
            spec,
            scale,
        };
        let unasked = Change {
            request: None,
            origin: ports::store::Origin::Server,
            ..change.clone()
        };
        self.add_worker(new, source, &unasked);
    }
}
