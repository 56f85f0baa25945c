//! The catalog of hosts that a person has listed in a file: many nodes, and no Consul.
//!
//! The file is read again whenever it has changed. One that cannot be read, or is wrong, changes nothing: what was read
//! before holds, and the log says so. Whether a host has failed is a person's word here, since nobody watches it: one that
//! does not answer is silent, and keeps what it has.

mod file;

pub use file::BadList;

use async_trait::async_trait;
use domain::{InstanceId, Node, NodeName};
use file::{List, Version};
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::{
    Catalog,
    catalog::{Entry, Error, Pool, Registration, Word},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often the file is looked at. A look is one `stat`.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is registered where.
type Registered = BTreeMap<NodeName, BTreeMap<InstanceId, Registration>>;

/// A catalog of listed nodes, with what is registered in memory: nobody sends traffic by it.
#[derive(Debug)]
pub struct Listed {
    file: PathBuf,
    list: Mutex<(Version, List)>,
    registered: Mutex<Registered>,
}

impl Listed {
    /// The nodes of this file.
    ///
    /// # Errors
    /// It cannot be read, or is wrong: says where.
    pub fn open(file: &Path) -> Result<Self, BadList> {
        Ok(Self {
            file: file.to_owned(),
            list: Mutex::new(List::read(file)?),
            registered: Mutex::default(),
        })
    }

    /// What the nodes of the file are called now, whatever their pools.
    #[must_use]
    pub fn names(&self) -> BTreeSet<NodeName> {
        self.list().names().cloned().collect()
    }

    /// The nodes as the file has them now.
    fn list(&self) -> List {
        let mut known = lock(&self.list);
        let now = Version::of(&self.file);
        if now != known.0 {
            match List::read(&self.file) {
                Ok(read) => *known = read,
                Err(error) => {
                    tracing::error!(%error, "the list of nodes is not taken; the one before it holds");
                    known.0 = now;
                }
            }
        }
        known.1.clone()
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

    fn registration(&self, node: &NodeName, instance: InstanceId) -> Option<Registration> {
        lock(&self.registered).get(node)?.get(&instance).copied()
    }
}

#[async_trait]
impl Catalog for Listed {
    async fn nodes(&self, pool: &Pool) -> Result<Vec<Node>, Error> {
        Ok(self.list().nodes(pool))
    }

    async fn register(&self, entry: &Entry) -> Result<(), Error> {
        self.set(&entry.node, entry.instance, Some(Registration::Serving));
        Ok(())
    }

    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        if self.registration(node, instance).is_some() {
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
        Ok(lock(&self.registered)
            .get(node)
            .cloned()
            .unwrap_or_default())
    }

    async fn changes(&self) -> BoxStream<'static, ()> {
        let next = |(seen, file): (Version, PathBuf)| async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let now = Version::of(&file);
                if now != seen {
                    return Some(((), (now, file)));
                }
            }
        };
        stream::unfold((Version::of(&self.file), self.file.clone()), next).boxed()
    }
}

/// Nothing here can panic half-way, so what a panic elsewhere left is whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
