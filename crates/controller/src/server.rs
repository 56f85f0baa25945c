//! One server: it keeps the Environments whose leases it holds, runs Builds, and cleans up.

use crate::{builds, deps::Deps, environment::Keeper, housekeeping, leases};
use domain::EnvironmentId;
use futures_util::FutureExt;
use ports::store::{self, Page};
use std::{collections::BTreeSet, panic::AssertUnwindSafe, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Between the panic of a loop, which is a defect, and its next beginning.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// A server that is running. Dropping it ends everything at once, as a crash would; what was under way is on record.
pub struct Server {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Server {
    /// Starts the loops.
    #[must_use]
    pub fn start(deps: Deps) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_environments(deps.clone(), stop.clone()));
        tasks.spawn(builds::run(deps.clone(), stop.clone()));
        tasks.spawn(housekeeping::run(deps, stop.clone()));
        Self { stop, tasks }
    }

    /// Finishes the steps under way, gives every lease back, and ends.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Keeps every Environment whose lease is free.
async fn keep_environments(deps: Deps, stop: CancellationToken) {
    let mut newest = deps.store.newest_event();
    let mut keepers: JoinSet<EnvironmentId> = JoinSet::new();
    let mut kept = BTreeSet::new();
    loop {
        newest.mark_unchanged();
        if let Err(error) = claim_environments(&deps, &stop, &mut keepers, &mut kept).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not look for environments"
            );
        }
        // Every branch may be dropped: each is only a reason to look again. A lease that runs out wakes nobody, so it
        // is looked for three times as often as it lasts.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(ended) = keepers.join_next() => {
                if let Ok(environment) = ended {
                    kept.remove(&environment);
                }
            }
            _ = newest.changed() => {}
            () = tokio::time::sleep(deps.settings.lease / 3) => {}
        }
    }
    while keepers.join_next().await.is_some() {}
}

async fn claim_environments(
    deps: &Deps,
    stop: &CancellationToken,
    keepers: &mut JoinSet<EnvironmentId>,
    kept: &mut BTreeSet<EnvironmentId>,
) -> Result<(), store::Error> {
    let environments = deps.store.list_environments(Page::ALL).await?;
    for environment in environments.items.iter().map(|environment| environment.id) {
        if kept.contains(&environment) {
            continue;
        }
        let Some(fence) = leases::claim(deps, &format!("environment/{environment}")).await? else {
            continue;
        };
        kept.insert(environment);
        let (deps, stop) = (deps.clone(), stop.clone());
        keepers.spawn(async move {
            let keeper = Keeper::new(deps.clone(), environment, fence.clone());
            let keeping = leases::while_held(&deps, &fence, keeper.run(stop));
            // Whatever a panic leaves behind goes with the keeper; the next one reads everything again.
            if AssertUnwindSafe(keeping).catch_unwind().await.is_err() {
                tracing::error!(%environment, "the loop of an environment broke off; it begins anew");
                tokio::time::sleep(AFTER_PANIC).await;
            }
            environment
        });
    }
    Ok(())
}
