//! Runs Builds: each under a lease of its own, on whichever server has room.

mod attempts;

pub(crate) use self::attempts::step;

use self::attempts::Attempts;
use crate::{deps::Deps, leases};
use domain::{Build, BuildId, BuildState, build::Wanted};
use futures_util::FutureExt;
use ports::{
    build_engine::Told,
    store::{
        self, Change, Fence, Page,
        builds::{BuildFilter, BuildOutcome},
    },
};
use std::{collections::BTreeSet, panic::AssertUnwindSafe, time::Duration};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How many lines of output may wait for the database before the build waits for them.
const LINES: usize = 1000;
/// Lines that come together are written together: one commit for what arrives within this time.
const BATCH: Duration = Duration::from_millis(100);
/// How often lines are tried to be kept while the database is away: for a minute and a half, where it refuses at once. The
/// build waits meanwhile.
const KEEP_TRIES: u32 = 45;
/// Between two tries of what is away for a moment.
const BEFORE_RETRY: Duration = Duration::from_secs(2);

/// Runs Builds until it is told to stop. What is not finished then stays in progress, for whoever comes next.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    let mut newest = deps.store.newest_event();
    let mut running = JoinSet::new();
    let mut here = BTreeSet::new();
    loop {
        newest.mark_unchanged();
        if let Err(error) = start(&deps, &stop, &mut running, &mut here).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not look for builds"
            );
        }
        // Every branch may be dropped: each is only a reason to look again.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(done) = running.join_next() => {
                if let Ok(id) = done {
                    here.remove(&id);
                }
            }
            _ = newest.changed() => {}
            () = tokio::time::sleep(leases::look_every(&deps.settings)) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

/// Claims Builds in progress that nobody runs, oldest first, while there is room.
async fn start(
    deps: &Deps,
    stop: &CancellationToken,
    running: &mut JoinSet<BuildId>,
    here: &mut BTreeSet<BuildId>,
) -> Result<(), store::Error> {
    let filter = BuildFilter {
        state: Some(BuildState::InProgress),
        ..BuildFilter::default()
    };
    let mut waiting = deps.store.list_builds(&filter, Page::ALL).await?.items;
    waiting.retain(|build| !here.contains(&build.id));
    if waiting.is_empty() {
        return Ok(());
    }
    // To look is cheaper than to claim, and is done at each event.
    let held = deps.store.list_leases().await?;
    let is_theirs = |name: &str| {
        let mut of_it = held.iter().filter(|lease| lease.name == name);
        of_it.any(|lease| lease.owner != deps.settings.server)
    };
    for build in waiting.into_iter().rev() {
        if here.len() >= deps.settings.builds {
            break;
        }
        let name = format!("build/{}", build.id);
        if is_theirs(&name) {
            continue;
        }
        let Some(fence) = leases::claim(deps, &name).await? else {
            continue;
        };
        here.insert(build.id);
        let (deps, stop) = (deps.clone(), stop.clone());
        running.spawn(async move {
            let building = build_one(&deps, &fence, &build, &stop);
            let building = leases::while_held(&deps, &fence, building);
            // A panic is a defect. Tried again it would come again, and keep its place for ever.
            if AssertUnwindSafe(building).catch_unwind().await.is_err() {
                let reason = "it broke off inside the server, whose log says more".to_owned();
                let outcome = BuildOutcome::Failed { reason };
                finish(&deps, &fence, &build, outcome, &stop).await;
            }
            build.id
        });
    }
    Ok(())
}

/// Builds until it is done, not wanted any more, too late, or the server stops. Dropping the engine's future cancels it.
#[tracing::instrument(name = "build", skip_all, fields(build = %build.id, commit = build.commit.short()))]
async fn build_one(deps: &Deps, fence: &Fence, build: &Build, stop: &CancellationToken) {
    let (told, heard) = mpsc::channel(LINES);
    let keeping = keep_what_is_told(deps, fence, build.id, heard, stop);
    let attempts = Attempts::of(deps, fence, build);
    let building = async {
        // The branches that end a build drop the engine's future, which is how it is cancelled.
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            why = unwanted(deps, build.id) => Some(why),
            () = tokio::time::sleep(deps.settings.build_deadline) => Some(BuildOutcome::Failed {
                reason: too_long(deps.settings.build_deadline, attempts.waits_for()),
            }),
            outcome = attempts.run(told) => Some(outcome),
        }
    };
    let began = tokio::time::Instant::now();
    let (outcome, ()) = tokio::join!(building, keeping);
    metrics::histogram!("jockey_build_seconds").record(began.elapsed().as_secs_f64());
    if let Some(outcome) = outcome {
        finish(deps, fence, build, outcome, stop).await;
    }
}

/// Why a build has failed at its deadline, and what it waited for then.
fn too_long(deadline: Duration, waits_for: Option<String>) -> String {
    let mut reason = match deadline.as_secs() {
        seconds if seconds % 60 == 0 => format!("it took longer than {} min", seconds / 60),
        seconds => format!("it took longer than {seconds} s"),
    };
    if let Some(what) = waits_for {
        reason.push_str(": ");
        reason.push_str(&what);
    }
    reason
}

