//! The ledger of intents, and how instances ended.

use super::{
    Store,
    state::{State, falling, page},
};
use async_trait::async_trait;
use domain::{
    AppId, EnvironmentId, InstanceEnd, InstanceId, Intent, IntentKind, IntentState, NodeName,
    Timestamp, Worker, WorkerName, intent::IntentEvent, worker::Resources,
};
use ports::store::{
    Error, Fence, Intents, Listed, Page,
    adoptions::Adoption,
    intents::{EndFilter, Entry},
};
use std::collections::{BTreeMap, BTreeSet};

type Key = (InstanceId, IntentKind);

/// Intents that stand, and those that do no more.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// Those open, and starts that are done and whose instance is not known to be gone.
    standing: BTreeMap<Key, Intent>,
    fallen: BTreeMap<Key, Intent>,
    ended: BTreeSet<InstanceId>,
    /// The last number of each singleton.
    fences: BTreeMap<(EnvironmentId, AppId, WorkerName), i64>,
}

/// What a line of the ledger changed: what stood under a key before.
type Undo = Vec<(Key, Option<Intent>)>;

impl Ledger {
    /// The last number of each singleton of an Environment.
    pub(super) fn fences(&self, environment: EnvironmentId) -> BTreeMap<(AppId, WorkerName), i64> {
        let fences = self.fences.iter();
        fences
            .filter(|((of, _, _), _)| *of == environment)
            .map(|((_, app, worker), number)| ((*app, worker.clone()), *number))
            .collect()
    }

    /// Keeps the number of an instance, unless a later one had one.
    fn note_fence(&mut self, intent: &Intent) {
        let Some(number) = intent.fence else {
            return;
        };
        let of = (intent.environment, intent.app, intent.worker.clone());
        let last = self.fences.entry(of).or_insert(number);
        *last = number.max(*last);
    }

    /// The numbers of a singleton go on under another name.
    pub(super) fn carry_fence(&mut self, of: &Worker, name: &WorkerName) {
        let key = |name: &WorkerName| (of.environment, of.app, name.clone());
        if let Some(number) = self.fences.get(&key(&of.spec.name)).copied() {
            let last = self.fences.entry(key(name)).or_insert(number);
            *last = number.max(*last);
        }
    }

    pub(super) fn standing(&self) -> impl Iterator<Item = &Intent> {
        self.standing.values()
    }

    pub(super) fn standing_of(&self, app: AppId) -> usize {
        self.standing().filter(|intent| intent.app == app).count()
    }

    /// How many starts stand in an Environment.
    pub(super) fn standing_within(&self, environment: EnvironmentId) -> usize {
        let starts = self
            .standing()
            .filter(|intent| intent.kind == IntentKind::Start);
        starts
            .filter(|intent| intent.environment == environment)
            .count()
    }

    /// How many starts of one Worker stand.
    pub(super) fn standing_of_worker(&self, worker: &Worker) -> usize {
        let starts = self
            .standing()
            .filter(|intent| intent.kind == IntentKind::Start);
        starts
            .filter(|intent| {
                intent.app == worker.app
                    && intent.environment == worker.environment
                    && intent.worker == worker.spec.name
            })
            .count()
    }

    /// Forgets at most so many of those that do not stand and were closed before a time.
    pub(super) fn forget(&mut self, since: Timestamp, limit: usize) -> usize {
        let fallen = self.fallen.iter();
        let old = fallen.filter(|(_, intent)| intent.closed_at.is_some_and(|at| at < since));
        let old: Vec<Key> = old.take(limit).map(|(key, _)| *key).collect();
        for key in &old {
            self.fallen.remove(key);
        }
        old.len()
    }

    /// An end that is forgotten may be told again.
    pub(super) fn forget_end(&mut self, instance: InstanceId) {
        self.ended.remove(&instance);
    }

    fn open(&mut self, intent: &Intent, capacity: Resources, undo: &mut Undo) -> Result<(), Error> {
        let key = (intent.instance, intent.kind);
        if self.standing.contains_key(&key) || self.fallen.contains_key(&key) {
            return Ok(());
        }
        if intent.kind == IntentKind::Start {
            self.ports_are_free(intent)?;
            self.has_room(intent, capacity)?;
        }
        undo.push((key, None));
        self.standing.insert(key, intent.clone());
        Ok(())
    }

    /// What holds ports and room on a node: the starts that stand.
    fn starts<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a Intent> {
        let starts = self
            .standing()
            .filter(|intent| intent.kind == IntentKind::Start);
        starts.filter(move |intent| intent.node == *node)
    }

    fn ports_are_free(&self, wanted: &Intent) -> Result<(), Error> {
        let starts = self.starts(&wanted.node);
        let taken: BTreeSet<u16> = starts.flat_map(Intent::host_ports).collect();
        match wanted.host_ports().find(|port| taken.contains(port)) {
            Some(port) => Err(Error::PortTaken {
                node: wanted.node.clone(),
                port,
            }),
            None => Ok(()),
        }
    }

