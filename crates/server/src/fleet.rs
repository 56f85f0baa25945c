//! The Docker hosts that this server reaches: its own, and each that the catalog tells of.

mod acquainted;
mod joined;
mod met;

pub(crate) use acquainted::Acquainted;
pub(crate) use joined::{Hears, Joined, Names};

use domain::{InstallationId, Node, NodeName};
use futures_util::future::join_all;
use met::{Host, Met, NoWay, Told, Way};
use ports::{Fleet, Images, Runtime, fleet::UnknownNode};
use runtime::{Address, BadAddress, Carried, Docker, Remote, Wallet};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::Instant;

/// How long a host is waited for that has not told yet what it has, and how soon it is asked again. Who waits is a look at
/// the pool: a host that is gone holds it up for this long, this often.
const ASK: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_secs(15);
/// For how long something may be left on a host of which the catalog tells no more.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// What of a node's meta says where its Engine is. Without it: at the node's address.
const DOCKER: &str = "docker";
/// How that begins where a node program carries what is said to it.
pub(crate) const CARRIED: &str = "node://";

/// The hosts that are known, by name.
pub(crate) struct Hosts {
    /// The Engine that builds. A node where the catalog says so.
    local: Local,
    installation: InstallationId,
    /// How the others are spoken to.
    remote: Remote,
    /// What those are shown that have joined.
    wallet: Option<Arc<dyn Wallet>>,
    met: RwLock<Met>,
}

/// The Engine that the server was given.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) address: Address,
    /// Its name, and where its instances publish their ports while the catalog does not say otherwise. In all else the
    /// other hosts are used as it is.
    pub(crate) settings: runtime::Settings,
    pub(crate) docker: Docker,
}

impl Hosts {
    /// Knows the local Engine alone.
    pub(crate) fn new(local: Local, installation: InstallationId, remote: Remote) -> Self {
        Self {
            local,
            installation,
            remote,
            wallet: None,
            met: RwLock::default(),
        }
    }

    /// Reaches nodes that have joined, by what this wallet has for them.
    pub(crate) fn showing(mut self, wallet: Arc<dyn Wallet>) -> Self {
        self.wallet = Some(wallet);
        self
    }

    /// Gets to know these nodes, and what they have. One that was known otherwise, at another address, is made anew.
    async fn meet(&self, nodes: &mut [Node]) {
        for node in nodes.iter() {
            self.introduce(node);
        }
        let unasked = nodes.iter().filter_map(|node| self.to_ask(&node.name));
        let asking = unasked.map(|(name, docker)| async move {
            let told = tokio::time::timeout(ASK, docker.facts()).await;
            if let Ok(Ok(facts)) = told
                && let Some(host) = write(&self.met).hosts.get_mut(&name)
            {
                host.told = Some(Told::of(facts));
            }
        });
        join_all(asking).await;
        write(&self.met).tell_apart(nodes, &self.local.settings.node);
        let met = read(&self.met);
        for node in nodes {
            let told = met
                .hosts
                .get(&node.name)
                .and_then(|host| host.told.as_ref());
            let capacity = told.map(|told| told.capacity);
            // What the catalog says counts: a person may want less of a host than it has.
            node.memory = node.memory.or(capacity.map(|of| of.memory));
            node.cpu = node.cpu.or(capacity.map(|of| of.cpu));
        }
    }

    fn introduce(&self, node: &Node) {
        let (address, bind) = (self.address(node), bind(node));
        if let Some(known) = write(&self.met).hosts.get_mut(&node.name) {
            known.met = Instant::now();
            let same = match (&known.way, &address) {
                (Ok(way), Ok(address)) => way.address == *address && way.bind == bind,
                (Err(known), Err(wrong)) => known == wrong,
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            };
            if same {
                return;
            }
        }
        let way = address.and_then(|address| self.way(&node.name, address, bind));
        match &way {
            Ok(way) => {
                tracing::info!(node = %node.name, docker = %way.address, "a node to work with")
            }
            Err(error) => tracing::error!(node = %node.name, %error, "the node cannot be reached"),
        }
        let host = Host::new(way);
        write(&self.met).hosts.insert(node.name.clone(), host);
    }

