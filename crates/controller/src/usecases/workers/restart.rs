//! Replaces instances by new ones of the same Deploy.

use super::WorkerView;
use crate::usecases::{Ctx, Done, Error, Intended, Mode, Record, Verb, redeploy};
use domain::{App, Environment, Timestamp, Worker, WorkerName};
use ports::store::{
    Page,
    workers::{Restart, WorkerFilter},
};
use scheduler::input::RestartOnly;
use std::collections::BTreeSet;

/// Asks for the instances of one Worker, or of all of an App in an Environment, to be replaced. Answers with the Workers
/// whose instances are; of a restart of some, those that have such.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `NothingDeployed`; `World` where it has to be seen which are unhealthy.
pub async fn restart(
    ctx: &Ctx,
    app: &str,
    environment: &str,
    (worker, only): (&str, RestartOnly),
    mode: Mode,
) -> Result<Done<Vec<WorkerView>>, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let mut workers = workers(ctx, &app, &environment, worker).await?;
    if redeploy::deployed(ctx, &app, &environment).await?.is_none() {
        return Err(Error::NothingDeployed {
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        });
    }
    if only != RestartOnly::All {
        let concerned = concerned(ctx, &app, &environment, only).await?;
        workers.retain(|worker| concerned.contains(&worker.spec.name));
        if workers.is_empty() {
            return Ok(Done::unchanged(Vec::new()));
        }
    }
    let before = ctx.deps.clock.now();
    let why = match only {
        RestartOnly::All => "its instances are replaced",
        RestartOnly::Unhealthy => "its instances that are not healthy are replaced",
        RestartOnly::Healthy => "its instances that are healthy are replaced",
    };
    let mut plan = Intended::default();
    for worker in &workers {
        let subject = format!("worker {}", worker.spec.name);
        let record = Record::new(Verb::Update, subject, why);
        plan.records
            .push(record.within(&app.name, &environment.name));
    }
    if mode == Mode::Preview {
        let preview = preview(ctx, &environment, &workers, (before, only));
        plan.instances = vec![preview.await?];
    }
    let names: Vec<_> = workers.iter().map(|w| w.spec.name.as_str()).collect();
    let change = ctx.change(format!(
        "restarted {} of {} in {}",
        names.join(", "),
        app.name,
        environment.name
    ));
    let ids: Vec<_> = workers.iter().map(|worker| worker.id).collect();
    let restart = Restart { before, only };
    ctx.store_for(mode)
        .restart_workers(&ids, restart, &change)
        .await?;
    let value = workers
        .into_iter()
        .map(|worker| WorkerView {
            worker,
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        })
        .collect();
    Ok(Done { value, plan })
}

/// The one that is named, else all that have instances.
async fn workers(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    which: &str,
) -> Result<Vec<Worker>, Error> {
    if !which.is_empty() {
        return Ok(vec![ctx.worker_of(app, environment, which).await?]);
    }
    let filter = WorkerFilter {
        app: Some(app.id),
        environment: Some(environment.id),
        name: None,
    };
    let mut workers = ctx.store().list_workers(&filter, Page::ALL).await?.items;
    workers.retain(|worker| worker.scale.get() > 0);
    Ok(workers)
}

/// The Workers that have an instance that such a restart is about now.
async fn concerned(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    only: RestartOnly,
) -> Result<BTreeSet<WorkerName>, Error> {
    let seen =
        crate::instances(&ctx.deps, environment.id, Some(app.id), crate::Look::Afresh).await?;
    let chosen = seen.into_iter().filter(|seen| match only {
        RestartOnly::All => true,
        RestartOnly::Unhealthy => seen.health.is_unhealthy(),
        RestartOnly::Healthy => seen.health.is_healthy(),
    });
    Ok(chosen.map(|seen| seen.seen.worker).collect())
}

async fn preview(
    ctx: &Ctx,
    environment: &Environment,
    workers: &[Worker],
    (before, only): (Timestamp, RestartOnly),
) -> Result<crate::usecases::EnvironmentPlan, Error> {
    ctx.preview(environment, |input| {
        for worker in workers {
            let desired = input.apps.iter_mut().filter(|app| app.app == worker.app);
            for deploy in desired.filter_map(|app| app.deploy.as_mut()) {
                for known in &mut deploy.workers {
                    if known.spec.name == worker.spec.name {
                        known.restart_before = Some(before);
                        known.restart_only = only;
                    }
                }
            }
        }
    })
    .await
}
