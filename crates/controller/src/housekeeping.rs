//! What is done now and then: disks are cleaned, and what nobody asks for any more is forgotten.

use crate::{deps::Deps, disk};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long idempotency keys are kept.
const KEEP_REQUESTS: Duration = Duration::from_secs(24 * 3600);
/// How many events are taken away in one transaction.
const EVENTS: u32 = 1000;
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
    let now = deps.clock.now();
    let cleaning = async {
        match disk::collect(deps, None, disk::Mode::Run).await {
            Ok(collected) if collected.is_empty() => {}
            Ok(collected) => tracing::info!(images = collected.len(), "removed what nothing needs"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "disks are not cleaned"
            ),
        }
        if let Err(error) = deps.store.prune_requests(now - KEEP_REQUESTS).await {
            tracing::warn!(%error, "old idempotency keys are not forgotten");
        }
        if let Err(error) = deps
            .store
            .prune_events(now - deps.settings.keep_events, EVENTS)
            .await
        {
            tracing::warn!(%error, "old events are not forgotten");
        }
    };
    crate::leases::while_held(deps, &fence, cleaning).await;
}