    fn has_room(&self, wanted: &Intent, capacity: Resources) -> Result<(), Error> {
        let held = || {
            self.starts(&wanted.node)
                .chain([wanted])
                .map(|intent| intent.resources)
        };
        let memory: u64 = held().filter_map(|r| r.memory).map(|m| m.as_bytes()).sum();
        let cpu: u64 = held()
            .filter_map(|r| r.cpu)
            .map(|c| u64::from(c.get()))
            .sum();
        let asks_memory = wanted.resources.memory.is_some();
        let asks_cpu = wanted.resources.cpu.is_some();
        let over_memory = capacity
            .memory
            .is_some_and(|all| asks_memory && memory > all.as_bytes());
        let over_cpu = capacity
            .cpu
            .is_some_and(|all| asks_cpu && cpu > u64::from(all.get()));
        if over_memory || over_cpu {
            return Err(Error::Overbooked {
                node: wanted.node.clone(),
            });
        }
        Ok(())
    }

    fn close(&mut self, key: Key, event: IntentEvent, at: Timestamp, undo: &mut Undo) {
        let Some(intent) = self.standing.get_mut(&key) else {
            return;
        };
        let before = intent.clone();
        let Ok(next) = intent.state.after(event) else {
            return;
        };
        intent.state = next;
        intent.closed_at = Some(at);
        undo.push((key, Some(before)));
        if key.1 != IntentKind::Start || next != IntentState::Done {
            self.fall(key);
        }
    }

    fn gone(&mut self, instance: InstanceId, at: Timestamp, undo: &mut Undo) {
        let (start, stop) = ((instance, IntentKind::Start), (instance, IntentKind::Stop));
        self.close(start, IntentEvent::Dropped, at, undo);
        self.close(stop, IntentEvent::Seen, at, undo);
        if let Some(done) = self.standing.get(&start) {
            undo.push((start, Some(done.clone())));
            self.fall(start);
        }
    }

    fn fall(&mut self, key: Key) {
        if let Some(intent) = self.standing.remove(&key) {
            self.fallen.insert(key, intent);
        }
    }

    fn take_back(&mut self, undo: Undo) {
        for (key, before) in undo.into_iter().rev() {
            self.fallen.remove(&key);
            match before {
                Some(intent) => self.standing.insert(key, intent),
                None => self.standing.remove(&key),
            };
        }
    }
}

impl State {
    /// Takes over the starts of an adopted Deploy, all or none.
    pub(super) fn adopt_starts(&mut self, adoption: &Adoption) -> Result<(), Error> {
        let mut undo = Undo::new();
        for start in &adoption.starts {
            if let Err(error) = self.ledger.open(start, Resources::default(), &mut undo) {
                self.ledger.take_back(undo);
                return Err(error);
            }
        }
        Ok(())
    }

    fn record(&mut self, entries: &[Entry]) -> Result<(), Error> {
        let mut undo = Undo::new();
        for entry in entries {
            let written = match entry {
                Entry::Open { intent, capacity } => self.ledger.open(intent, *capacity, &mut undo),
                Entry::Close {
                    instance,
                    kind,
                    event,
                    at,
                } => {
                    self.ledger
                        .close((*instance, *kind), *event, *at, &mut undo);
                    Ok(())
                }
                Entry::Gone { instance, at } => {
                    self.ledger.gone(*instance, *at, &mut undo);
                    Ok(())
                }
                // Neither can be refused: written below, once all else is.
                Entry::End(_) | Entry::Event(_) => Ok(()),
            };
            if let Err(error) = written {
                self.ledger.take_back(undo);
                return Err(error);
            }
        }
        for entry in entries {
            match entry {
                Entry::End(end) if self.ledger.ended.insert(end.instance) => {
                    let number = self.number("end");
                    self.ends.insert(number, end.clone());
                }
                Entry::Event(event) => self.add_event(event.clone()),
                Entry::Open { intent, .. } => self.ledger.note_fence(intent),
                Entry::End(_) | Entry::Close { .. } | Entry::Gone { .. } => {}
            }
        }
        Ok(())
    }
}

/// What only a simulation asks.
impl Store {
    /// The intent of this kind for an instance, whether it still stands or not.
    #[must_use]
    pub fn intent_on_record(&self, instance: InstanceId, kind: IntentKind) -> Option<Intent> {
        self.read(|state| {
            let key = (instance, kind);
            let ledger = &state.ledger;
            ledger
                .standing
                .get(&key)
                .or_else(|| ledger.fallen.get(&key))
                .cloned()
        })
    }
}

#[async_trait]
impl Intents for Store {
    async fn record(&self, entries: &[Entry], fence: &Fence) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            state.record(entries)
        })
    }

    async fn standing_intents(&self) -> Result<Vec<Intent>, Error> {
        Ok(self.read(|state| state.ledger.standing().cloned().collect()))
    }

    async fn list_ends(
        &self,
        filter: &EndFilter,
        wanted: Page,
    ) -> Result<Listed<InstanceEnd>, Error> {
        Ok(self.read(|state| {
            let chosen = state.ends.iter().rev().filter(|(_, end)| {
                filter.app.is_none_or(|app| end.app == app)
                    && filter.environment.is_none_or(|env| end.environment == env)
                    && filter.deploy.is_none_or(|deploy| end.deploy == deploy)
                    && filter
                        .worker
                        .as_ref()
                        .is_none_or(|worker| end.worker == *worker)
                    && filter
                        .instance
                        .is_none_or(|instance| end.instance == instance)
                    && filter.node.as_ref().is_none_or(|node| end.node == *node)
            });
            let numbered = chosen.map(|(number, end)| (*number, end.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }
}
