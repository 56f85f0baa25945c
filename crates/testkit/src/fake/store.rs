//! The store, in memory: every constraint, event and idempotency key of the real one, and none of its disk.
//!
//! What a server crash leaves of it is all of it: keep it in an `Arc` and give it to the next server.

mod adoptions;
mod app_hooks;
mod audit;
mod builds;
mod configs;
mod deliveries;
mod deploys;
mod entities;
mod environments;
mod events;
mod grounds;
mod intents;
mod jobs;
mod joined;
mod kept_images;
mod leases;
mod lookups;
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
use domain::{AuditId, EnvironmentId, EventId, InstallationId, JobId, Timestamp};
use ports::{Clock, store::Error};
use secrecy::SecretString;
use state::State;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    /// Whether changes that bear secrets panic.
    breaks: Arc<AtomicBool>,
    effect: Effect,
    call_back: Option<SecretString>,
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
            breaks: Arc::default(),
            effect: Effect::Kept,
            call_back: None,
        }
    }

    /// How often somebody has read events after a cursor: one who watches alone reads as often as many who share.
    #[must_use]
    pub fn reads_of_events(&self) -> u64 {
        self.reads_of_events.load(Ordering::Relaxed)
    }

    /// The whole database as it stands, apart from this one: what becomes of either is not seen in the other.
    #[must_use]
    pub fn apart(&self) -> Self {
        let apart = Self::new(self.installation, Arc::clone(&self.clock));
        *lock(&apart.state) = lock(&self.state).clone();
        apart
    }

    /// All that is in it, to be compared. Secrets are not.
    #[must_use]
    pub fn picture(&self) -> String {
        self.read(|state| format!("{state:#?}"))
    }

    /// From now on a change of a Config Set, a hook or a webhook panics, and says all that it was given: as a defect might.
    pub fn break_off(&self) {
        self.breaks.store(true, Ordering::Relaxed);
    }

    fn may_break(&self, given: &dyn fmt::Debug) {
        assert!(!self.breaks.load(Ordering::Relaxed), "broken: {given:?}");
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

impl Store {
    /// The same database, by another way.
    fn same(&self) -> Self {
        Self {
            installation: self.installation,
            clock: Arc::clone(&self.clock),
            state: Arc::clone(&self.state),
            newest: Arc::clone(&self.newest),
            newest_within: Arc::clone(&self.newest_within),
            newest_audit: Arc::clone(&self.newest_audit),
            newest_job: Arc::clone(&self.newest_job),
            reads_of_events: Arc::clone(&self.reads_of_events),
            breaks: Arc::clone(&self.breaks),
            effect: self.effect,
            call_back: self.call_back.clone(),
        }
    }

    /// Writes down whom to call once this is over.
    fn note_callback(&self, state: &mut State, subject: impl ToString, at: Timestamp) {
        if let Some(url) = self.call_back.clone() {
            let _noted = state.expect_callback(&subject.to_string(), url, at);
        }
    }
}

impl ports::Store for Store {
    fn installation(&self) -> InstallationId {
        self.installation
    }

    fn trial(&self) -> Arc<dyn ports::Store> {
        Arc::new(Self {
            effect: Effect::TakenBack,
            ..self.same()
        })
    }

    fn calling_back(&self, url: SecretString) -> Arc<dyn ports::Store> {
        Arc::new(Self {
            call_back: Some(url),
            ..self.same()
        })
    }
}
