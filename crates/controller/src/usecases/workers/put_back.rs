//! A change of a Worker whose Deploy does not get healthy is put back to what runs, so that the next Deploy, of whatever
//! cause, does not meet the same definition again.

use super::workers_of;
use crate::usecases::{
    Ctx, Error,
    redeploy::{self, Fault},
};
use domain::{
    App, Cause, Deploy, DeployId, Environment, Release, Worker, WorkerName,
    build::{DeclaredWorker, that_count},
};
use ports::store;

/// Puts back what a failed Deploy was for: each definition with which it failed, to the one that runs. Does nothing where
/// the Deploy was for no change, where no instance of a Worker that has changed was at fault, where the Worker does not run
/// yet, or where somebody has defined it since.
///
/// May be repeated: what was put back is not put back again, and an App on its way to the bad definition is deployed.
///
/// # Errors
/// Those of the database.
pub(crate) async fn put_back(ctx: &Ctx, deploy: DeployId) -> Result<(), Error> {
    let Some(fault) = redeploy::fault(ctx, deploy).await? else {
        return Ok(());
    };
    let Fault {
        deploy,
        app,
        environment,
        failed,
        runs,
    } = fault;
    let changed =
        |name: &WorkerName| runs.worker(name).is_some() && failed.worker(name) != runs.worker(name);
    let culprit = deploy.failure.as_ref().and_then(|it| it.instance.as_ref());
    // One whose definition runs already says nothing of those that have changed.
    if !culprit.is_some_and(|it| changed(&it.worker)) {
        return Ok(());
    }
    let mut good = Vec::new();
    for worker in workers_of(ctx, app.id, environment.id).await? {
        if !changed(&worker.spec.name) {
            continue;
        }
        if Some(&worker.spec) == failed.worker(&worker.spec.name) {
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
    let Some(good) = runs.worker(name) else {
        return Ok(());
    };
    let declared = declared_by(ctx, runs, name).await?;
    let declared = declared.filter(|declared| declared.spec == *good);
    let mut read_at = worker.updated_at;
    loop {
        let change = ctx.change(format!(
            "worker {name} of {} put back to that of {}: {} failed",
            app.name, runs.id, deploy.id
        ));
        let (store, id) = (ctx.store(), worker.id);
        let done = match &declared {
            Some(declared) => store.hand_back_worker(id, declared, read_at, &change).await,
            None => store.update_worker(id, good, read_at, &change).await,
        };
        match done {
            Ok(_) | Err(store::Error::NotFound { .. }) => return Ok(()),
            Err(store::Error::Stale { .. }) => match store.worker(id).await? {
                // Scaled or restarted meanwhile: its definition is the bad one still.
                Some(now) if now.spec == worker.spec && now.updated_at != read_at => {
                    read_at = now.updated_at;
                }
                Some(_) | None => return Ok(()),
            },
            Err(error) => return Err(error.into()),
        }
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

/// The Worker as the commit of a Release declares it, where that counts beside what else is stored.
async fn declared_by(
    ctx: &Ctx,
    release: &Release,
    name: &WorkerName,
) -> Result<Option<DeclaredWorker>, Error> {
    let mut others = workers_of(ctx, release.app, release.environment).await?;
    others.retain(|worker| worker.spec.name != *name);
    let build = ctx.store().find_build(release.build).await?;
    let declared = build.map_or_else(Vec::new, |build| build.workers);
    let found = that_count(&declared, &others).find(|it| it.spec.name == *name);
    Ok(found.cloned())
}
