//! Workers: definitions for the next Release, scales, and restarts.

pub(super) mod check;
mod define;
mod follow;
mod put_back;
mod rescale;
mod restart;

pub use define::{Changed, Edit, create, delete, update};
pub(crate) use put_back::put_back;
pub use rescale::rescale;
pub use restart::restart;

use super::{Ctx, Error, Kind, find, names::Names};
use domain::{AppId, EnvironmentId, Worker};
use ports::store::{Listed, Page, workers::WorkerFilter};

/// A Worker with the names of its App and Environment.
#[derive(Debug, Clone)]
pub struct WorkerView {
    pub worker: Worker,
    pub app: String,
    pub environment: String,
}

/// Which Worker is meant: by id, or by name with App and Environment.
#[derive(Debug, Clone)]
pub struct Which {
    pub worker: String,
    pub app: String,
    pub environment: String,
}

/// One Worker.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &Which) -> Result<WorkerView, Error> {
    let worker = find_worker(ctx, which).await?;
    view(ctx, worker).await
}

/// A page of Workers, in order of id; of one App or Environment where they are given.
///
/// # Errors
/// `Unknown`.
pub async fn list(
    ctx: &Ctx,
    app: &str,
    environment: &str,
    page: Page,
) -> Result<Listed<WorkerView>, Error> {
    let filter = WorkerFilter {
        app: ctx.any_app(app).await?.map(|app| app.id),
        environment: ctx.any_environment(environment).await?.map(|e| e.id),
        name: None,
    };
    let found = ctx.store().list_workers(&filter, page).await?;
    let mut names = Names::new(ctx);
    let (apps, environments) = (
        found.items.iter().map(|worker| worker.app),
        found.items.iter().map(|worker| worker.environment),
    );
    names.know(apps, environments).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for worker in found.items {
        items.push(WorkerView {
            app: names.app(worker.app).await?,
            environment: names.environment(worker.environment).await?,
            worker,
        });
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

async fn find_worker(ctx: &Ctx, which: &Which) -> Result<Worker, Error> {
    if !which.app.is_empty() || !which.environment.is_empty() {
        let app = ctx.app(&which.app).await?;
        let environment = ctx.environment(&which.environment).await?;
        return ctx.worker_of(&app, &environment, &which.worker).await;
    }
    let is_name = which.worker.parse::<domain::WorkerName>().is_ok();
    if is_name && which.worker.parse::<domain::WorkerId>().is_err() {
        let problem = format!(
            "a worker's name is one of an app in an environment; give both, or the id of `{}`",
            which.worker
        );
        return Err(Error::invalid("app", problem));
    }
    let id = find::id("worker", Kind::Worker, &which.worker)?;
    let found = ctx.store().worker(id).await?;
    found.ok_or_else(|| Error::unknown(Kind::Worker, &which.worker))
}

async fn view(ctx: &Ctx, worker: Worker) -> Result<WorkerView, Error> {
    let mut names = Names::new(ctx);
    Ok(WorkerView {
        app: names.app(worker.app).await?,
        environment: names.environment(worker.environment).await?,
        worker,
    })
}

/// Those of an App in an Environment.
pub(super) async fn workers_of(
    ctx: &Ctx,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Vec<Worker>, Error> {
    let filter = WorkerFilter {
        app: Some(app),
        environment: Some(environment),
        name: None,
    };
    Ok(ctx.store().list_workers(&filter, Page::ALL).await?.items)
}
