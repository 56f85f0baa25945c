//! The store, in memory: every constraint, event and idempotency key of the real one, and none of its disk.
//!
//! What a server crash leaves of it is all of it: keep it in an `Arc` and give it to the next server.

mod adoptions;
mod app_hooks;
mod audit;
mod builds;
mod configs;
mod deploys;
mod entities;
mod events;
mod grounds;
mod intents;
mod jobs;
mod kept_images;
mod leases;
mod numbered;
mod reconciles;
mod releases;
mod requests;
mod retention;
mod runs;
mod services;
mod sessions;
mod state;
mod tokens;
mod users;
mod view;
mod webhooks;
mod workers;

use super::{lock, watchers::Watchers};
use domain::{AuditId, EnvironmentId, EventId, InstallationId, JobId};
use ports::{Clock, store::Error};
use state::State;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// The whole database. Each method of its traits is one transaction: it refuses before it changes anything.
pub struct Store {
    installation: InstallationId,
    /// The database's clock, by which leases run.
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    newest: Arc<Watchers<EventId>>,
    newest_within: Arc<Mutex<BTreeMap<EnvironmentId, Watchers<EventId>>>>,
    newest_audit: Arc<Watchers<AuditId>>,
    newest_job: Arc<Watchers<JobId>>,
    /// How often events were read after a cursor.
    reads_of_events: Arc<AtomicU64>,
    effect: Effect,
}

/// What becomes of a transaction.
#[derive(Clone, Copy)]
enum Effect {
    Kept,
    TakenBack,
}

impl Store {
    /// An empty database of this installation, whose leases run by this clock.
    #[must_use]
    pub fn new(installation: InstallationId, clock: Arc<dyn Clock>) -> Self {
        Self {
            installation,
            clock,
            state: Arc::default(),
            newest: Arc::default(),
            newest_within: Arc::default(),
            newest_audit: Arc::default(),
            newest_job: Arc::default(),
            reads_of_events: Arc::default(),
            effect: Effect::Kept,
        }
    }

    /// How often somebody has read events after a cursor: one who watches alone reads as often as many who share.
    #[must_use]
    pub fn reads_of_events(&self) -> u64 {
        self.reads_of_events.load(Ordering::Relaxed)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&lock(&self.state))
    }

    /// Runs one transaction, and wakes whoever waits for events when it wrote some.
    fn write<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Error>) -> Result<T, Error> {
        let mut state = lock(&self.state);
        if let Effect::TakenBack = self.effect {
            return act(&mut state.clone());
        }
        let before = state.newest_event();
        let result = act(&mut state);
        let newest = state.newest_event();
        state.close_audit(&result);
        let audited = state.newest_audit();
        let newest_job = state.newest_job();
        let within: Vec<_> = lock(&self.newest_within)
            .keys()
            .filter_map(|environment| {
                let of_it = state.newest_event_of_after(*environment, before)?;
                Some((*environment, of_it))
            })
            .collect();
        drop(state);
        self.newest.send(&newest);
        self.newest_audit.send(&audited);
        self.newest_job.send(&newest_job);
        let watchers = lock(&self.newest_within);
        for (environment, newest) in within {
            if let Some(watchers) = watchers.get(&environment) {
                watchers.send(&newest);
            }
        }
        result
    }
}

impl ports::Store for Store {
    fn installation(&self) -> InstallationId {
        self.installation
    }

    fn trial(&self) -> Arc<dyn ports::Store> {
        Arc::new(Self {
            installation: self.installation,
            clock: Arc::clone(&self.clock),
            state: Arc::clone(&self.state),
            newest: Arc::clone(&self.newest),
            newest_within: Arc::clone(&self.newest_within),
            newest_audit: Arc::clone(&self.newest_audit),
            newest_job: Arc::clone(&self.newest_job),
            reads_of_events: Arc::clone(&self.reads_of_events),
            effect: Effect::TakenBack,
        })
    }
}
