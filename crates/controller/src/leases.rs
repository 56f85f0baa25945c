//! Holds a lease for as long as some work takes, and ends the work when the lease is lost.

use crate::deps::{Deps, Settings};
use ports::store::{self, Fence, leases::Claim};
use std::time::Duration;

/// How often whoever would take a lease looks whether it is free: one that runs out wakes nobody. What a dead server did
/// is another's after this time and that of a lease, which leaves a slow database 3 s of the 15 s that are promised.
pub(crate) fn look_every(settings: &Settings) -> Duration {
    settings.lease / 5
}

/// Takes a lease if it is free. None: it is another server's.
pub(crate) async fn claim(deps: &Deps, name: &str) -> Result<Option<Fence>, store::Error> {
    match deps
        .store
        .claim(name, &deps.settings.server, deps.settings.lease)
        .await?
    {
        Claim::Ours(fence) => Ok(Some(fence)),
        Claim::Theirs { .. } => Ok(None),
    }
}

/// Does the work while the lease is renewed beside it, and gives the lease back. When the lease is lost the work is
/// dropped: every write of it would be refused.
///
/// None: the lease was lost.
pub(crate) async fn while_held<T>(
    deps: &Deps,
    fence: &Fence,
    work: impl Future<Output = T>,
) -> Option<T> {
    // `work` may be dropped when the lease is lost; the renewal has no state worth keeping.
    let done = tokio::select! {
        biased;
        done = work => Some(done),
        () = renew_until_lost(deps, fence) => None,
    };
    if done.is_some()
        && let Err(error) = deps.store.release(fence).await
    {
        tracing::warn!(lease = fence.lease, %error, "the lease is left to run out");
    }
    done
}

/// Ends when the lease is another server's. A database that does not answer does not end it: when it answers again it
/// says who holds the lease, and refuses what was written late.
async fn renew_until_lost(deps: &Deps, fence: &Fence) {
    loop {
        tokio::time::sleep(deps.settings.lease / 3).await;
        match deps.store.renew(fence, deps.settings.lease).await {
            Ok(()) => {}
            Err(store::Error::Fenced { .. }) => {
                tracing::warn!(
                    lease = fence.lease,
                    "another server has taken the lease over"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(lease = fence.lease, %error, "the lease could not be renewed")
            }
        }
    }
}
