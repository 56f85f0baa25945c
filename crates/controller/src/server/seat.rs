//! By what servers know of each other: each that lives has a seat, which is a lease.

use crate::{deps::Deps, leases};
use ports::store::{
    self, Fence,
    leases::{Lease, SERVERS, of_server},
};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// This server's.
#[derive(Default)]
pub(super) struct Seat {
    /// With when it was last prolonged. None: it has none.
    held: Option<(Fence, Instant)>,
}

impl Seat {
    /// Takes the first that is free, or prolongs the one that it has when a third of its time is over.
    pub(super) async fn keep(&mut self, deps: &Deps, held: &[Lease]) -> Result<(), store::Error> {
        if let Some((fence, since)) = &mut self.held {
            if since.elapsed() < deps.settings.lease / 3 {
                return Ok(());
            }
            match deps.store.renew(fence, deps.settings.lease).await {
                Ok(()) => {
                    *since = Instant::now();
                    return Ok(());
                }
                // It had run out, and somebody else sits there.
                Err(store::Error::Fenced { .. }) => self.held = None,
                Err(error) => return Err(error),
            }
        }
        // One that is ours by a claim whose answer was lost is taken up again.
        let is_taken = |name: &String| {
            let mut taken = held.iter().filter(|lease| lease.name == *name);
            taken.any(|lease| lease.owner != deps.settings.server)
        };
        let own = held
            .iter()
            .find(|lease| is_seat(lease) && lease.owner == deps.settings.server);
        let mut free = (1..).map(of_server).filter(|name| !is_taken(name));
        let name = own.map(|lease| lease.name.clone()).or_else(|| free.next());
        if let Some(name) = name
            && let Some(fence) = leases::claim(deps, &name).await?
        {
            self.held = Some((fence, Instant::now()));
        }
        Ok(())
    }

    /// Gives it back.
    pub(super) async fn leave(&mut self, deps: &Deps) {
        if let Some((fence, _)) = self.held.take()
            && let Err(error) = deps.store.release(&fence).await
        {
            tracing::warn!(lease = fence.lease, %error, "the lease is left to run out");
        }
    }
}

fn is_seat(lease: &Lease) -> bool {
    lease.name.starts_with(SERVERS)
}

/// How many servers live, with this one, which may have no seat yet.
pub(super) fn servers(held: &[Lease], own: &str) -> usize {
    let seats = held.iter().filter(|lease| is_seat(lease));
    let mut owners: BTreeSet<&str> = seats.map(|lease| lease.owner.as_str()).collect();
    owners.insert(own);
    owners.len()
}