    fn address(&self, node: &Node) -> Result<Address, NoWay> {
        let is_local = node.name == self.local.settings.node;
        let text = match node.meta.get(DOCKER) {
            Some(text) => text.clone(),
            None if is_local => return Ok(self.local.address.clone()),
            None if node.address.contains(':') => format!("tcp://[{}]", node.address),
            None => format!("tcp://{}", node.address),
        };
        if let (Some(place), Some(wallet)) = (text.strip_prefix(CARRIED), &self.wallet) {
            let carried = Carried::new(node.name.clone(), Arc::clone(wallet));
            return Address::carried(place, carried).map_err(NoWay::Address);
        }
        match Address::parse(&text, &self.remote) {
            Ok(Address::Unix(_)) if !is_local => Err(NoWay::Socket(text)),
            address => address.map_err(NoWay::Address),
        }
    }

    fn way(&self, name: &NodeName, address: Address, bind: IpAddr) -> Result<Way, NoWay> {
        let local = &self.local;
        let is_local =
            local.settings.node == *name && local.address == address && local.settings.bind == bind;
        let docker = match is_local {
            true => local.docker.clone(),
            false => {
                let settings = runtime::Settings {
                    node: name.clone(),
                    bind,
                    ..local.settings.clone()
                };
                Docker::connect(address.clone(), self.installation, settings)
                    .map_err(|error| NoWay::Address(BadAddress::NotOne(error.to_string())))?
            }
        };
        Ok(Way {
            address,
            bind,
            docker,
        })
    }

    /// A node whose capacity is not known and that was not asked for it lately. It counts as asked from now on.
    fn to_ask(&self, name: &NodeName) -> Option<(NodeName, Docker)> {
        let mut met = write(&self.met);
        let host = met.hosts.get_mut(name)?;
        let lately = host.asked.is_some_and(|at| at.elapsed() < ASK_AGAIN);
        if host.told.is_some() || lately {
            return None;
        }
        host.asked = Some(Instant::now());
        let way = host.way.as_ref().ok()?;
        Some((name.clone(), way.docker.clone()))
    }

    fn of(&self, node: &NodeName) -> Result<Docker, UnknownNode> {
        match read(&self.met).hosts.get(node) {
            Some(host) => match (&host.way, &host.double) {
                (Ok(way), None) => Ok(way.docker.clone()),
                (Err(_), _) | (Ok(_), Some(_)) => Err(UnknownNode(node.clone())),
            },
            None if *node == self.local.settings.node => Ok(self.local.docker.clone()),
            None => Err(UnknownNode(node.clone())),
        }
    }
}

/// Ports are published on the node's own address; where that is a name, on all that the host has.
fn bind(node: &Node) -> IpAddr {
    let address = node.address.parse();
    address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

impl Fleet for Hosts {
    fn nodes(&self) -> Vec<NodeName> {
        vec![self.local.settings.node.clone()]
    }

    fn met(&self) -> Vec<NodeName> {
        let mut names: BTreeSet<NodeName> = self.nodes().into_iter().collect();
        let met = read(&self.met);
        let lately = met
            .hosts
            .iter()
            .filter(|(_, host)| host.met.elapsed() < REMEMBERED);
        names.extend(lately.map(|(name, _)| name.clone()));
        names.into_iter().collect()
    }

    fn runtime(&self, node: &NodeName) -> Result<Arc<dyn Runtime>, UnknownNode> {
        self.of(node)
            .map(|docker| Arc::new(docker) as Arc<dyn Runtime>)
    }

    fn images(&self, node: &NodeName) -> Result<Arc<dyn Images>, UnknownNode> {
        self.of(node)
            .map(|docker| Arc::new(docker) as Arc<dyn Images>)
    }
}

/// Nothing here can panic half-way, so what a panic elsewhere left is whole.
fn read<T>(of: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    of.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(of: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    of.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
