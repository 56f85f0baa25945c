//! The nodes that the catalog has told of, and which of them has an Engine that several claim.

use domain::{Node, NodeName};
use ports::runtime::Capacity;
use runtime::{Address, BadAddress, Docker, Facts};
use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};
use tokio::time::Instant;

/// A node that the catalog has not told of for this long leaves its Engine to who has come in its place: a host that was
/// given another name.
const LEFT: Duration = Duration::from_secs(600);

/// What is known of nodes.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) hosts: BTreeMap<NodeName, Host>,
    /// The node that has each Engine. **Invariant:** one alone, or each of its containers would be seen twice, and taken
    /// for a copy of itself.
    engines: BTreeMap<Engine, NodeName>,
}

/// A node of the catalog.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) way: Result<Way, NoWay>,
    /// None: it has not answered yet.
    pub(super) told: Option<Told>,
    /// When it was asked for it.
    pub(super) asked: Option<Instant>,
    /// When the catalog has told of it last.
    pub(super) met: Instant,
    /// The node that has its Engine. It is not worked with then.
    pub(super) double: Option<NodeName>,
}

/// How a node is reached.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) address: Address,
    pub(super) bind: IpAddr,
    pub(super) docker: Docker,
}

/// Why a node is not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoWay {
    Address(BadAddress),
    /// A socket of the server's own host, said of another.
    Socket(String),
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(bad) => bad.fmt(f),
            Self::Socket(text) => write!(
                f,
                "`{text}` is a socket of the server's own host, and the node is another; write where its Engine is as \
                 tcp://HOST[:PORT]"
            ),
        }
    }
}

/// What the Engine of a node says of itself.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) engine: Engine,
    pub(super) capacity: Capacity,
}

/// What tells Engines apart: the id, the host's name and the directory. None of these does alone, since Engines on one
/// machine may share the first two, and machines that were copied the first and the last.
pub(super) type Engine = (String, String, String);

impl Host {
    pub(super) fn new(way: Result<Way, NoWay>) -> Self {
        Self {
            way,
            told: None,
            asked: None,
            met: Instant::now(),
            double: None,
        }
    }

    fn has(&self, engine: &Engine) -> bool {
        self.told
            .as_ref()
            .is_some_and(|told| told.engine == *engine)
    }
}

impl Told {
    pub(super) fn of(facts: Facts) -> Self {
        Self {
            engine: (facts.id, facts.host, facts.root),
            capacity: facts.capacity,
        }
    }
}

impl Met {
    /// Gives each Engine to one of these nodes: to the server's own, else to the one that had it before, else to the first.
    pub(super) fn tell_apart(&mut self, nodes: &[Node], own: &NodeName) {
        let names = || nodes.iter().map(|node| &node.name);
        for name in names().filter(|name| *name == own) {
            self.claim(name, own);
        }
        for name in names().filter(|name| *name != own) {
            self.claim(name, own);
        }
    }

    fn claim(&mut self, name: &NodeName, own: &NodeName) {
        let told = self.hosts.get(name).and_then(|host| host.told.as_ref());
        let Some(engine) = told.map(|told| told.engine.clone()) else {
            return;
        };
        let holder = self.engines.get(&engine).filter(|holder| {
            let host = self.hosts.get(*holder);
            let holds = host.is_some_and(|host| host.has(&engine) && host.met.elapsed() < LEFT);
            holds && *holder != name && name != own
        });
        let double = holder.cloned();
        if double.is_none()
            && let Some(before) = self.engines.insert(engine.clone(), name.clone())
            && before != *name
            && let Some(host) = self.hosts.get_mut(&before)
            && host.has(&engine)
        {
            // It is not told of any more, or not as the server's own: it shows the same containers.
            host.double = Some(name.clone());
        }
        let Some(host) = self.hosts.get_mut(name) else {
            return;
        };
        match &double {
            Some(other) if host.double != double => tracing::error!(
                node = %name, %other,
                "both nodes have the same Docker Engine, and this one is not worked with: a host is one node, so take one \
                 of them out of its pool"
            ),
            None if host.double.is_some() => {
                tracing::info!(node = %name, "a node to work with again")
            }
            Some(_) | None => {}
        }
        host.double = double;
    }
}
