//! The catalog of one machine alone: its Docker host is the only node of every pool, as long as no other joins.

use async_trait::async_trait;
use domain::{
    InstanceId, Node, NodeName,
    node::{Duty, NodeState},
};
use futures_util::stream::{BoxStream, StreamExt};
use ports::{
    Catalog,
    catalog::{Entry, Error, Pool, Registration, Word},
    runtime::Capacity,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

/// The one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub name: NodeName,
    /// Where its instances' ports are reached.
    pub address: String,
    /// None: its Engine has not told yet, and so nothing is limited by it.
    pub capacity: Option<Capacity>,
}

/// A catalog in memory. Nobody sends traffic by it: what is registered is there to be read.
#[derive(Debug)]
pub struct Embedded {
    machine: Mutex<Machine>,
    /// By node: others may have joined.
    registered: Mutex<BTreeMap<NodeName, BTreeMap<InstanceId, Registration>>>,
    /// Counts the changes, so that a watcher that was away learns of them in one.
    changes: watch::Sender<u64>,
}

impl Embedded {
    /// A catalog that knows this machine and no instance.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self {
            machine: Mutex::new(machine),
            registered: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// What the machine is called.
    #[must_use]
    pub fn name(&self) -> NodeName {
        lock(&self.machine).name.clone()
    }

    /// The machine has told what it has.
    pub fn set_capacity(&self, capacity: Capacity) {
        let mut machine = lock(&self.machine);
        if machine.capacity != Some(capacity) {
            machine.capacity = Some(capacity);
            drop(machine);
            self.tell();
        }
    }

    /// Enters what an instance is, or takes it out.
    fn set(&self, node: &NodeName, instance: InstanceId, registration: Option<Registration>) {
        let mut registered = lock(&self.registered);
        let of_node = registered.entry(node.clone()).or_default();
        match registration {
            Some(registration) => of_node.insert(instance, registration),
            None => of_node.remove(&instance),
        };
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

#[async_trait]
impl Catalog for Embedded {
    async fn nodes(&self, _: &Pool) -> Result<Vec<Node>, Error> {
        let machine = lock(&self.machine).clone();
        Ok(vec![Node {
            name: machine.name,
            address: machine.address,
            // Whether its Engine answers is seen by whoever asks the Engine.
            state: NodeState::Alive,
            duty: Duty::Serving,
            meta: BTreeMap::new(),
            memory: machine.capacity.map(|capacity| capacity.memory),
            cpu: machine.capacity.map(|capacity| capacity.cpu),
        }])
    }

    async fn register(&self, entry: &Entry) -> Result<(), Error> {
        self.set(&entry.node, entry.instance, Some(Registration::Serving));
        Ok(())
    }

    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        let known = self.registrations(node).await?;
        if known.contains_key(&instance) {
            self.set(node, instance, Some(Registration::Maintenance));
        }
        Ok(())
    }

    async fn deregister(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.set(node, instance, None);
        Ok(())
    }

    /// Nobody reads here how an instance is: the server tells that itself.
    async fn attest(&self, _: &NodeName, _: InstanceId, _: &Word) -> Result<(), Error> {
        Ok(())
    }

    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, Error> {
        // Of a node that is not there nothing is known.
        let registered = lock(&self.registered);
        Ok(registered.get(node).cloned().unwrap_or_default())
    }

    async fn changes(&self) -> BoxStream<'static, ()> {
        WatchStream::from_changes(self.changes.subscribe())
            .map(drop)
            .boxed()
    }
}

/// Nothing here can panic half-way, so what a panic elsewhere left is whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
