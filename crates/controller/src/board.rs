//! What the probes of this server have seen, for the control loops and for whoever asks.

use domain::{Health, InstanceId};
use scheduler::Probed;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The newest answer of each instance that is probed, and which instances this server acts upon.
#[derive(Debug, Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    probed: BTreeMap<InstanceId, Probed>,
    health: BTreeMap<InstanceId, Health>,
    busy: BTreeSet<InstanceId>,
}

impl Board {
    /// The newest answer.
    #[must_use]
    pub fn probed(&self, instance: InstanceId) -> Option<Probed> {
        self.lock().probed.get(&instance).cloned()
    }

    /// The health that the loop saw last.
    #[must_use]
    pub fn health(&self, instance: InstanceId) -> Health {
        self.lock()
            .health
            .get(&instance)
            .cloned()
            .unwrap_or_default()
    }

    /// Takes the health that the loop sees now, and answers what it was before.
    pub(crate) fn note(&self, instance: InstanceId, health: Health) -> Health {
        self.lock()
            .health
            .insert(instance, health)
            .unwrap_or_default()
    }

    /// Forgets what was seen of an instance that is gone.
    pub(crate) fn forget(&self, instance: InstanceId) {
        let mut inner = self.lock();
        inner.health.remove(&instance);
        inner.probed.remove(&instance);
    }

    /// The instances that this server acts upon just now.
    #[must_use]
    pub fn busy(&self) -> BTreeSet<InstanceId> {
        self.lock().busy.clone()
    }

    pub(crate) fn pin(&self, instance: InstanceId, probed: Probed) {
        self.lock().probed.insert(instance, probed);
    }

    pub(crate) fn unpin(&self, instance: InstanceId) {
        self.lock().probed.remove(&instance);
    }

    pub(crate) fn engage(&self, instance: InstanceId) {
        self.lock().busy.insert(instance);
    }

    pub(crate) fn disengage(&self, instance: InstanceId) {
        self.lock().busy.remove(&instance);
    }

    /// What a panic of another holder left behind is still a map of newest answers.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
