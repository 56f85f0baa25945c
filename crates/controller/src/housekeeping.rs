//! What is done now and then: disks are cleaned, and what is old is forgotten.

use crate::{deps::Deps, disk};
use ports::store::{
    self,
    retention::{Keep, Old},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

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
    let fence = match crate::leases::claim(deps, LEASE).await {
        Ok(Some(fence)) => fence,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, "cannot clean up now"),
    };
    let cleaning = async {
        match disk::collect(deps, None, disk::Mode::Run).await {
            Ok(collected) if collected.is_empty() => {}
            Ok(collected) => tracing::info!(images = collected.len(), "removed what nothing needs"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "disks are not cleaned"
            ),
        }
        for what in Old::ALL {
            match forget(deps, what).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(?what, count, "forgot what is old"),
                Err(error) => tracing::warn!(?what, %error, "what is old is not forgotten"),
            }
        }
    };
    crate::leases::while_held(deps, &fence, cleaning).await;
}

/// Forgets what is old of one kind, and says how much.
async fn forget(deps: &Deps, what: Old) -> Result<u32, store::Error> {
    let time = match what {
        Old::Requests => KEEP_REQUESTS,
        Old::Events
        | Old::Ends
        | Old::Intents
        | Old::Tokens
        | Old::Reconciles
        | Old::Deploys
        | Old::Releases
        | Old::BuildLines
        | Old::Builds
        | Old::ConfigVersions => deps.settings.keep_history,
    };
    let keep = Keep {
        since: deps.clock.now() - time,
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
