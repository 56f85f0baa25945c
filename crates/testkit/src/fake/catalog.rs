//! A catalog in memory.

use super::{lock, watchers::Watchers};
use async_trait::async_trait;
use domain::{InstanceId, Node, NodeName};
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::catalog::{Entry, Error, Pool, Registration, Word};
use std::{collections::BTreeMap, sync::Mutex};

/// Nodes and registrations, and whether it can be reached.
pub struct Catalog {
    state: Mutex<State>,
    changes: Watchers<u64>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<NodeName, Node>,
    entries: BTreeMap<(NodeName, InstanceId), (Entry, Registration)>,
    words: BTreeMap<InstanceId, Word>,
    reach: Reach,
    /// How many nodes it shows, the first by name. None: all.
    shown: Option<usize>,
    changes: u64,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Reach {
    #[default]
    Reached,
    Lost,
}

impl Catalog {
    /// A catalog of these nodes, all of which are in every pool.
    #[must_use]
    pub fn of(nodes: impl IntoIterator<Item = Node>) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.name.clone(), node));
        Self {
            state: Mutex::new(State {
                nodes: nodes.collect(),
                ..State::default()
            }),
            changes: Watchers::default(),
        }
    }

    /// Changes what it says of a node, or adds it.
    pub fn set_node(&self, node: Node) {
        self.change(|state| state.nodes.insert(node.name.clone(), node));
    }

    /// Takes a node out of every pool.
    pub fn remove_node(&self, name: &NodeName) {
        self.change(|state| state.nodes.remove(name));
    }

    /// Lets it show only so many nodes, as one that has lost its state does. None: all there are.
    pub fn show_only(&self, shown: Option<usize>) {
        self.change(|state| state.shown = shown);
    }

    /// Lets every call fail.
    pub fn lose(&self) {
        self.change(|state| state.reach = Reach::Lost);
    }

    /// Lets calls succeed again.
    pub fn find(&self) {
        self.change(|state| state.reach = Reach::Reached);
    }

    /// Every registration there is, whether the catalog can be reached or not.
    #[must_use]
    pub fn entries(&self) -> Vec<(Entry, Registration)> {
        lock(&self.state).entries.values().cloned().collect()
    }

    /// What was said last of an instance that a catalog cannot ask.
    #[must_use]
    pub fn word_on(&self, instance: InstanceId) -> Option<Word> {
        lock(&self.state).words.get(&instance).cloned()
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let result = act(&mut state);
        state.changes += 1;
        let changes = state.changes;
        drop(state);
        self.changes.send(&changes);
        result
    }

    fn reached(&self) -> Result<(), Error> {
        match lock(&self.state).reach {
            Reach::Reached => Ok(()),
            Reach::Lost => Err(Error::Unreachable("connection refused".to_owned())),
        }
    }
}

#[async_trait]
impl ports::Catalog for Catalog {
    async fn nodes(&self, _pool: &Pool) -> Result<Vec<Node>, Error> {
        self.reached()?;
        let state = lock(&self.state);
        let shown = state.shown.unwrap_or(state.nodes.len());
        Ok(state.nodes.values().take(shown).cloned().collect())
    }

    async fn register(&self, entry: &Entry) -> Result<(), Error> {
        self.reached()?;
        let key = (entry.node.clone(), entry.instance);
        let row = (entry.clone(), Registration::Serving);
        lock(&self.state).entries.insert(key, row);
        Ok(())
    }

    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.reached()?;
        let mut state = lock(&self.state);
        if let Some((_, registration)) = state.entries.get_mut(&(node.clone(), instance)) {
            *registration = Registration::Maintenance;
        }
        Ok(())
    }

    async fn deregister(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.reached()?;
        let mut state = lock(&self.state);
        state.words.remove(&instance);
        state.entries.remove(&(node.clone(), instance));
        Ok(())
    }

    async fn attest(
        &self,
        node: &NodeName,
        instance: InstanceId,
        word: &Word,
    ) -> Result<(), Error> {
        self.reached()?;
        let mut state = lock(&self.state);
        if state.entries.contains_key(&(node.clone(), instance)) {
            state.words.insert(instance, word.clone());
        }
        Ok(())
    }

    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, Error> {
        self.reached()?;
        let state = lock(&self.state);
        // By where they stand among all of them: a thousand nodes are asked one by one.
        let first = (node.clone(), InstanceId::from_bits(0));
        let here = state.entries.range(first..);
        Ok(here
            .take_while(|((name, _), _)| name == node)
            .map(|((_, instance), (_, registration))| (*instance, *registration))
            .collect())
    }

    async fn changes(&self) -> BoxStream<'static, ()> {
        let changes = self.changes.subscribe(lock(&self.state).changes);
        stream::unfold(changes, |mut changes| async move {
            changes.changed().await.ok().map(|()| ((), changes))
        })
        .boxed()
    }
}
