//! A change of a Worker whose Deploy does not get healthy is put back to what runs, so that the next Deploy, of whatever
//! cause, does not meet the same definition again.

use crate::usecases::{Ctx, Error, redeploy};
use domain::{
    App, Cause, Deploy, DeployId, Environment, Release, Worker, WorkerName, build::DeclaredWorker,
    worker::WorkerSource,
};
use ports::store::{self, Page, workers::WorkerFilter};

/// Puts back what a failed Deploy was for: each definition of the API's with which it failed, to the one that runs. Does
/// nothing where the Deploy was for something else, where no instance of it was at fault, where the Worker does not run
/// yet, or where somebody has defined it since.
///
/// May be repeated: what was put back is not put back again, and an App on its way to the bad definition is deployed.
///
/// # Errors
/// Those of the database.
pub(crate) async fn put_back(ctx: &Ctx, deploy: DeployId) -> Result<(), Error> {
    let Some(deploy) = ctx.store().find_deploy(deploy).await? else {
        return Ok(());
    };
    if !redeploy::is_at_fault(&deploy, Cause::Worker) {
        return Ok(());
    }
    let app = ctx.app(&deploy.app.to_string()).await?;
    let environment = ctx.environment(&deploy.environment.to_string()).await?;
    let runs = redeploy::deployed(ctx, &app, &environment).await?;
    let runs = redeploy::release_of(ctx, runs.as_ref()).await?;
    let failed = redeploy::release_of(ctx, Some(&deploy)).await?;
    let (Some(runs), Some(failed)) = (runs, failed) else {
        return Ok(());
    };
    let filter = WorkerFilter {
        app: Some(app.id),
        environment: Some(environment.id),
        name: None,
    };
    let mut good = Vec::new();
    for worker in ctx.store().list_workers(&filter, Page::ALL).await?.items {
        let name = &worker.spec.name;
        if failed.worker(name) == runs.worker(name) {
            continue;
        }
        if Some(&worker.spec) == failed.worker(name) {
            put_worker_back(ctx, &app, &worker, (&deploy, &runs)).await?;
        }
        good.push(worker.spec.name);
    }
    let bad = |release: &Release| {
        good.iter()
            .any(|it| release.worker(it) == failed.worker(it))
    };
    let mut lacking = redeploy::affected(ctx, [app], &environment).await?;
    lacking.retain(|affected| affected.releases.last().is_some_and(&bad));
    let why = format!("put back: {} failed", deploy.id);
    redeploy::run(ctx, &lacking, Cause::Worker, &why).await?;
    Ok(())
}

async fn put_worker_back(
    ctx: &Ctx,
    app: &App,
    worker: &Worker,
    (deploy, runs): (&Deploy, &Release),
) -> Result<(), Error> {
    let name = &worker.spec.name;
    let Some(good) = runs
        .worker(name)
        .filter(|_| worker.source == WorkerSource::Api)
    else {
        return Ok(());
    };
    let change = ctx.change(format!(
        "worker {name} of {} put back to that of {}: {} failed",
        app.name, runs.id, deploy.id
    ));
    let declared = declared_by(ctx, runs, name).await?;
    let (store, read_at) = (ctx.store(), worker.updated_at);
    let done = match declared.filter(|declared| declared.spec == *good) {
        Some(declared) => {
            let handed = store.hand_back_worker(worker.id, &declared, read_at, &change);
            handed.await
        }
        None => store.update_worker(worker.id, good, read_at, &change).await,
    };
    match done {
        // Somebody has defined it meanwhile.
        Ok(_) | Err(store::Error::Stale { .. } | store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The Worker as the commit that runs declares it, where one runs and does.
pub(super) async fn declared(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    name: &WorkerName,
) -> Result<Option<DeclaredWorker>, Error> {
    let runs = redeploy::deployed(ctx, app, environment).await?;
    match redeploy::release_of(ctx, runs.as_ref()).await? {
        Some(runs) => declared_by(ctx, &runs, name).await,
        None => Ok(None),
    }
}

async fn declared_by(
    ctx: &Ctx,
    release: &Release,
    name: &WorkerName,
) -> Result<Option<DeclaredWorker>, Error> {
    let build = ctx.store().find_build(release.build).await?;
    let declared = build.into_iter().flat_map(|build| build.workers);
    Ok(declared.into_iter().find(|it| it.spec.name == *name))
}