/// Ends when the Build is not in progress any more, or when only Deploys wanted it and none has waited for it for the
/// time of a lease: a Deploy's server that asked for it, and has not yet said that its Deploy waits, says so by then or
/// has lost its lease.
async fn unwanted(deps: &Deps, id: BuildId) -> BuildOutcome {
    let mut newest = deps.store.newest_event();
    let mut nobody_until = None;
    loop {
        newest.mark_unchanged();
        let mut again = None;
        match deps.store.find_build(id).await {
            Ok(Some(build)) if build.state.is_final() => return cancelled("it was cancelled"),
            Ok(Some(build)) if build.wanted == Wanted::ByDeploys => {
                match deps.store.waiting_for_build(id).await {
                    Ok(0) => {
                        let now = tokio::time::Instant::now();
                        let until = *nobody_until.get_or_insert(now + deps.settings.lease);
                        if now >= until {
                            return cancelled("no deploy waits for it any more");
                        }
                    }
                    Ok(_) => nobody_until = None,
                    Err(error) => {
                        tracing::warn!(build = %id, %error, "could not look who waits for the build");
                        again = Some(tokio::time::Instant::now() + BEFORE_RETRY);
                    }
                }
            }
            Ok(Some(_)) => nobody_until = None,
            Ok(None) => return cancelled("it was deleted"),
            Err(error) => {
                tracing::warn!(build = %id, %error, "could not look whether the build is still wanted");
                again = Some(tokio::time::Instant::now() + BEFORE_RETRY);
            }
        }
        let patience = async {
            // What could not be read says nothing of how long nobody has waited.
            match again.or(nobody_until) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        // Both branches may be dropped: each is only a reason to look again. The sender lives as long as the store;
        // should it not, the deadline of the build ends this.
        tokio::select! {
            biased;
            changed = newest.changed() => if changed.is_err() {
                std::future::pending::<()>().await;
            },
            () = patience => {}
        }
    }
}

fn cancelled(reason: &str) -> BuildOutcome {
    BuildOutcome::Cancelled {
        reason: reason.to_owned(),
    }
}

/// Writes down what is told as it comes, lines that come together in one commit.
async fn keep_what_is_told(
    deps: &Deps,
    fence: &Fence,
    id: BuildId,
    mut told: mpsc::Receiver<Told>,
    stop: &CancellationToken,
) {
    let mut batch = Vec::new();
    while told.recv_many(&mut batch, LINES).await > 0 {
        let more = tokio::time::sleep(BATCH);
        tokio::pin!(more);
        // What was received stays in `batch` whichever branch ends.
        loop {
            tokio::select! {
                biased;
                () = &mut more => break,
                received = told.recv_many(&mut batch, LINES), if batch.len() < LINES => if received == 0 { break },
            }
        }
        keep(deps, fence, id, batch.drain(..), stop).await;
    }
}

async fn keep(
    deps: &Deps,
    fence: &Fence,
    id: BuildId,
    told: impl Iterator<Item = Told>,
    stop: &CancellationToken,
) {
    let mut lines = Vec::new();
    for told in told {
        match told {
            Told::Line(line) => lines.push(line),
            Told::Strategy(strategy) => {
                let noted = persist(KEEP_TRIES, stop, || {
                    deps.store.note_strategy(id, &strategy, fence)
                });
                if let Err(error) = noted.await {
                    tracing::warn!(build = %id, %error, "how the image is made is not kept");
                }
            }
        }
    }
    if lines.is_empty() {
        return;
    }
    let at = deps.clock.now();
    let kept = persist(KEEP_TRIES, stop, || {
        deps.store.append_build_lines(id, &lines, at, fence)
    });
    if let Err(error) = kept.await {
        tracing::warn!(build = %id, %error, "lines of the build are not kept");
    }
}

/// Asks the database again while it is only away for a moment: until it answers, `tries` are spent, or the server stops.
async fn persist<T, F>(
    tries: u32,
    stop: &CancellationToken,
    mut ask: impl FnMut() -> F,
) -> Result<T, store::Error>
where
    F: Future<Output = Result<T, store::Error>>,
{
    for _ in 1..tries {
        match ask().await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "what a build tells is not on record yet");
            }
            answer => return answer,
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep(BEFORE_RETRY) => {}
        }
    }
    ask().await
}

/// Records how it ended, and does not give up while the database is only away for a moment. A server that stops first
/// leaves the build in progress, for whoever comes next.
async fn finish(
    deps: &Deps,
    fence: &Fence,
    build: &Build,
    outcome: BuildOutcome,
    stop: &CancellationToken,
) {
    let message = match &outcome {
        BuildOutcome::Completed { image, .. } => {
            format!(
                "{} of {} is completed: {}",
                build.id,
                build.commit.short(),
                image.short()
            )
        }
        BuildOutcome::Failed { reason } => {
            format!("{} of {} failed: {reason}", build.id, build.commit.short())
        }
        BuildOutcome::Cancelled { reason } => {
            format!(
                "{} of {} was cancelled: {reason}",
                build.id,
                build.commit.short()
            )
        }
    };
    let change = Change {
        actor: "jockey".to_owned(),
        at: deps.clock.now(),
        message: message.clone(),
        request: None,
        origin: ports::store::Origin::Server,
    };
    let finished = persist(u32::MAX, stop, || {
        let outcome = outcome.clone();
        deps.store
            .finish_build(build.id, outcome, Some(fence), &change)
    });
    match finished.await {
        Ok(_) => {
            tracing::info!("{message}");
            metrics::counter!("jockey_builds_total", "outcome" => outcome.event().as_str())
                .increment(1);
        }
        // Cancelled meanwhile, or another server's by now, or the server stops.
        Err(error) => tracing::info!(%error, "the end of the build is not on record"),
    }
}

#[cfg(test)]
mod tests;
