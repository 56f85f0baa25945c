//! The catalog of one machine alone: its Docker host is the only node of every pool.

use async_trait::async_trait;
use domain::{
    InstanceId, Node, NodeName,
    node::{Duty, NodeState},
};
use futures_util::stream::{BoxStream, StreamExt};
use ports::{
    Catalog,
    catalog::{Entry, Error, Pool, Registration},
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
    registered: Mutex<BTreeMap<InstanceId, Registration>>,
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

    /// The machine has told what it has.
    pub fn set_capacity(&self, capacity: Capacity) {
        let mut machine = lock(&self.machine);
        if machine.capacity != Some(capacity) {
            machine.capacity = Some(capacity);
            drop(machine);
            self.tell();
        }
    }

    /// # Errors
    /// `Refused` for another node than the machine.
    fn check(&self, node: &NodeName) -> Result<(), Error> {
        let machine = lock(&self.machine);
        if machine.name == *node {
            Ok(())
        } else {
            Err(Error::Refused(format!(
                "there is no node but {}",
                machine.name
            )))
        }
    }

    /// Enters what an instance is, or takes it out, and tells the watchers when that is new.
    fn set(&self, instance: InstanceId, registration: Option<Registration>) {
        let mut registered = lock(&self.registered);
        let before = match registration {
            Some(registration) => registered.insert(instance, registration),
            None => registered.remove(&instance),
        };
        drop(registered);
        if before != registration {
            self.tell();
        }
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
        self.check(&entry.node)?;
        self.set(entry.instance, Some(Registration::Serving));
        Ok(())
    }

    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.check(node)?;
        if lock(&self.registered).contains_key(&instance) {
            self.set(instance, Some(Registration::Maintenance));
        }
        Ok(())
    }

    async fn deregister(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.check(node)?;
        self.set(instance, None);
        Ok(())
    }

    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, Error> {
        // Of a node that is not there nothing is known.
        match self.check(node) {
            Ok(()) => Ok(lock(&self.registered).clone()),
            Err(_) => Ok(BTreeMap::new()),
        }
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
