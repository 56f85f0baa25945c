//! The Deploy that follows a change of a Worker.

use super::{WorkerView, define::Changed, workers_of};
use crate::usecases::{
    Ctx, Done, EnvironmentPlan, Error, Intended, Mode, Record,
    redeploy::{self, Affected},
};
use domain::{App, Cause, Environment, Scale, Worker, build::definitions, worker::WorkerSource};
use scheduler::input::{DesiredWorker, RestartOnly};

/// What becomes of a Worker that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Stays,
    Goes,
}

/// Deploys the App with the change, where it runs.
pub(super) async fn followed_by_deploy(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    (worker, standing, record): (Worker, Standing, Record),
    mode: Mode,
) -> Result<Done<Changed>, Error> {
    let affected = redeploy::affected(ctx, [app.clone()], environment).await?;
    let ctx = ctx.keyless();
    let changed = (worker, standing);
    let mut done = deployed(&ctx, (app, environment), changed, affected, mode).await?;
    done.plan.records.insert(0, record);
    Ok(done)
}

/// The App, where it runs without the definition that the API has given the Worker: whoever gave it was cut off before
/// the Deploy, or that has failed.
pub(super) async fn lacking(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    worker: &Worker,
) -> Result<Vec<Affected>, Error> {
    if worker.source != WorkerSource::Api {
        return Ok(Vec::new());
    }
    let mut affected = redeploy::affected(ctx, [app.clone()], environment).await?;
    affected.retain(|affected| {
        let mut releases = affected.releases.iter();
        releases.any(|release| release.worker(&worker.spec.name) != Some(&worker.spec))
    });
    Ok(affected)
}

/// Deploys what is affected by a Worker.
pub(super) async fn deployed(
    ctx: &Ctx,
    (app, environment): (&App, &Environment),
    (worker, standing): (Worker, Standing),
    affected: Vec<Affected>,
    mode: Mode,
) -> Result<Done<Changed>, Error> {
    let mut plan = Intended::default();
    plan.records.extend(affected.iter().map(Affected::record));
    let deploys = match mode {
        Mode::Preview => {
            let changed = (&worker, standing);
            plan.instances = preview(ctx, (app, environment), &affected, changed).await?;
            redeploy::planned(ctx, &affected, Cause::Worker)
        }
        Mode::Run => {
            let why = format!("worker {} changed", worker.spec.name);
            redeploy::run(ctx, &affected, Cause::Worker, &why).await?
        }
    };
    Ok(Done {
        value: Changed {
            worker: WorkerView {
                worker,
                app: app.name.to_string(),
                environment: environment.name.to_string(),
            },
            deploy: deploys.into_iter().next(),
        },
        plan,
    })
}

async fn preview(
    ctx: &Ctx,
    (app, environment): (&App, &Environment),
    affected: &[Affected],
    (worker, standing): (&Worker, Standing),
) -> Result<Vec<EnvironmentPlan>, Error> {
    if affected.is_empty() {
        return Ok(Vec::new());
    }
    if runs_already(ctx, (app, environment), affected, (worker, standing)).await? {
        let scale = match standing {
            Standing::Stays => worker.scale,
            Standing::Goes => Scale::default(),
        };
        let scales = [(worker.spec.name.clone(), scale)];
        let plan = super::rescale::preview(ctx, app, environment, &scales);
        return Ok(vec![plan.await?]);
    }
    let plan = ctx.preview(environment, |input| {
        redeploy::deploy_again(input, worker.app, Cause::Worker);
        let desired = input.apps.iter_mut().filter(|app| app.app == worker.app);
        for deploy in desired.filter_map(|app| app.deploy.as_mut()) {
            let of_others = |known: &DesiredWorker| known.spec.name != worker.spec.name;
            deploy.workers.retain(of_others);
            if standing == Standing::Stays {
                deploy.workers.push(DesiredWorker {
                    spec: worker.spec.clone(),
                    scale: worker.scale,
                    restart_before: None,
                    restart_only: RestartOnly::All,
                });
            }
            let by_name = |a: &DesiredWorker, b: &DesiredWorker| a.spec.name.cmp(&b.spec.name);
            deploy.workers.sort_by(by_name);
        }
    });
    Ok(vec![plan.await?])
}

/// Whether what runs, and what will, is the very Release that its Build makes with the change: nothing but a scale moves
/// then.
async fn runs_already(
    ctx: &Ctx,
    (app, environment): (&App, &Environment),
    affected: &[Affected],
    (worker, standing): (&Worker, Standing),
) -> Result<bool, Error> {
    let config = ctx.deps.newest_config(app, environment.id).await?;
    let mut stored = workers_of(ctx, app.id, environment.id).await?;
    stored.retain(|known| known.id != worker.id);
    if standing == Standing::Stays {
        stored.push(worker.clone());
    }
    for release in affected.iter().flat_map(|affected| &affected.releases) {
        let build = ctx.store().find_build(release.build).await?;
        let declared = build.map_or_else(Vec::new, |build| build.workers);
        if release.config != config || release.workers != definitions(&declared, &stored) {
            return Ok(false);
        }
    }
    Ok(true)
}
