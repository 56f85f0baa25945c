//! What is done now and then: disks are cleaned, and what is old is forgotten.

use crate::{deps::Deps, disk, stale};
use domain::{BuildState, EventId, RepoName, Timestamp};
use ports::store::{
    self, Page,
    builds::BuildFilter,
    entities::AppFilter,
    events::EventFilter,
    retention::{Keep, Old},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// By how much the clock may be ahead of the newest event, and by how much of history one clean-up is let forget at the
/// most: a clock that is years ahead costs a day of it, and ten minutes later another one.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long idempotency keys are kept.
const KEEP_REQUESTS: Duration = Duration::from_secs(24 * 3600);
/// How many records are taken away in one transaction: some milliseconds of the database's one writer.
const BATCH: u32 = 500;
/// Between two transactions, so that whoever waits to write is not kept waiting.
const PAUSE: Duration = Duration::from_millis(50);
/// How many transactions one kind of record gets in one clean-up: 50,000 records. The next goes on.
const BATCHES_MAX: u32 = 100;
/// The lease under which one server cleans for all.
const LEASE: &str = "housekeeping";

/// Cleans up every `collect_every`, until it is told to stop.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        // A clean-up that is dropped half way is done again: each removal stands for itself.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(deps.settings.collect_every) => {}
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = clean_up(&deps) => {}
        }
    }
}

async fn clean_up(deps: &Deps) {
    // Each server has copies of its own.
    forget_copies(deps).await;
    let fence = match crate::leases::claim(deps, LEASE).await {
        Ok(Some(fence)) => fence,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, "cannot clean up now"),
    };
    let cleaning = async {
        match stale::sweep(deps).await {
            0 => {}
            count => tracing::info!(count, "took out of the catalog what is not there"),
        }
        match disk::collect(deps, None, disk::Mode::Run).await {
            Ok(collected) if collected.is_empty() => {}
            Ok(collected) => tracing::info!(images = collected.len(), "removed what nothing needs"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "disks are not cleaned"
            ),
        }
        match disk::trim(deps).await {
            Ok(gone) if gone.as_bytes() == 0 => {}
            Ok(gone) => {
                tracing::info!(%gone, "took out of build caches what is beyond their limit")
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "build caches are not trimmed"
            ),
        }
        let history = match history(deps).await {
            Ok(history) => history,
            Err(error) => return tracing::warn!(%error, "what is old is not forgotten"),
        };
        for what in Old::ALL {
            match forget(deps, what, history).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(?what, count, "forgot what is old"),
                Err(error) => tracing::warn!(?what, %error, "what is old is not forgotten"),
            }
        }
    };
    crate::leases::while_held(deps, &fence, cleaning).await;
}

/// When the oldest and the newest event happened. None: there is none.
type History = Option<(Timestamp, Timestamp)>;

async fn history(deps: &Deps) -> Result<History, store::Error> {
    let all = EventFilter::default();
    let oldest = deps.store.events_after(EventId::new(0), &all, 1).await?;
    let newest = deps.store.latest_events(None, &all, 1).await?;
    let oldest = oldest.first().map(|event| event.at);
    Ok(oldest.zip(newest.first().map(|event| event.at)))
}

/// Before which time what is over is forgotten. The clock is not believed as far as that would forget more than is
/// likely to be old.
fn horizon(now: Timestamp, what: Old, keep: Duration, history: History) -> Timestamp {
    let Some((oldest, newest)) = history else {
        return now - keep;
    };
    let horizon = now.min(newest + DAY) - keep;
    match what {
        // They are kept for shorter than events are: the oldest of those says nothing of them.
        Old::Requests => horizon,
        Old::Events
        | Old::Jobs
        | Old::Callbacks
        | Old::Ends
        | Old::Intents
        | Old::Tokens
        | Old::Reconciles
        | Old::Deploys
        | Old::Releases
        | Old::BuildLines
        | Old::Builds
        | Old::ConfigVersions
        | Old::Runs
        | Old::Deliveries
        | Old::Audit => horizon.min(oldest + DAY),
    }
}

/// Forgets what is old of one kind, and says how much.
async fn forget(deps: &Deps, what: Old, history: History) -> Result<u32, store::Error> {
    let time = match what {
        Old::Requests => KEEP_REQUESTS,
        Old::Events
        | Old::Jobs
        | Old::Callbacks
        | Old::Ends
        | Old::Intents
        | Old::Tokens
        | Old::Reconciles
        | Old::Deploys
        | Old::Releases
        | Old::BuildLines
        | Old::Builds
        | Old::ConfigVersions
        | Old::Runs
        | Old::Deliveries => deps.settings.keep_history,
        Old::Audit => deps.settings.keep_audit,
    };
    let keep = Keep {
        since: horizon(deps.clock.now(), what, time, history),
        releases: deps.settings.retained_releases,
    };
    let mut count = 0;
    for _ in 0..BATCHES_MAX {
        let gone = deps.store.forget(what, keep, BATCH).await?;
        count += gone;
        if gone < BATCH {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(count)
}

/// Takes away the copies of repositories that no App names any more.
async fn forget_copies(deps: &Deps) {
    // The copies first: an App that is made from here on may bring its repository meanwhile.
    let copies = match deps.source.copies().await {
        Ok(copies) => copies,
        Err(error) => {
            return tracing::warn!(%error, "it is not known of which repositories there are copies");
        }
    };
    for repo in copies {
        match is_wanted(deps, &repo).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => return tracing::warn!(%error, "copies of repositories are not cleaned"),
        }
        match deps.source.forget(&repo).await {
            Ok(_) => tracing::info!(%repo, "removed the copy of a repository that no app names"),
            Err(error) => tracing::warn!(%error, "the copy of a repository stays"),
        }
    }
}

/// Whether an App names the repository, or a Build is under way whose App does not say any more which it was.
async fn is_wanted(deps: &Deps, repo: &RepoName) -> Result<bool, store::Error> {
    let of_repo = AppFilter {
        repo: Some(repo.clone()),
        ..AppFilter::default()
    };
    if !deps
        .store
        .list_apps(&of_repo, Page::ALL)
        .await?
        .items
        .is_empty()
    {
        return Ok(true);
    }
    let under_way = BuildFilter {
        state: Some(BuildState::InProgress),
        ..BuildFilter::default()
    };
    let builds = deps.store.list_builds(&under_way, Page::ALL).await?.items;
    for build in builds {
        if deps.store.find_app(&build.app.to_string()).await?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_is_not_believed() {
        let day = |number: i64| Timestamp::from_micros(number * 24 * 3600 * 1_000_000);
        let keep = 30 * DAY;
        for (why, now, history, want) in [
            ("as it should be", 100, Some((70, 100)), 70),
            ("a quiet day", 101, Some((71, 100)), 71),
            ("years ahead", 2_000, Some((70, 100)), 71),
            ("and that was told of already", 2_000, Some((70, 2_000)), 71),
            ("history is kept for shorter by now", 400, Some((0, 400)), 1),
            ("nothing ever happened", 100, None, 70),
            ("it is behind", 50, Some((70, 100)), 20),
        ] {
            let history = history.map(|(oldest, newest)| (day(oldest), day(newest)));
            let got = horizon(day(now), Old::Events, keep, history);
            assert_eq!(got, day(want), "{why}");
        }
        let keys = horizon(day(100), Old::Requests, DAY, Some((day(70), day(100))));
        assert_eq!(keys, day(99), "keys are younger than events");
    }
}
