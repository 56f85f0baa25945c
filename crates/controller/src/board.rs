//! What the probes of this server have seen, for the control loops and for whoever asks.

use crate::observe::Sight;
use domain::{
    EnvironmentId, Health, InstanceId, NodeName, ObservedInstance, StackId, Timestamp,
    observed::Phase,
};
use scheduler::{NodeRestarts, Probed, Unseen};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The newest answer of each instance that is probed, and which instances this server acts upon.
#[derive(Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    probed: BTreeMap<InstanceId, Probed>,
    health: BTreeMap<InstanceId, Health>,
    busy: BTreeSet<InstanceId>,
    restarts: BTreeMap<InstanceId, Restarts>,
    /// Starts that lie ahead of this server's clock, and when they were seen first.
    ahead: BTreeMap<InstanceId, (Timestamp, Instant)>,
    /// What the loop of each Environment saw last, and when.
    sights: BTreeMap<EnvironmentId, (Instant, Arc<Sight>)>,
    /// When nodes were last waited for in vain for as long as a node may take.
    silent: BTreeMap<NodeName, Instant>,
    /// How many nodes the pools of each Environment had when they were last believed.
    pools: BTreeMap<EnvironmentId, BTreeMap<StackId, u32>>,
}

/// How often the node has started an instance again.
struct Restarts {
    /// As its node counts them.
    seen: u32,
    known: NodeRestarts,
}

/// How many deaths of one instance are remembered: the newest.
const DEATHS_MAX: usize = 100;

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
        inner.restarts.remove(&instance);
        inner.ahead.remove(&instance);
    }

    /// The phase by which the health of an instance is judged. A start that lies ahead of this server's clock, whichever is
    /// wrong, counts from when it was seen first: else nothing would settle before a clock that was set back has caught up.
    pub(crate) fn dated(&self, instance: InstanceId, phase: &Phase, now: Timestamp) -> Phase {
        let mut phase = phase.clone();
        if let Phase::Running { since, .. } = &mut phase
            && *since > now
        {
            let mut inner = self.lock();
            let first = inner.ahead.entry(instance);
            let (start, seen) = first.or_insert_with(|| (*since, Instant::now()));
            if start != since {
                (*start, *seen) = (*since, Instant::now());
            }
            *since = now - seen.elapsed();
        }
        phase
    }

    /// Takes how often its node has started an instance again by now. Of what was before the first look only the number
    /// is known, and the time of the last death.
    pub(crate) fn note_restarts(&self, instance: &ObservedInstance, now: Timestamp) {
        let (count, last, died_at) = match instance.phase {
            Phase::Running {
                restarts, since, ..
            }
            | Phase::Paused { restarts, since } => (restarts, None, since.min(now)),
            Phase::Restarting {
                restarts,
                code,
                end,
            } => (restarts, Some((code, end)), now),
            Phase::Created | Phase::Exited { .. } => return,
        };
        let mut inner = self.lock();
        let restarts = &mut inner.restarts;
        let of_it = restarts.entry(instance.instance).or_insert_with(|| {
            let (before, deaths) = match count.checked_sub(1) {
                Some(before) => (before, vec![died_at]),
                None => (0, Vec::new()),
            };
            let unseen = Unseen {
                count: before,
                since: instance.created_at,
            };
            Restarts {
                seen: count,
                known: NodeRestarts {
                    deaths,
                    unseen,
                    last: None,
                },
            }
        });
        for _ in 0..count.saturating_sub(of_it.seen).min(10) {
            of_it.known.deaths.push(now);
        }
        let excess = of_it.known.deaths.len().saturating_sub(DEATHS_MAX);
        of_it.known.deaths.drain(..excess);
        of_it.seen = count;
        of_it.known.last = last.or(of_it.known.last);
    }

    /// What nodes have started again, as far as this server saw it.
    #[must_use]
    pub fn restarts(&self) -> BTreeMap<InstanceId, NodeRestarts> {
        let inner = self.lock();
        let died = inner
            .restarts
            .iter()
            .filter(|(_, of_it)| !of_it.known.deaths.is_empty());
        died.map(|(instance, of_it)| (*instance, of_it.known.clone()))
            .collect()
    }

    /// The instances that this server acts upon just now.
    #[must_use]
    pub fn busy(&self) -> BTreeSet<InstanceId> {
        self.lock().busy.clone()
    }

    /// What the loop of an Environment saw last, where that is not older than this.
    pub(crate) fn sight(&self, environment: EnvironmentId, age: Duration) -> Option<Arc<Sight>> {
        let inner = self.lock();
        let (at, sight) = inner.sights.get(&environment)?;
        (at.elapsed() <= age).then(|| Arc::clone(sight))
    }

    /// Takes what the loop of an Environment sees.
    pub(crate) fn note_sight(&self, environment: EnvironmentId, sight: Arc<Sight>) {
        let seen = (Instant::now(), sight);
        self.lock().sights.insert(environment, seen);
    }

    /// How many nodes the pools of an Environment had when its loop last believed them. Empty: this server keeps another.
    pub(crate) fn pools(&self, environment: EnvironmentId) -> BTreeMap<StackId, u32> {
        self.lock()
            .pools
            .get(&environment)
            .cloned()
            .unwrap_or_default()
    }

    /// Takes how many nodes the pools of an Environment had when they were last believed.
    pub(crate) fn note_pools(&self, environment: EnvironmentId, pools: BTreeMap<StackId, u32>) {
        self.lock().pools.insert(environment, pools);
    }

    /// Forgets what the loop of an Environment saw, which ends: whoever keeps it from now on sees more.
    pub(crate) fn forget_sight(&self, environment: EnvironmentId) {
        let mut inner = self.lock();
        inner.sights.remove(&environment);
        inner.pools.remove(&environment);
    }

    /// Whether a node was waited for in vain not longer ago than this.
    pub(crate) fn was_silent(&self, node: &NodeName, age: Duration) -> bool {
        let inner = self.lock();
        inner.silent.get(node).is_some_and(|at| at.elapsed() <= age)
    }

    /// A node was waited for in vain for as long as a node may take.
    pub(crate) fn note_silent(&self, node: &NodeName) {
        self.lock().silent.insert(node.clone(), Instant::now());
    }

    /// A node has answered.
    pub(crate) fn note_answer(&self, node: &NodeName) {
        self.lock().silent.remove(node);
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
