//! Finds what a request names, by name or id. A name wins over an id.

use super::{Ctx, Error, Kind};
use domain::{App, Build, Deploy, Environment, Release, Stack, Worker, ids::BadId};
use std::str::FromStr;

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
        let id = id("deploy", Kind::Deploy, which)?;
        let found = self.store().find_deploy(id).await?;
        found.ok_or_else(|| Error::unknown(Kind::Deploy, which))
    }

    pub(super) async fn build(&self, which: &str) -> Result<Build, Error> {
        let id = id("build", Kind::Build, which)?;
        let found = self.store().find_build(id).await?;
        found.ok_or_else(|| Error::unknown(Kind::Build, which))
    }

    pub(super) async fn release(&self, which: &str) -> Result<Release, Error> {
        let id = id("release", Kind::Release, which)?;
        let found = self.store().find_release(id).await?;
        found.ok_or_else(|| Error::unknown(Kind::Release, which))
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
