//! Leases with fencing numbers.

use super::{Store, state::State};
use async_trait::async_trait;
use domain::Timestamp;
use ports::store::{
    Error, Fence, Leases,
    leases::{Claim, Lease},
};
use std::time::Duration;

/// A lease, held or given back. Its number goes on rising either way.
#[derive(Debug, Clone)]
pub(super) struct LeaseRow {
    /// None: given back.
    owner: Option<String>,
    number: i64,
    until: Timestamp,
}

impl State {
    /// Ends a lease, whoever holds it.
    pub(super) fn end_lease(&mut self, name: &str) {
        if let Some(row) = self.leases.get_mut(name) {
            row.owner = None;
        }
    }

    /// Refuses a write whose lease has changed hands.
    pub(super) fn guard(&self, fence: &Fence) -> Result<(), Error> {
        match self.leases.get(&fence.lease) {
            Some(row) if row.number == fence.number && row.owner.is_some() => Ok(()),
            Some(_) | None => Err(Error::Fenced {
                lease: fence.lease.clone(),
            }),
        }
    }

    fn claim(&mut self, name: &str, owner: &str, now: Timestamp, time: Duration) -> Claim {
        let row = self.leases.entry(name.to_owned()).or_insert(LeaseRow {
            owner: None,
            number: 0,
            until: now,
        });
        match &row.owner {
            Some(held_by) if held_by == owner => {}
            Some(held_by) if row.until > now => {
                return Claim::Theirs {
                    owner: held_by.clone(),
                    until: row.until,
                };
            }
            Some(_) | None => {
                row.owner = Some(owner.to_owned());
                row.number += 1;
            }
        }
        row.until = now + time;
        Claim::Ours(Fence {
            lease: name.to_owned(),
            number: row.number,
        })
    }
}

#[async_trait]
impl Leases for Store {
    async fn claim(&self, name: &str, owner: &str, time: Duration) -> Result<Claim, Error> {
        let now = self.clock.now();
        self.write(|state| Ok(state.claim(name, owner, now, time)))
    }

    async fn renew(&self, fence: &Fence, time: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        self.write(|state| {
            state.guard(fence)?;
            if let Some(row) = state.leases.get_mut(&fence.lease) {
                row.until = now + time;
            }
            Ok(())
        })
    }

    async fn release(&self, fence: &Fence) -> Result<(), Error> {
        self.write(|state| {
            if state.guard(fence).is_ok()
                && let Some(row) = state.leases.get_mut(&fence.lease)
            {
                row.owner = None;
            }
            Ok(())
        })
    }

    async fn list_leases(&self) -> Result<Vec<Lease>, Error> {
        let now = self.clock.now();
        Ok(self.read(|state| {
            let held = state.leases.iter().filter(|(_, row)| row.until > now);
            held.filter_map(|(name, row)| {
                Some(Lease {
                    name: name.clone(),
                    owner: row.owner.clone()?,
                    number: row.number,
                    until: row.until,
                })
            })
            .collect()
        }))
    }
}
