//! The Docker hosts besides the one that builds.

use super::values::{certificate_life, singleton_lease};
use ports::Passes;
use runtime::{AuthFile, Certificates, NoPasses, PassProgram, Remote};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Which hosts there are, and how their Engines are spoken to.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Hosts {
    /// File that lists the nodes (TOML; see docs/nodes.md); it is read again when it changes. [default: none, this host
    /// is the only node]
    #[arg(long, env = "JOCKEY_NODES", value_name = "FILE")]
    pub(crate) nodes: Option<PathBuf>,
    /// Directory with ca.pem, cert.pem and key.pem, with which this server shows itself to the Docker Engines of other
    /// hosts, and knows them. Read for each connection.
    #[arg(long, env = "JOCKEY_DOCKER_CERTS", value_name = "DIR")]
    pub(crate) docker_certs: Option<PathBuf>,
    /// Speak to the Docker Engines of other hosts without TLS. Whoever reaches such a port owns its host: only where the
    /// network itself keeps everybody else out.
    #[arg(long, env = "JOCKEY_DOCKER_PLAIN_TCP", conflicts_with = "docker_certs")]
    pub(crate) docker_plain_tcp: bool,
    /// How long the certificate of a node is good that has joined by a token; it is renewed when two thirds of that are
    /// over. 1s to 30d.
    #[arg(long, env = "JOCKEY_NODE_CERTIFICATE_LIFE", default_value = "24h", value_parser = certificate_life, value_name = "TIME")]
    pub(crate) node_certificate_life: Duration,
    /// How long a node that has joined lets a singleton run without being heard of, counted by the database. Its program
    /// stops it before that is over; then it is started elsewhere. 6s to 1h.
    #[arg(long, env = "JOCKEY_SINGLETON_LEASE", default_value = "30s", value_parser = singleton_lease, value_name = "TIME")]
    pub(crate) singleton_lease: Duration,
    /// File with what registries are shown, as `docker login` writes it. Read for each push and pull; nothing of it stays
    /// on a node. [default: none]
    #[arg(long, env = "JOCKEY_REGISTRY_AUTH", value_name = "FILE")]
    pub(crate) registry_auth: Option<PathBuf>,
    /// Program that is told a registry and tells a pass for it, as Docker's credential helpers do: docker-credential-…
    /// [default: none]
    #[arg(
        long,
        env = "JOCKEY_REGISTRY_HELPER",
        conflicts_with = "registry_auth",
        value_name = "PROGRAM"
    )]
    pub(crate) registry_helper: Option<PathBuf>,
}

impl Hosts {
    /// Where what registries are shown comes from.
    pub(crate) fn passes(&self) -> Arc<dyn Passes> {
        match (&self.registry_auth, &self.registry_helper) {
            (Some(file), _) => Arc::new(AuthFile(file.clone())),
            (None, Some(program)) => Arc::new(PassProgram(program.clone())),
            (None, None) => Arc::new(NoPasses),
        }
    }

    /// How the Engines of other hosts are spoken to.
    pub(crate) fn remote(&self) -> Remote {
        match (&self.docker_certs, self.docker_plain_tcp) {
            (Some(directory), _) => Remote::Tls(Certificates::below(directory)),
            (None, true) => Remote::Plain,
            (None, false) => Remote::Refused,
        }
    }
}
