//! Several Docker hosts on one machine: each a network namespace with an address of its own, an engine of its own that
//! speaks TLS there, and a link that can be cut; and a registry that all of them reach.
//!
//! Needs root. Everything goes on drop; what a killed test leaves goes when the next cluster is started.

mod agents;
mod certificates;
mod filters;
mod leftovers;
mod network;
mod places;

pub use agents::{Agent, CONSUL_PORT};
pub use filters::Cut;
pub use places::Place;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use tempfile::TempDir;

use crate::{
    docker::{self, Engine, engine::network_namespace},
    registry::Registry,
};
use certificates::Certificates;
use leftovers::Note;
use network::Network;

/// Where the engines speak TLS.
pub const DOCKER_PORT: u16 = 2376;
/// As many hosts as certificates are made for.
const HOSTS_MAX: usize = 9;

/// Some hosts, and a registry.
#[derive(Debug)]
pub struct Cluster {
    // In the order in which they go.
    agents: Vec<Agent>,
    hosts: Vec<Host>,
    places: Vec<Place>,
    registry: Option<Registry>,
    network: Network,
    certificates: Certificates,
    directory: TempDir,
    note: Note,
}

/// One Docker host.
#[derive(Debug)]
pub struct Host {
    name: String,
    address: Ipv4Addr,
    /// Its engine, which may be stopped, killed and started again.
    pub engine: Engine,
}

impl Cluster {
    /// Starts hosts of these names, each with an engine that has no image but the base image, and a registry.
    ///
    /// # Errors
    /// Not root, or something that is missing: says what to run.
    pub fn start(names: &[&str]) -> anyhow::Result<Self> {
        Self::start_for(std::process::id(), names)
    }

    /// The same, which is to go when this process has ended.
    fn start_for(owner: u32, names: &[&str]) -> anyhow::Result<Self> {
        // What does not go now is somebody's to remove the next time; it is no reason to fail here.
        let _left = leftovers::sweep();
        let mut note = Note::take(owner)?;
        let directory = tempfile::Builder::new()
            .prefix("jockey-cluster-")
            .tempdir()?;
        note.add_directory(directory.path())?;
        let network = Network::make(note.number())?;
        note.add_holder(network.holder())?;
        let addresses: Vec<Ipv4Addr> = (0..HOSTS_MAX).map(|at| network.address_of(at)).collect();
        let certificates = Certificates::make(directory.path(), &addresses)?;
        let registry = Registry::start_in(directory.path(), IpAddr::V4(network.gateway()))?;
        let mut cluster = Self {
            agents: Vec::new(),
            hosts: Vec::new(),
            places: Vec::new(),
            registry: Some(registry),
            network,
            certificates,
            directory,
            note,
        };
        for name in names {
            cluster.join(name)?;
        }
        Ok(cluster)
    }

    /// Starts one more host.
    ///
    /// # Errors
    /// Its engine does not start. Certificates are made for nine.
    pub fn join(&mut self, name: &str) -> anyhow::Result<&Host> {
        let at = self.hosts.len();
        let namespace = network_namespace()?;
        self.note.add_holder(namespace.id())?;
        let address = self.network.connect(at, namespace.id())?;
        // The registry speaks plain HTTP; who else is in this network is ours too.
        let settings = format!(
            r#"{{"insecure-registries": ["{}/24"]}}"#,
            self.network.gateway()
        );
        let mut arguments = vec![
            "--host".into(),
            format!("tcp://{address}:{DOCKER_PORT}").into(),
        ];
        arguments.extend(self.certificates.of_engine());
        let engine = Engine::start_in(namespace, self.directory.path(), &settings, arguments)
            .with_context(|| format!("host {name}"))?;
        self.hosts.push(Host {
            name: name.to_owned(),
            address,
            engine,
        });
        Ok(&self.hosts[at])
    }

    /// The hosts, in the order in which they joined.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// One of them, by name.
    ///
    /// # Panics
    /// There is none of this name.
    pub fn host(&mut self, name: &str) -> &mut Host {
        let found = self.hosts.iter_mut().find(|host| host.name == name);
        found.unwrap_or_else(|| panic!("there is no host {name}"))
    }

    /// Directory with `ca.pem`, `cert.pem` and `key.pem`, with which the engines are spoken to.
    #[must_use]
    pub fn certificates(&self) -> &Path {
        self.certificates.directory()
    }

    /// A directory with a certificate of another CA, which no engine believes.
    ///
    /// # Errors
    /// What openssl says.
    pub fn strange_certificates(&self) -> anyhow::Result<PathBuf> {
        self.certificates.strange()
    }

    /// The registry's host and port; none while it is down.
    #[must_use]
    pub fn registry(&self) -> Option<SocketAddr> {
        self.registry.as_ref().map(Registry::address)
    }

    /// Ends the registry, with all that it holds.
    pub fn end_registry(&mut self) {
        self.registry = None;
    }

    /// Ends the registry with SIGKILL. What it holds stays.
    pub fn kill_registry(&mut self) {
        if let Some(registry) = &mut self.registry {
            registry.kill();
        }
    }

    /// Starts it again, where it was and with what it held.
    ///
    /// # Errors
    /// It does not listen in time.
    pub fn resume_registry(&mut self) -> anyhow::Result<()> {
        self.registry.as_mut().map_or(Ok(()), Registry::resume)
    }

    /// The address of this machine in the cluster's network.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        self.network.gateway()
    }

    /// Cuts the link of a host: nothing reaches it, and it reaches nothing.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn cut(&self, name: &str) -> anyhow::Result<()> {
        self.network.set(self.number_of(name)?, "down")
    }

    /// Mends it.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn mend(&self, name: &str) -> anyhow::Result<()> {
        self.network.set(self.number_of(name)?, "up")
    }

    fn number_of(&self, name: &str) -> anyhow::Result<usize> {
        let found = self.hosts.iter().position(|host| host.name == name);
        found.with_context(|| format!("there is no host {name}"))
    }
}

impl Host {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address in the cluster's network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Where its engine speaks TLS: `tcp://10.99.1.11:2376`.
    #[must_use]
    pub fn docker(&self) -> String {
        format!("tcp://{}:{DOCKER_PORT}", self.address)
    }

    /// A command that runs on this host, as far as its network goes. It is ended with what else a killed test leaves.
    #[must_use]
    pub fn enter(&self, program: impl AsRef<Path>) -> Command {
        self.engine.enter(program)
    }

    /// The ids of the running containers of an installation.
    ///
    /// # Errors
    /// What `docker` says.
    pub fn running(&self, label: &str) -> anyhow::Result<Vec<String>> {
        let filter = format!("label={label}");
        let text = self
            .engine
            .run(["ps", "--quiet", "--no-trunc", "--filter", &filter])?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.agents.clear();
        // An engine takes its containers away itself; all at once, since each takes seconds.
        std::thread::scope(|scope| {
            for host in self.hosts.drain(..) {
                scope.spawn(move || drop(host));
            }
        });
        self.registry = None;
        self.note.clear();
    }
}

/// Runs a command of the system's, and fails with its words.
fn system<const N: usize>(program: &str, arguments: [&str; N]) -> anyhow::Result<String> {
    docker::capture(Command::new(program).args(arguments))
}

#[cfg(test)]
mod tests;
