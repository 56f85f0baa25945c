//! Workers by numbers and lists, and what follows when their scale changes.

use super::Embedded;
use crate::usecases::{
    Ctx, Error, Kind, Mode, reconciles,
    workers::{self, Edit, Which},
};
use domain::{App, Environment, Worker, WorkerId, WorkerName, WorkerSpec};
use ports::store::{Listed, Page, reconciles::OnConflict, workers::WorkerFilter};
use scheduler::input::RestartOnly;

/// A page of Workers, in order of id. What is empty is every one.
///
/// # Errors
/// `Unknown` (App, Environment).
pub async fn list(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    worker: &str,
    page: Page,
) -> Result<Listed<Worker>, Error> {
    let app = ctx.any_app(app).await?.map(|app| app.id);
    let environment = ctx.any_environment(environment).await?.map(|e| e.id);
    let name = match (worker, worker.parse()) {
        ("", _) => None,
        (_, Ok(name)) => Some(name),
        // Nobody has such a name.
        (_, Err(_)) => {
            return Ok(Listed {
                items: Vec::new(),
                next: None,
            });
        }
    };
    let filter = WorkerFilter {
        app,
        environment,
        name,
    };
    Ok(ctx.store().list_workers(&filter, page).await?)
}

/// Workers with the App and the Environment of each. What was deleted has none any more, and is left out.
///
/// # Errors
/// Those of the database.
pub async fn placed(
    ctx: &Ctx,
    workers: Vec<Worker>,
) -> Result<Vec<(Worker, App, Environment)>, Error> {
    let mut embedded = Embedded::new(ctx);
    let mut placed = Vec::with_capacity(workers.len());
    for worker in workers {
        let app = embedded.app(worker.app).await?;
        let environment = embedded.environment(worker.environment).await?;
        placed.extend(
            app.zip(environment)
                .map(|(app, environment)| (worker, app, environment)),
        );
    }
    Ok(placed)
}

/// The Worker of this id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, id: WorkerId) -> Result<Worker, Error> {
    let found = ctx.store().worker(id).await?;
    found.ok_or_else(|| Error::unknown(Kind::Worker, id.number()))
}

/// The Worker of this name of an App in an Environment.
///
/// # Errors
/// `Unknown`, `UnknownWorker`.
pub async fn named(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    name: &str,
) -> Result<Worker, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    ctx.worker_of(&app, &environment, name).await
}

/// Gives a Worker another name, another scale, or both. These are two changes; a scale that is refused is seen before the
/// first of them.
///
/// # Errors
/// `Invalid`, `NameHeld`, `Store(Exists | ServiceNameTaken | Stale)`.
pub async fn update(
    ctx: &Ctx,
    before: Worker,
    name: Option<WorkerName>,
    scale: Option<i64>,
) -> Result<Worker, Error> {
    if let Some(asked) = scale {
        workers::check::scale(&before.spec, asked, ctx.deps.settings.scale_max)?;
    }
    let mut after = before;
    if let Some(name) = name.filter(|name| *name != after.spec.name) {
        after = rename(ctx, &after, name).await?;
    }
    if let Some(scale) = scale {
        after = rescale(ctx, &after, scale).await?;
    }
    Ok(after)
}

/// Gives a Worker another name, where nothing bears the one that it has.
async fn rename(ctx: &Ctx, before: &Worker, name: WorkerName) -> Result<Worker, Error> {
    let edit = Edit {
        spec: |spec: &mut WorkerSpec| spec.name = name,
        scale: None,
    };
    let done = workers::update(ctx, &which(before), edit, None, Mode::Run).await?;
    Ok(done.value.worker.worker)
}

fn which(worker: &Worker) -> Which {
    Which {
        worker: worker.id.to_string(),
        app: String::new(),
        environment: String::new(),
    }
}

/// Sets a Worker's scale, and starts a Reconcile of its App in its Environment where that changes something.
///
/// # Errors
/// `Invalid`, `Store(Stale)`.
pub async fn rescale(ctx: &Ctx, before: &Worker, scale: i64) -> Result<Worker, Error> {
    if scale == i64::from(before.scale.get()) {
        return Ok(before.clone());
    }
    let edit = Edit {
        spec: |_: &mut WorkerSpec| {},
        scale: Some(scale),
    };
    let done = workers::update(ctx, &which(before), edit, None, Mode::Run).await?;
    let after = done.value.worker.worker;
    if after.scale != before.scale {
        reconcile(ctx, before).await?;
    }
    Ok(after)
}

/// The scale is set: a world that cannot be seen now is no reason to say otherwise, and its loop will look again.
async fn reconcile(ctx: &Ctx, worker: &Worker) -> Result<(), Error> {
    let app = ctx.app(&worker.app.to_string()).await?;
    let environment = ctx.environment(&worker.environment.to_string()).await?;
    let planned = match reconciles::plan(ctx, &environment, Some(&app)).await {
        Ok(planned) => planned,
        Err(Error::World(error)) => {
            tracing::info!(%error, "the plan of a new scale is not known yet");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let of = (environment, Some(app));
    reconciles::run(ctx, of, planned, OnConflict::Ignore, Mode::Run).await?;
    Ok(())
}

/// Replaces instances, and answers with every Worker that was meant, also where it has none.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, also where the App has no Worker there; `World`.
pub async fn restart(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    worker: &str,
    only: RestartOnly,
) -> Result<Vec<Worker>, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let meant = match worker {
        "" => of(ctx, &app, &environment).await?,
        name => vec![ctx.worker_of(&app, &environment, name).await?],
    };
    if meant.is_empty() {
        return Err(Error::UnknownWorker {
            worker: worker.to_owned(),
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        });
    }
    let (app, environment) = (app.id.to_string(), environment.id.to_string());
    match workers::restart(ctx, &app, &environment, (worker, only), Mode::Run).await {
        // Nothing runs, so that nothing has to be replaced.
        Ok(_) | Err(Error::NothingDeployed { .. }) => Ok(meant),
        Err(error) => Err(error),
    }
}

async fn of(ctx: &Ctx, app: &App, environment: &Environment) -> Result<Vec<Worker>, Error> {
    let filter = WorkerFilter {
        app: Some(app.id),
        environment: Some(environment.id),
        name: None,
    };
    let store = ctx.store();
    crate::usecases::all(|page| store.list_workers(&filter, page)).await
}
