//! What a catalog on Consul is given.

use super::client::{BadAddress, BadTls, Base, Client, Identity, Pem, Tls, Transport};
use crate::Machine;
use domain::InstallationId;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// What a catalog on Consul is given.
#[derive(Debug, Clone)]
pub struct Settings {
    /// An agent, best that of this host: `http://127.0.0.1:8500`.
    pub address: String,
    /// Where the agents of other nodes listen, on their nodes' addresses. None: the port of `address`.
    pub agent_port: Option<u16>,
    pub token: Option<SecretString>,
    /// Whether the token may be sent to other hosts without TLS.
    pub plain_token: bool,
    /// None: the agent's own.
    pub datacenter: Option<String>,
    /// Only servers of Consul Enterprise have them.
    pub namespace: Option<String>,
    pub tls: TlsFiles,
    pub installation: InstallationId,
    /// The host on which this server is, where it is one of the nodes.
    pub machine: Machine,
    /// What every instance is tagged with besides: `{service}`, `{app}`, `{worker}`, `{environment}` are filled in.
    pub tags: Vec<String>,
}

/// Files by which agents are known, and by which they know who calls.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    /// The CA of agents. None: those of the machine.
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// The name that the agents' certificates are for. None: the host that is called.
    pub server_name: Option<String>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error(transparent)]
    Tls(#[from] BadTls),
    #[error("{path} cannot be read: {error}")]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
}

impl Settings {
    /// The client, and the agent that it asks first.
    pub(super) fn client(&self) -> Result<(Client, Base), BadSettings> {
        let base = self.address.parse()?;
        let transport = Transport::new(&self.tls.read()?)?;
        let identity = Identity {
            token: self.token.clone(),
            plain_token: self.plain_token,
            datacenter: self.datacenter.clone(),
            namespace: self.namespace.clone(),
        };
        Ok((Client::new(transport, identity), base))
    }
}

impl TlsFiles {
    fn read(&self) -> Result<Tls, BadSettings> {
        let pem = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
        Ok(Tls {
            ca: pem(&self.ca)?,
            client: pem(&self.certificate)?.zip(pem(&self.key)?),
            server_name: self.server_name.clone(),
        })
    }
}

fn read(path: &Path) -> Result<Pem, BadSettings> {
    let bytes = std::fs::read(path).map_err(|error| BadSettings::File {
        path: path.to_owned(),
        error,
    })?;
    Ok(Pem {
        bytes,
        name: path.display().to_string(),
    })
}
