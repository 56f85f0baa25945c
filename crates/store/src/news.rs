//! Who is woken by what was written.

use domain::{AuditId, EnvironmentId, EventId, JobId};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The newest events and row of the audit log that one transaction wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    newest: Option<EventId>,
    /// Of those that are of no Environment, and so concern each.
    of_none: Option<EventId>,
    within: BTreeMap<EnvironmentId, EventId>,
    audited: Option<AuditId>,
    job: Option<JobId>,
}

impl News {
    /// One more. Ids rise.
    pub(crate) fn add(&mut self, id: EventId, environment: Option<EnvironmentId>) {
        self.newest = Some(id);
        match environment {
            Some(environment) => drop(self.within.insert(environment, id)),
            None => self.of_none = Some(id),
        }
    }

    /// One more row of the audit log. Ids rise.
    pub(crate) fn audited(&mut self, id: AuditId) {
        self.audited = Some(id);
    }

    /// A job was added.
    pub(crate) fn add_job(&mut self, id: JobId) {
        self.job = Some(id);
    }

    /// Takes up what a later part of the transaction wrote.
    pub(crate) fn extend(&mut self, later: Self) {
        self.newest = self.newest.max(later.newest);
        self.of_none = self.of_none.max(later.of_none);
        self.within.extend(later.within);
        self.audited = self.audited.max(later.audited);
        self.job = self.job.max(later.job);
    }

    /// Something was written that is not known one by one: it may concern everybody.
    pub(crate) fn add_all_up_to(&mut self, id: EventId) {
        self.newest = self.newest.max(Some(id));
        self.of_none = self.of_none.max(Some(id));
    }

    /// The newest that concerns an Environment.
    fn of(&self, environment: EnvironmentId) -> Option<EventId> {
        self.of_none.max(self.within.get(&environment).copied())
    }
}

/// The newest event, as it rises, for whoever waits for it: of all, and of each Environment that somebody keeps.
#[derive(Debug)]
pub(crate) struct Bulletin {
    all: watch::Sender<EventId>,
    jobs: watch::Sender<JobId>,
    within: Mutex<BTreeMap<EnvironmentId, watch::Sender<EventId>>>,
    audit: watch::Sender<AuditId>,
}

impl Bulletin {
    pub(crate) fn new(newest: EventId, unsealed: AuditId) -> Self {
        Self {
            all: watch::Sender::new(newest),
            jobs: watch::Sender::new(JobId::new(0)),
            within: Mutex::default(),
            audit: watch::Sender::new(unsealed),
        }
    }

    /// Of the audit log.
    pub(crate) fn audit(&self) -> watch::Receiver<AuditId> {
        self.audit.subscribe()
    }

    pub(crate) fn all(&self) -> watch::Receiver<EventId> {
        self.all.subscribe()
    }

    /// The newest job that was added while this process lives.
    pub(crate) fn jobs(&self) -> watch::Receiver<JobId> {
        self.jobs.subscribe()
    }

    /// Of one Environment. What was written before is not looked up: the newest of all is not older than it.
    pub(crate) fn within(&self, environment: EnvironmentId) -> watch::Receiver<EventId> {
        let newest = *self.all.borrow();
        let mut within = self.lock();
        within.retain(|_, sender| !sender.is_closed());
        let sender = within
            .entry(environment)
            .or_insert_with(|| watch::Sender::new(newest));
        sender.subscribe()
    }

    /// Wakes whom it concerns. What was told of already wakes nobody again: what this process wrote is also heard of with
    /// what others wrote.
    pub(crate) fn publish(&self, news: &News) {
        raise(&self.all, news.newest);
        raise(&self.audit, news.audited);
        raise(&self.jobs, news.job);
        for (environment, sender) in &*self.lock() {
            raise(sender, news.of(*environment));
        }
    }

    /// What a panic of another holder left behind is still a map of senders.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<EnvironmentId, watch::Sender<EventId>>> {
        self.within.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise<T: Copy + Ord>(sender: &watch::Sender<T>, to: Option<T>) {
    sender.send_if_modified(|known| match to {
        Some(to) if to > *known => {
            *known = to;
            true
        }
        Some(_) | None => false,
    });
}
