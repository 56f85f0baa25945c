//! Makes, changes and deletes definitions through the API. Each change is a Deploy where the App runs.

use super::{
    Which, WorkerView, check, find_worker,
    follow::{Standing, deployed, followed_by_deploy, lacking},
    view,
};
use crate::usecases::{
    Ctx, Done, Error, Etag, Intended, Kind, Mode, Record, Verb, deploys::DeployView,
};
use domain::{App, Environment, Scale, Worker, WorkerId, WorkerSpec, worker::Order};
use ports::store::{self, workers::NewWorker};

/// A Worker that was made, changed or deleted, and the Deploy that follows, where one does.
#[derive(Debug, Clone)]
pub struct Changed {
    pub worker: WorkerView,
    pub deploy: Option<DeployView>,
}

/// What shall change: the definition, edited in place, and the scale; none: it stays.
pub struct Edit<F> {
    pub spec: F,
    pub scale: Option<i64>,
}

/// Defines a Worker of an App in an Environment.
///
/// # Errors
/// `Unknown`, `Invalid`, `Store(Exists | ServiceNameTaken)`.
pub async fn create(
    ctx: &Ctx,
    app: &str,
    environment: &str,
    (spec, scale): (WorkerSpec, Option<i64>),
    mode: Mode,
) -> Result<Done<Changed>, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let spec = normal(spec);
    check::definition(&spec)?;
    let scale = match scale {
        Some(asked) => check::scale(&spec, asked, ctx.deps.settings.scale_max)?,
        None => Scale::first_of(&spec.name),
    };
    check::service_name(&app, &environment, &spec.name)?;
    let title = format!("worker {}", spec.name);
    let why = format!("with a scale of {}", scale.get());
    let record = Record::new(Verb::Create, &title, why).within(&app.name, &environment.name);
    let change = ctx.change(format!(
        "created {title} of {} in {}",
        app.name, environment.name
    ));
    let new = NewWorker {
        app: app.id,
        environment: environment.id,
        spec,
        scale,
    };
    let store = ctx.store_for(mode);
    let mut worker = match store.create_worker(new.clone(), &change).await {
        Ok(worker) => worker,
        Err(error @ store::Error::Exists { .. }) => {
            let there = there_already(ctx, (&app, &environment), &new, mode).await?;
            return there.ok_or_else(|| error.into());
        }
        Err(error) => return Err(error.into()),
    };
    if mode == Mode::Preview {
        worker.id = WorkerId::new(0);
    }
    let changed = (worker, Standing::Stays, record);
    followed_by_deploy(ctx, &app, &environment, changed, mode).await
}

/// The very Worker that is asked for, where it was made before and what runs lacks it still: it is deployed.
async fn there_already(
    ctx: &Ctx,
    (app, environment): (&App, &Environment),
    new: &NewWorker,
    mode: Mode,
) -> Result<Option<Done<Changed>>, Error> {
    let found = ctx
        .store()
        .find_worker(app.id, environment.id, &new.spec.name)
        .await?;
    let Some(worker) = found.filter(|found| found.spec == new.spec && found.scale == new.scale)
    else {
        return Ok(None);
    };
    let affected = lacking(ctx, app, environment, &worker).await?;
    if affected.is_empty() {
        return Ok(None);
    }
    let changed = (worker, Standing::Stays);
    let done = deployed(ctx, (app, environment), changed, affected, mode);
    Ok(Some(done.await?))
}

/// A singleton always stops first.
fn normal(mut spec: WorkerSpec) -> WorkerSpec {
    if spec.singleton {
        spec.rollout.order = Order::StopFirst;
    }
    spec
}

