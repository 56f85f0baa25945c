//! Ends a run.

use super::{RunView, get, load, of_run, tail};
use crate::usecases::{Ctx, Done, Error, Mode, Record, Verb};
use domain::run::{Place, RunEnd, Signal, shown};
use ports::Runtime;
use std::time::Duration;

/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Ends a run, and takes its container away. Of one that is over nothing changes.
///
/// # Errors
/// `Unknown`, `Invalid`, `World` when its node does not answer.
pub async fn stop(ctx: &Ctx, which: &str, mode: Mode) -> Result<Done<RunView>, Error> {
    let view = get(ctx, which).await?;
    if view.run.end.is_some() {
        return Ok(Done::unchanged(view));
    }
    let why = "it is signalled to end, and killed if it does not";
    let record = Record::new(Verb::Cancel, format!("run {}", view.run.id), why)
        .within(&view.app, &view.environment);
    if mode == Mode::Preview {
        return Ok(Done::recorded(view, record));
    }
    let runtime = ctx
        .deps
        .fleet
        .runtime(&view.run.node)
        .map_err(crate::Error::from)?;
    let end = RunEnd {
        log_tail: tail(ctx, &view).await,
        at: ctx.deps.clock.now(),
        exit_code: None,
        what: format!("stopped by {}", ctx.actor),
    };
    let words = format!(
        "{} of {} in {}: {}",
        shown(&view.run.command),
        view.app,
        view.environment,
        end.what
    );
    // On record first: whoever attends it sees it end, and would say that it ended by itself.
    let run = ctx
        .store()
        .end_run(view.run.id, end, &ctx.change(words))
        .await?;
    end_it(&*runtime, &run).await.map_err(crate::Error::from)?;
    let run = load(ctx, which).await?;
    Ok(Done::recorded(of_run(ctx, run).await?, record))
}

async fn end_it(runtime: &dyn Runtime, run: &domain::Run) -> Result<(), ports::runtime::Error> {
    match &run.place {
        Place::Own(_) => runtime.end_run(run.id, GRACE).await.map(drop),
        Place::Inside(instance) => {
            let handle = instance.to_string();
            for signal in [Signal::HangUp, Signal::Terminate, Signal::Kill] {
                runtime.signal_exec(&handle, run.id, signal).await?;
            }
            Ok(())
        }
    }
}
