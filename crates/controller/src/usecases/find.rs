//! Finds what a request names, by name or id. A name wins over an id.

use super::{Ctx, Error, Kind};
use domain::{
    App, Build, BuildId, Deploy, DeployId, Environment, ReconcileId, Release, ReleaseId, Stack,
    Worker, ids::BadId, reconcile::Reconcile,
};
use ports::store::{Page, builds::BuildFilter, deploys::DeployFilter};
use std::{fmt, str::FromStr};

/// The newest record of a list that begins with it.
const NEWEST: Page = Page {
    size: 1,
    after: None,
};

impl Ctx {
    pub(super) async fn app(&self, which: &str) -> Result<App, Error> {
        required("app", Kind::App, which)?;
        let found = self.store().find_app(which).await?;
        found.ok_or_else(|| Error::unknown(Kind::App, which))
    }

    pub(super) async fn environment(&self, which: &str) -> Result<Environment, Error> {
        required("environment", Kind::Environment, which)?;
        let found = self.store().find_environment(which).await?;
        found.ok_or_else(|| Error::unknown(Kind::Environment, which))
    }

    pub(super) async fn stack(&self, which: &str) -> Result<Stack, Error> {
        required("stack", Kind::Stack, which)?;
        let found = self.store().find_stack(which).await?;
        found.ok_or_else(|| Error::unknown(Kind::Stack, which))
    }

    /// As `app`, and none for an empty text: of a filter.
    pub(super) async fn any_app(&self, which: &str) -> Result<Option<App>, Error> {
        match which {
            "" => Ok(None),
            which => self.app(which).await.map(Some),
        }
    }

    /// As `environment`, and none for an empty text: of a filter.
    pub(super) async fn any_environment(&self, which: &str) -> Result<Option<Environment>, Error> {
        match which {
            "" => Ok(None),
            which => self.environment(which).await.map(Some),
        }
    }

    /// As `stack`, and none for an empty text: of a filter.
    pub(super) async fn any_stack(&self, which: &str) -> Result<Option<Stack>, Error> {
        match which {
            "" => Ok(None),
            which => self.stack(which).await.map(Some),
        }
    }

    /// The Worker of an App in an Environment.
    pub(super) async fn worker_of(
        &self,
        app: &App,
        environment: &Environment,
        which: &str,
    ) -> Result<Worker, Error> {
        required("worker", Kind::Worker, which)?;
        let unknown = || Error::UnknownWorker {
            worker: which.to_owned(),
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        };
        if let Ok(name) = which.parse()
            && let Some(worker) = self
                .store()
                .find_worker(app.id, environment.id, &name)
                .await?
        {
            return Ok(worker);
        }
        let id = which.parse().map_err(|_| unknown())?;
        let worker = self.store().worker(id).await?;
        worker
            .filter(|worker| worker.app == app.id && worker.environment == environment.id)
            .ok_or_else(unknown)
    }

    pub(super) async fn deploy(&self, which: &str) -> Result<Deploy, Error> {
        let id: DeployId = id("deploy", Kind::Deploy, which)?;
        if let Some(found) = self.store().find_deploy(id).await? {
            return Ok(found);
        }
        let every = DeployFilter::default();
        let newest = self.store().list_deploys(&every, NEWEST);
        let newest = newest.await?.items.first().map(|deploy| deploy.id);
        Err(self.absent(Kind::Deploy, id, newest))
    }

    pub(super) async fn build(&self, which: &str) -> Result<Build, Error> {
        let id: BuildId = id("build", Kind::Build, which)?;
        if let Some(found) = self.store().find_build(id).await? {
            return Ok(found);
        }
        let every = BuildFilter::default();
        let newest = self.store().list_builds(&every, NEWEST);
        let newest = newest.await?.items.first().map(|build| build.id);
        Err(self.absent(Kind::Build, id, newest))
    }

    pub(super) async fn release(&self, which: &str) -> Result<Release, Error> {
        let id: ReleaseId = id("release", Kind::Release, which)?;
        if let Some(found) = self.store().find_release(id).await? {
            return Ok(found);
        }
        let newest = self.store().list_releases(None, None, NEWEST);
        let newest = newest.await?.items.first().map(|release| release.id);
        Err(self.absent(Kind::Release, id, newest))
    }

    pub(super) async fn reconcile(&self, which: &str) -> Result<Reconcile, Error> {
        let id: ReconcileId = id("reconcile", Kind::Reconcile, which)?;
        if let Some(found) = self.store().find_reconcile(id).await? {
            return Ok(found);
        }
        let newest = self.store().list_reconciles(None, None, NEWEST);
        let newest = newest.await?.items.first().map(|reconcile| reconcile.id);
        Err(self.absent(Kind::Reconcile, id, newest))
    }

    /// There is none of this id. Ids rise: where a later one is on record, this one was, and is forgotten.
    fn absent<T: Ord + fmt::Display>(&self, what: Kind, id: T, newest: Option<T>) -> Error {
        if newest.is_none_or(|newest| newest < id) {
            return Error::unknown(what, id);
        }
        Error::Forgotten {
            what,
            which: id.to_string(),
            kept: self.deps.settings.keep_history,
            releases: self.deps.settings.retained_releases,
        }
    }
}

/// An id that was given as text.
pub(super) fn id<T: FromStr<Err = BadId>>(
    field: &'static str,
    what: Kind,
    text: &str,
) -> Result<T, Error> {
    required(field, what, text)?;
    text.parse().map_err(|error| Error::invalid(field, error))
}

fn required(field: &'static str, what: Kind, text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::invalid(
            field,
            format!("which {what}? None is given"),
        ));
    }
    Ok(())
}