/// Changes a definition, which is the API's from then on, or the scale, or both. Where nothing changes, the App is
/// deployed only where it runs without the definition. Another name is given by itself, and where nothing bears the one
/// that the Worker has.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `StaleEtag`, `Invalid`, `NameHeld`, `Store(Stale | Exists | ServiceNameTaken)`, and what
/// `edit` refuses.
pub async fn update<F>(
    ctx: &Ctx,
    which: &Which,
    edit: Edit<F>,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Changed>, Error>
where
    F: FnOnce(&mut WorkerSpec) + Send,
{
    let before = find_worker(ctx, which).await?;
    let name = &before.spec.name;
    Etag::changed_at(before.updated_at).check(expected, Kind::Worker, name)?;
    let mut spec = before.spec.clone();
    (edit.spec)(&mut spec);
    let spec = normal(spec);
    check::definition(&spec)?;
    let asked = edit.scale.unwrap_or_else(|| i64::from(before.scale.get()));
    let scale = check::scale(&spec, asked, ctx.deps.settings.scale_max)?;
    let renamed = spec.name != *name;
    if renamed {
        check::rename(ctx, &before, &spec.name, scale).await?;
    }
    let owner = view(ctx, before.clone()).await?;
    let record = |why: String| {
        Record::new(Verb::Update, format!("worker {name}"), why)
            .within(&owner.app, &owner.environment)
    };
    let mut plan = Intended::default();
    let mut worker = before.clone();
    let redefined = spec != before.spec;
    if redefined {
        plan.records.push(record(match renamed {
            true => format!("its name becomes {}", spec.name),
            false => "its definition changes".to_owned(),
        }));
    }
    // The definition comes last, with the Deploy behind it: whoever is cut off in between and asks for the same again
    // finds all of it there, or the definition still to be changed.
    if scale != before.scale {
        plan.records
            .push(record(format!("its scale becomes {asked}")));
        worker = rescaled(ctx, &before, scale, mode).await?;
    }
    if redefined {
        worker = defined(ctx, (&before, &worker), &spec, mode).await?;
    }
    finish(ctx, worker, (plan, redefined), mode).await
}

async fn rescaled(ctx: &Ctx, before: &Worker, scale: Scale, mode: Mode) -> Result<Worker, Error> {
    let change = ctx.change(format!(
        "scaled {} from {} to {}",
        before.spec.name,
        before.scale.get(),
        scale.get()
    ));
    let store = ctx.store_for(mode);
    let stored = store.rescale(&[(before.id, scale)], &change).await?;
    let worker = stored.into_iter().next();
    Ok(worker.unwrap_or_else(|| before.clone()))
}

/// Stores the definition of a Worker that may have been rescaled along with it: then that change bears the key of the
/// request, if there was one.
async fn defined(
    ctx: &Ctx,
    (before, worker): (&Worker, &Worker),
    spec: &WorkerSpec,
    mode: Mode,
) -> Result<Worker, Error> {
    if worker.spec != before.spec {
        return Err(store::Error::Stale {
            what: "worker",
            which: before.spec.name.to_string(),
        }
        .into());
    }
    let view = view(ctx, before.clone()).await?;
    let name = &before.spec.name;
    let message = match spec.name == *name {
        true => format!("changed worker {name} of {}", view.app),
        false => format!("renamed worker {name} of {} to {}", view.app, spec.name),
    };
    let change = if worker.scale == before.scale {
        ctx.change(message)
    } else {
        ctx.further(message)
    };
    let read_at = match mode {
        // The scale was only tried.
        Mode::Preview => before.updated_at,
        Mode::Run => worker.updated_at,
    };
    let store = ctx.store_for(mode);
    let stored = store.update_worker(before.id, spec, read_at, &change);
    let stored = stored.await;
    Ok(Worker {
        scale: worker.scale,
        ..stored.map_err(|error| Error::of_rename(error, Kind::Worker))?
    })
}

async fn finish(
    ctx: &Ctx,
    worker: Worker,
    (mut plan, redefined): (Intended, bool),
    mode: Mode,
) -> Result<Done<Changed>, Error> {
    let app = ctx.app(&worker.app.to_string()).await?;
    let environment = ctx.environment(&worker.environment.to_string()).await?;
    if redefined {
        let record = plan.records.remove(0);
        let rest = std::mem::take(&mut plan.records);
        let changed = (worker, Standing::Stays, record);
        let mut done = followed_by_deploy(ctx, &app, &environment, changed, mode).await?;
        done.plan.records.extend(rest);
        return Ok(done);
    }
    if plan.records.is_empty() {
        let affected = lacking(ctx, &app, &environment, &worker).await?;
        let changed = (worker, Standing::Stays);
        return deployed(ctx, (&app, &environment), changed, affected, mode).await;
    }
    if mode == Mode::Preview && !plan.records.is_empty() {
        let scales = [(worker.spec.name.clone(), worker.scale)];
        let preview = super::rescale::preview(ctx, &app, &environment, &scales);
        plan.instances = vec![preview.await?];
    }
    Ok(Done {
        value: Changed {
            worker: view(ctx, worker).await?,
            deploy: None,
        },
        plan,
    })
}

/// Deletes a Worker. Where it runs and its commit declares it, the commit's definition takes the place of the API's, like
/// any other change: the Worker stays, with its scale.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `StaleEtag`, `Store(Stale)`.
pub async fn delete(
    ctx: &Ctx,
    which: &Which,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Changed>, Error> {
    let mut worker = find_worker(ctx, which).await?;
    let name = worker.spec.name.clone();
    Etag::changed_at(worker.updated_at).check(expected, Kind::Worker, &name)?;
    let app = ctx.app(&worker.app.to_string()).await?;
    let environment = ctx.environment(&worker.environment.to_string()).await?;
    let declared = super::put_back::declared(ctx, &app, &environment, &name).await?;
    let place = format!("{name} of {} in {}", app.name, environment.name);
    let change = ctx.change(match &declared {
        Some(_) => format!("handed worker {place} back to its commit"),
        None => format!("deleted worker {place}"),
    });
    let store = ctx.store_for(mode);
    let (record, standing) = match declared {
        Some(declared) => {
            let handed = store.hand_back_worker(worker.id, &declared, worker.updated_at, &change);
            worker = handed.await?;
            let why = format!(
                "its commit declares it: that definition counts again, at the same scale; `jockey scale {name}=0` stops it"
            );
            let record = Record::new(Verb::Update, format!("worker {name}"), why);
            (record, Standing::Stays)
        }
        None => {
            store.delete_worker(worker.id, &change).await?;
            let why = "its instances are stopped";
            let record = Record::new(Verb::Delete, format!("worker {name}"), why);
            (record, Standing::Goes)
        }
    };
    let record = record.within(&app.name, &environment.name);
    let changed = (worker, standing, record);
    followed_by_deploy(ctx, &app, &environment, changed, mode).await
}
