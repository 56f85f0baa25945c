//! Runs: one-off containers, and commands inside instances.

mod begin;
mod inside;
mod stop;

pub use begin::{Own, Source, own};
pub use inside::{Inside, inside};
pub use stop::stop;

use super::{Ctx, Error, Kind, find, names::Names};
use crate::runs;
use domain::{
    Run, RunId,
    run::{Attendance, Place},
};
use ports::store::{
    Listed, Page,
    runs::{Ended, RunFilter},
};

/// A run with the names of its App and Environment.
#[derive(Debug, Clone)]
pub struct RunView {
    pub run: Run,
    pub app: String,
    pub environment: String,
}

/// One run.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<RunView, Error> {
    let run = load(ctx, which).await?;
    view(&mut Names::new(ctx), run).await
}

/// The last lines so far of a detached run that is under way. Empty where there are none, or its node does not answer.
pub async fn tail(ctx: &Ctx, view: &RunView) -> Vec<String> {
    let Run {
        attendance,
        end,
        node,
        place,
        id,
        ..
    } = &view.run;
    let tells = *attendance == Attendance::Detached && matches!(place, Place::Own(_));
    match ctx.deps.fleet.runtime(node) {
        Ok(runtime) if tells && end.is_none() => runs::tail(&*runtime, *id).await,
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// A page of runs, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    ended: Ended,
    page: Page,
) -> Result<Listed<RunView>, Error> {
    let filter = RunFilter {
        app: ctx.any_app(app).await?.map(|app| app.id),
        environment: ctx.any_environment(environment).await?.map(|e| e.id),
        ended,
    };
    let found = ctx.store().list_runs(&filter, page).await?;
    let mut names = Names::new(ctx);
    let (apps, environments) = (
        found.items.iter().map(|run| run.app),
        found.items.iter().map(|run| run.environment),
    );
    names.know(apps, environments).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for run in found.items {
        items.push(view(&mut names, run).await?);
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

async fn load(ctx: &Ctx, which: &str) -> Result<Run, Error> {
    let id: RunId = find::id("run", Kind::Run, which)?;
    let found = ctx.store().find_run(id).await?;
    found.ok_or_else(|| Error::unknown(Kind::Run, which))
}

async fn view(names: &mut Names<'_>, run: Run) -> Result<RunView, Error> {
    Ok(RunView {
        app: names.app(run.app).await?,
        environment: names.environment(run.environment).await?,
        run,
    })
}

/// A run as a client hears of it that has just started it.
///
/// # Errors
/// Those of the database.
pub async fn of_run(ctx: &Ctx, run: Run) -> Result<RunView, Error> {
    view(&mut Names::new(ctx), run).await
}
