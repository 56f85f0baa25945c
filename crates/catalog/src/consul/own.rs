//! The server's own service, and whether its token may do what it has to.

use super::{
    Consul,
    body::INSTALLATION,
    client::{CheckBody, Fault, ServiceBody, Status},
};
use domain::NodeName;
use ports::catalog::Error;
use std::{collections::BTreeMap, net::IpAddr};

/// What servers are called.
const SERVICE: &str = "jockey";
/// How long a server may be away before its agent forgets it.
const FORGET_AFTER: &str = "10m";

/// This server, as its agent is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Another one for each server of the datacenter, and the same after a restart.
    pub id: String,
    /// Where the API is reached. Empty: on the node's own address.
    pub address: String,
    pub port: u16,
    pub check: OwnCheck,
    pub version: String,
}

/// How an agent finds out whether a server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCheck {
    /// `GET` of this address.
    Http(String),
    /// A connection to this `host:port`.
    Tcp(String),
}

fn is_loopback(address: &str) -> bool {
    let address: Result<IpAddr, _> = address.parse();
    address.is_ok_and(|address| address.is_loopback())
}

impl Consul {
    /// Makes this server known to the agent that it is configured with, as a service `jockey`.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn register_server(&self, own: &Own) -> Result<(), Error> {
        let (http, tcp) = match &own.check {
            OwnCheck::Http(url) => (Some(url.clone()), None),
            OwnCheck::Tcp(at) => (None, Some(at.clone())),
        };
        let body = ServiceBody {
            id: own.id.clone(),
            name: SERVICE.to_owned(),
            address: own.address.clone(),
            port: Some(own.port),
            tags: Vec::new(),
            meta: BTreeMap::from([
                (INSTALLATION.to_owned(), self.installation.to_string()),
                ("version".to_owned(), own.version.clone()),
            ]),
            check: CheckBody {
                id: format!("{}:ready", own.id),
                name: "ready".to_owned(),
                http,
                tcp,
                ttl: None,
                interval: Some("10s".to_owned()),
                timeout: Some("2s".to_owned()),
                status: Status::Passing,
                deregister_critical_service_after: FORGET_AFTER.to_owned(),
            },
        };
        self.tell_agent(&self.base, &body).await
    }

    /// Lets the agent forget this server.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn deregister_server(&self, id: &str) -> Result<(), Error> {
        self.forget(&self.base, id).await
    }

    /// The node of this server's own host.
    #[must_use]
    pub fn own_node(&self) -> NodeName {
        super::lock(&self.machine).name.clone()
    }

    /// Where the agent is that the server is configured with.
    #[must_use]
    pub fn agent(&self) -> (&str, u16) {
        (&self.base.host, self.base.port)
    }

    /// What is wrong where instances of this server's own host are registered at loopback while Consul knows the host by
    /// an address that others reach. None: nothing.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn told_at_loopback(&self) -> Result<Option<String>, Error> {
        let (name, address) = {
            let machine = super::lock(&self.machine);
            (machine.name.clone(), machine.address.clone())
        };
        if !is_loopback(&address) {
            return Ok(None);
        }
        let known = self.client.node(&self.base, name.as_str()).await?;
        let known = known.filter(|row| !is_loopback(&row.address));
        Ok(known.map(|row| {
            format!(
                "instances on {name} are told to Consul at {address}, where no other host reaches them; give \
                 --node-address {}",
                row.address
            )
        }))
    }

    /// Looks whether Consul answers, and whether the token may do what Jockey needs of it. A sentence of what was seen.
    ///
    /// A service of no use is registered for a moment, since nothing else shows that one may be.
    ///
    /// # Errors
    /// `Unreachable`, `Refused` with what is missing.
    pub async fn examine(&self) -> Result<String, Error> {
        let missing = |fault: Fault, rule: &str| match fault {
            Fault::Denied(why) => Error::Refused(format!(
                "the token may not {rule}: {why}; see docs/consul.md for its policy"
            )),
            fault => fault.into(),
        };
        let myself = self.client.myself(&self.base).await.map_err(|fault| {
            missing(
                fault,
                "read agents (`agent_prefix \"\" { policy = \"read\" }`)",
            )
        })?;
        self.may_read().await?;
        let nodes = self.client.nodes(&self.base).await?.len();
        let id = format!("jockey-check-{}", self.installation);
        let probe = ServiceBody {
            id: id.clone(),
            name: "jockey-check".to_owned(),
            address: String::new(),
            port: None,
            tags: Vec::new(),
            meta: BTreeMap::from([("jockey-check".to_owned(), id.clone())]),
            check: CheckBody {
                id: format!("{id}:ready"),
                name: "ready".to_owned(),
                http: None,
                tcp: None,
                ttl: Some("60s".to_owned()),
                interval: None,
                timeout: None,
                status: Status::Passing,
                deregister_critical_service_after: "1m".to_owned(),
            },
        };
        let rule = "write services (`service_prefix \"\" { policy = \"write\" }`)";
        self.client
            .register(&self.base, &probe)
            .await
            .map_err(|fault| missing(fault, rule))?;
        let seen = self
            .client
            .services_with(&self.base, "jockey-check", &id)
            .await;
        super::was_so(self.client.deregister(&self.base, &id).await)?;
        if seen?.is_empty() {
            return Err(Error::Refused(
                "the token may write services and not read them; see docs/consul.md for its policy"
                    .to_owned(),
            ));
        }
        if let Some(wrong) = self.told_at_loopback().await? {
            return Err(Error::Refused(wrong));
        }
        Ok(format!(
            "Consul {} answers on node {}, {nodes} nodes in its datacenter, services may be registered",
            myself.version, myself.node
        ))
    }
}
