//! A host that makes itself known as a node: the service of each of its pools, at its own agent, with a check that the
//! host keeps true.
//!
//! Such a service bears no Installation: a pool is a host's word, and several Installations may share it.

use super::{
    Settings, body,
    client::{Base, CheckBody, Client, Fault, ServiceBody, Status},
    pool, was_so,
};
use domain::{EnvironmentName, InstallationId, InstanceId, StackName};
use ports::catalog::{Error, Word};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// For how long a host's word counts, in Consul's form and as a time. Say it three times as often.
const COUNTS: &str = "30s";
pub const HOST_WORD_COUNTS: Duration = Duration::from_secs(30);

/// A host, as its agent is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The pools that it is in.
    pub pools: Vec<(EnvironmentName, StackName)>,
    /// Where its instances are reached.
    pub address: String,
    /// `docker` among others: see docs/consul.md.
    pub meta: BTreeMap<String, String>,
}

/// The agent of a host, as the host itself speaks to it.
#[derive(Debug)]
pub struct HostAgent {
    client: Client,
    base: Base,
    host: Host,
}

impl HostAgent {
    /// Speaks to no one yet.
    ///
    /// # Errors
    /// A setting that cannot be used, a file that cannot be read.
    pub fn new(settings: &Settings, host: Host) -> Result<Self, super::BadSettings> {
        let (client, base) = settings.client()?;
        Ok(Self { client, base, host })
    }

    /// What the agent's node is called.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn node(&self) -> Result<String, Error> {
        Ok(self.client.myself(&self.base).await?.node)
    }

    /// Says how the host's Engine is: the host joins its pools, where it is not in them.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn say(&self, word: &Word) -> Result<(), Error> {
        for name in self.names() {
            match self.tell(&name, word).await {
                Ok(()) => {}
                // The agent is new, or was set up anew.
                Err(Fault::Missing(_)) => self.join(&name, word).await?,
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Registers anew what the agent may know otherwise, from before: another address, or other meta.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn join_all(&self, word: &Word) -> Result<(), Error> {
        for name in self.names() {
            self.join(&name, word).await?;
        }
        Ok(())
    }

    async fn join(&self, name: &str, word: &Word) -> Result<(), Error> {
        let body = service(name, &self.host, status(word).0);
        self.client.register(&self.base, &body).await?;
        // Of a check that it has had before, an agent keeps what that said last.
        Ok(self.tell(name, word).await?)
    }

    async fn tell(&self, name: &str, word: &Word) -> Result<(), Fault> {
        let (status, output) = status(word);
        let check = check_id(name);
        self.client
            .update_check(&self.base, &check, status, output)
            .await
    }

    /// Leaves the pools: what the host has counts as lost.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn leave(&self) -> Result<(), Error> {
        for name in self.names() {
            was_so(self.client.deregister(&self.base, &name).await)?;
        }
        Ok(())
    }

    /// The instances of an Installation that this agent cannot ask and calls well, which it goes on to do for as long as a
    /// word counts. One that is about to be stopped is not among them.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn called_well(
        &self,
        installation: InstallationId,
    ) -> Result<BTreeSet<InstanceId>, Error> {
        let installation = installation.to_string();
        let services = self
            .client
            .services_with(&self.base, body::INSTALLATION, &installation)
            .await?;
        let without_port = services.iter().filter(|service| service.port == 0);
        // The server itself is a service too, and no instance.
        let mut instances: BTreeSet<InstanceId> = without_port
            .filter_map(|service| service.id.parse().ok())
            .collect();
        if instances.is_empty() {
            return Ok(instances);
        }
        let passing = self.client.passing(&self.base).await?;
        let passing: BTreeSet<&str> = passing.iter().map(|check| check.id.as_str()).collect();
        let kept = self.client.maintenances(&self.base).await?;
        let kept: BTreeSet<&str> = kept.iter().map(|check| check.service.as_str()).collect();
        instances.retain(|instance| {
            passing.contains(body::check_id(*instance).as_str())
                && !kept.contains(instance.to_string().as_str())
        });
        Ok(instances)
    }

    /// Says how such an instance is. Of one that is not there any more nothing is said.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn say_of(&self, instance: InstanceId, word: &Word) -> Result<(), Error> {
        let (status, output) = body::status(word);
        let check = body::check_id(instance);
        was_so(
            self.client
                .update_check(&self.base, &check, status, output)
                .await,
        )
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let pools = self.host.pools.iter();
        pools.map(|(environment, stack)| pool::service_of(stack, environment))
    }
}

fn status(word: &Word) -> (Status, &str) {
    match word {
        Word::Well => (Status::Passing, "Docker answers"),
        Word::Unwell(what) => (Status::Critical, what.as_str()),
    }
}

fn check_id(service: &str) -> String {
    format!("{service}:docker")
}

/// Nobody forgets a host for having been silent for long: unknown never stops anything.
fn service(name: &str, host: &Host, status: Status) -> ServiceBody {
    ServiceBody {
        id: name.to_owned(),
        name: name.to_owned(),
        address: host.address.clone(),
        port: None,
        tags: Vec::new(),
        meta: host.meta.clone(),
        check: CheckBody {
            id: check_id(name),
            name: "docker".to_owned(),
            http: None,
            tcp: None,
            ttl: Some(COUNTS.to_owned()),
            interval: None,
            timeout: None,
            status,
            deregister_critical_service_after: String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_service_of_each_pool_that_is_never_forgotten() {
        let host = Host {
            pools: vec![("production".parse().unwrap(), "api_two".parse().unwrap())],
            address: "10.0.0.11".to_owned(),
            meta: [("docker".to_owned(), "node://10.0.0.11:4045".to_owned())].into(),
        };
        let name = pool::service_of(&host.pools[0].1, &host.pools[0].0);
        let text = serde_json::to_string(&service(&name, &host, Status::Passing)).unwrap();
        for part in [
            r#""Name":"jockey-api-two-production""#,
            r#""TTL":"30s""#,
            r#""docker":"node://10.0.0.11:4045""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("DeregisterCritical"), "{text}");
    }
}
