//! The catalog on Consul: hosts join a pool by registering its service, and each instance is a service of its own node's
//! agent.
//!
//! **Invariant:** only services that bear this Installation's id in their meta are read or changed. An agent knows services
//! by their ids alone, so whose one is is read before it is changed.

mod agents;
mod body;
mod client;
mod host;
mod own;
mod pool;
mod settings;
mod watch;

pub use client::{BadAddress, BadTls};
pub use host::{HOST_WORD_COUNTS, Host, HostAgent};
pub use own::{Own, OwnCheck};
pub use settings::{BadSettings, Settings, TlsFiles};

use crate::Machine;
use agents::Agents;
use async_trait::async_trait;
use client::{Base, Client, Fault};
use domain::{InstallationId, InstanceId, Node, NodeName};
use futures_util::stream::{BoxStream, StreamExt};
use ports::{
    Catalog,
    catalog::{Entry, Error, Pool, Registration, Word},
    runtime::Capacity,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch as channel;
use tokio_stream::wrappers::WatchStream;
use watch::Watches;

/// What an instance is in maintenance for, as Consul shows it.
const DRAINS: &str = "it is about to be stopped: Jockey takes it out of traffic first";

/// Whose a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Nobodys,
    Ours,
    Others,
}

/// The catalog of one datacenter, as one Installation sees it.
#[derive(Debug)]
pub struct Consul {
    client: Client,
    /// The agent that is asked for what concerns the whole datacenter.
    base: Base,
    installation: InstallationId,
    /// The host on which this server is, where it is one of the nodes.
    machine: Mutex<Machine>,
    tags: Vec<String>,
    agents: Agents,
    watches: Watches,
    /// Counts the changes, so that a watcher that was away learns of them in one.
    changes: channel::Sender<u64>,
}

impl Consul {
    /// Speaks to no one yet.
    ///
    /// # Errors
    /// A setting that cannot be used, a file that cannot be read.
    pub fn new(settings: Settings) -> Result<Self, BadSettings> {
        let (client, base) = settings.client()?;
        let changes = channel::Sender::new(0);
        Ok(Self {
            agents: Agents::new(client.clone(), base.clone(), settings.agent_port),
            watches: Watches::new(client.clone(), base.clone(), changes.clone()),
            client,
            base,
            installation: settings.installation,
            machine: Mutex::new(settings.machine),
            tags: settings.tags,
            changes,
        })
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

    /// Whether Consul answers, and shows what there is.
    ///
    /// # Errors
    /// `Unreachable`, `Refused` with what to do.
    pub async fn ping(&self) -> Result<(), Error> {
        self.may_read().await
    }

    /// Whether an answer in which nothing is may be believed: to who has no token, or one that may not read, Consul shows
    /// nothing and calls it well. A datacenter has at least one node.
    ///
    /// # Errors
    /// `Refused` with what to do.
    async fn may_read(&self) -> Result<(), Error> {
        match self.client.nodes(&self.base).await?.is_empty() {
            false => Ok(()),
            true => Err(Error::Refused(format!(
                "Consul at {} shows no node at all: its token may not read nodes, or none is given; see docs/consul.md",
                self.base
            ))),
        }
    }

    /// Whose a service of an agent is.
    async fn whose(&self, agent: &Base, id: &str) -> Result<Whose, Fault> {
        let own = self.installation.to_string();
        Ok(match self.client.service_meta(agent, id).await? {
            None => Whose::Nobodys,
            Some(meta) if meta.get(body::INSTALLATION) == Some(&own) => Whose::Ours,
            Some(_) => Whose::Others,
        })
    }

    /// Tells an agent of a service, unless it is another's.
    async fn tell_agent(&self, agent: &Base, body: &client::ServiceBody) -> Result<(), Error> {
        match self.whose(agent, &body.id).await? {
            Whose::Nobodys | Whose::Ours => Ok(self.client.register(agent, body).await?),
            Whose::Others => Err(Error::Refused(format!(
                "the agent at {agent} has a service {} already, which is not this installation's",
                body.id
            ))),
        }
    }

    /// Lets an agent forget a service, if it is ours.
    async fn forget(&self, agent: &Base, id: &str) -> Result<(), Error> {
        if self.whose(agent, id).await? != Whose::Ours {
            return Ok(());
        }
        was_so(self.client.deregister(agent, id).await)
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

#[async_trait]
impl Catalog for Consul {
    async fn nodes(&self, pool: &Pool) -> Result<Vec<Node>, Error> {
        let service = pool::service(pool);
        let rows = self.client.service_health(&self.base, &service).await?;
        if rows.is_empty() {
            self.may_read().await?;
        }
        self.watches.follow(&service, &rows);
        let machine = lock(&self.machine).clone();
        let mut nodes = BTreeMap::new();
        for row in &rows {
            match pool::node(row, &machine) {
                Ok(node) => {
                    self.agents
                        .learn(&node.name, &row.node, row.service.meta.as_ref());
                    nodes.entry(node.name.clone()).or_insert(node);
                }
                Err(error) => tracing::warn!(%error, pool = service, "a node that cannot be used"),
            }
        }
        Ok(nodes.into_values().collect())
    }

    async fn register(&self, entry: &Entry) -> Result<(), Error> {
        let Some(agent) = self.agents.of(&entry.node).await? else {
            return Err(Error::Refused(format!("there is no node {}", entry.node)));
        };
        let body = body::of_instance(entry, self.installation, &self.tags);
        self.tell_agent(&agent, &body).await
    }

    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        let Some(agent) = self.agents.of(node).await? else {
            return Ok(());
        };
        let id = instance.to_string();
        if self.whose(&agent, &id).await? != Whose::Ours {
            return Ok(());
        }
        was_so(self.client.maintenance(&agent, &id, DRAINS).await)
    }

    async fn deregister(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        let Some(agent) = self.agents.of(node).await? else {
            return Ok(());
        };
        self.forget(&agent, &instance.to_string()).await
    }

    async fn attest(
        &self,
        node: &NodeName,
        instance: InstanceId,
        word: &Word,
    ) -> Result<(), Error> {
        let Some(agent) = self.agents.of(node).await? else {
            return Ok(());
        };
        if self.whose(&agent, &instance.to_string()).await? != Whose::Ours {
            return Ok(());
        }
        let (status, output) = body::status(word);
        let id = body::check_id(instance);
        was_so(self.client.update_check(&agent, &id, status, output).await)
    }

    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, Error> {
        let Some(agent) = self.agents.of(node).await? else {
            return Ok(BTreeMap::new());
        };
        let installation = self.installation.to_string();
        let services = self
            .client
            .services_with(&agent, body::INSTALLATION, &installation)
            .await?;
        if services.is_empty() {
            return Ok(BTreeMap::new());
        }
        let kept = self.client.maintenances(&agent).await?;
        let kept: BTreeSet<&str> = kept.iter().map(|check| check.service.as_str()).collect();
        let known = services.iter().filter_map(|service| {
            let registration = match kept.contains(service.id.as_str()) {
                true => Registration::Maintenance,
                false => Registration::Serving,
            };
            // The server itself is a service too, and no instance.
            Some((service.id.parse().ok()?, registration))
        });
        Ok(known.collect())
    }

    async fn changes(&self) -> BoxStream<'static, ()> {
        WatchStream::from_changes(self.changes.subscribe())
            .map(drop)
            .boxed()
    }
}

/// What is not there needs no change.
fn was_so(answer: Result<(), Fault>) -> Result<(), Error> {
    match answer {
        Ok(()) | Err(Fault::Missing(_)) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}

/// Nothing here can panic half-way, so what a panic elsewhere left is whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
