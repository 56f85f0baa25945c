//! Which Environments a server keeps: those whose lease is free, as long as it keeps no more than its share.
//!
//! A server that has more lets go of them, one at a time, when nothing is deployed there. **Invariant:** a share is never
//! a reason to leave an Environment alone: what nobody takes for as long as a lease lasts is taken by whoever looks.

use super::{
    AFTER_PANIC,
    seat::{self, Seat},
};
use crate::{deps::Deps, environment::Keeper, leases};
use domain::{DeployState, EnvironmentId};
use futures_util::FutureExt;
use ports::store::{
    self, Fence, Page,
    deploys::DeployFilter,
    leases::{Lease, of_environment},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// In which states a Deploy is under way.
const UNDER_WAY: [DeployState; 3] = [
    DeployState::Created,
    DeployState::Building,
    DeployState::Deploying,
];

/// What this server keeps.
#[derive(Default)]
struct Kept {
    keepers: JoinSet<EnvironmentId>,
    /// By what each is told to let go.
    stops: BTreeMap<EnvironmentId, CancellationToken>,
    /// Since when Environments that nobody keeps are seen to be free.
    free: BTreeMap<EnvironmentId, Instant>,
    /// Since when it keeps more than its share.
    over: Option<Instant>,
    seat: Seat,
}

/// Keeps Environments until it is told to stop.
pub(super) async fn keep(deps: Deps, stop: CancellationToken) {
    let mut newest = deps.store.newest_event();
    let mut kept = Kept::default();
    loop {
        newest.mark_unchanged();
        if let Err(error) = kept.look(&deps, &stop).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not look for environments"
            );
        }
        // Every branch may be dropped: each is only a reason to look again.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(ended) = kept.keepers.join_next() => {
                if let Ok(environment) = ended {
                    kept.stops.remove(&environment);
                }
            }
            _ = newest.changed() => {}
            () = tokio::time::sleep(leases::look_every(&deps.settings)) => {}
        }
    }
    // First, so that the others take what is let go for theirs.
    kept.seat.leave(&deps).await;
    while kept.keepers.join_next().await.is_some() {}
}

impl Kept {
    /// Takes what is free, and lets go of what is too much.
    async fn look(&mut self, deps: &Deps, stop: &CancellationToken) -> Result<(), store::Error> {
        let environments = deps.store.list_environments("", Page::ALL).await?;
        let all: Vec<EnvironmentId> = environments.items.iter().map(|it| it.id).collect();
        // To look is cheaper than to claim, and is done at each event.
        let held = deps.store.list_leases().await?;
        self.seat.keep(deps, &held).await?;
        let servers = seat::servers(&held, &deps.settings.server);
        let share = all.len().div_ceil(servers);
        self.claim(deps, stop, &all, &held, share).await?;
        self.let_go(deps, share).await
    }

    /// Claims what nobody keeps, up to its share, and what nobody has claimed for long. What is our own and not kept is
    /// claimed again: the answer to a claim was lost.
    async fn claim(
        &mut self,
        deps: &Deps,
        stop: &CancellationToken,
        all: &[EnvironmentId],
        held: &[Lease],
        share: usize,
    ) -> Result<(), store::Error> {
        let theirs = held.iter().filter(|it| it.owner != deps.settings.server);
        let theirs: BTreeSet<&str> = theirs.map(|lease| lease.name.as_str()).collect();
        let is_free = |id: &EnvironmentId| {
            !self.stops.contains_key(id) && !theirs.contains(of_environment(*id).as_str())
        };
        let free: Vec<EnvironmentId> = all.iter().copied().filter(is_free).collect();
        self.free.retain(|id, _| free.contains(id));
        for environment in free {
            let since = *self.free.entry(environment).or_insert_with(Instant::now);
            if self.stops.len() >= share && since.elapsed() < deps.settings.lease {
                continue;
            }
            let Some(fence) = leases::claim(deps, &of_environment(environment)).await? else {
                continue;
            };
            self.free.remove(&environment);
            self.start(deps, environment, fence, stop.child_token());
        }
        Ok(())
    }

    fn start(
        &mut self,
        deps: &Deps,
        environment: EnvironmentId,
        fence: Fence,
        stop: CancellationToken,
    ) {
        self.stops.insert(environment, stop.clone());
        let deps = deps.clone();
        self.keepers.spawn(async move {
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

    /// Lets go of the newest that is idle, where it has kept more than its share for as long as a lease lasts: servers come
    /// and go, and one that does not answer for a moment is no reason to move anything.
    async fn let_go(&mut self, deps: &Deps, share: usize) -> Result<(), store::Error> {
        if self.stops.len() <= share {
            self.over = None;
            return Ok(());
        }
        let since = *self.over.get_or_insert_with(Instant::now);
        // One at a time.
        let is_at_it = self.stops.values().any(CancellationToken::is_cancelled);
        if is_at_it || since.elapsed() < deps.settings.lease {
            return Ok(());
        }
        for (environment, stop) in self.stops.iter().rev() {
            if is_idle(deps, *environment).await? {
                tracing::info!(%environment, share, "another server may keep this environment");
                stop.cancel();
                break;
            }
        }
        Ok(())
    }
}

/// Whether nothing is deployed there, and nothing is known of it that the next server could not see for itself.
async fn is_idle(deps: &Deps, environment: EnvironmentId) -> Result<bool, store::Error> {
    let sight = deps.board.sight(environment, Duration::MAX);
    if sight.is_some_and(|sight| !sight.left.is_empty()) {
        return Ok(false);
    }
    for state in UNDER_WAY {
        let filter = DeployFilter {
            environment: Some(environment),
            state: Some(state),
            ..DeployFilter::default()
        };
        let one = Page {
            size: 1,
            ..Page::ALL
        };
        if !deps
            .store
            .list_deploys(&filter, one)
            .await?
            .items
            .is_empty()
        {
            return Ok(false);
        }
    }
    Ok(true)
}
