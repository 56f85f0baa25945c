//! A host that makes itself known as a node: the service of each of its pools, at its own agent, with a check that the
//! host keeps true.
//!
//! Such a service bears no Installation: a pool is a host's word, and several Installations may share it.

use super::{
    Settings, body,
    client::{Base, Check, CheckBody, Client, Fault, ServiceBody, Status},
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

/// What a host says of an instance that does not run.
const STOPPED: &str = "its container does not run, says its host";
/// What an agent says of a check of which it has not been told in time, and before what it was told last.
/// Source: `CheckTTL.getExpiredOutput` in Consul's `agent/checks/check.go`.
const EXPIRED: &str = "TTL expired";
const TOLD_BEFORE: &str = " (last output before timeout follows): ";

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

    /// The instances of an Installation of which this agent waits to be told by their host: those that it cannot ask, of which
    /// nobody else has said that they are unwell. One that is about to be stopped is not among them.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn waits_for(
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
        let checks = self.client.checks_of_services(&self.base).await?;
        let is_ours_to_say =
            |check: &&Check| check.status == Status::Passing || said_by_nobody_else(&check.output);
        let ours: BTreeSet<&str> = checks
            .iter()
            .filter(is_ours_to_say)
            .map(|check| check.id.as_str())
            .collect();
        let kept = self.client.maintenances(&self.base).await?;
        let kept: BTreeSet<&str> = kept.iter().map(|check| check.service.as_str()).collect();
        instances.retain(|instance| {
            ours.contains(body::check_id(*instance).as_str())
                && !kept.contains(instance.to_string().as_str())
        });
        Ok(instances)
    }

    /// Says that such an instance runs. Of one that is not there any more nothing is said.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn say_runs(&self, instance: InstanceId) -> Result<(), Error> {
        self.say_of(instance, &Word::Well).await
    }

    /// Says that it does not.
    ///
    /// # Errors
    /// As [`HostAgent::say_runs`].
    pub async fn say_stopped(&self, instance: InstanceId) -> Result<(), Error> {
        self.say_of(instance, &Word::Unwell(STOPPED.to_owned()))
            .await
    }

    async fn say_of(&self, instance: InstanceId, word: &Word) -> Result<(), Error> {
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

/// Whether a check that is not passing says no more than that its host has said so, or that nobody has said anything lately.
fn said_by_nobody_else(output: &str) -> bool {
    let told = match output.strip_prefix(EXPIRED) {
        Some(rest) => rest.strip_prefix(TOLD_BEFORE).unwrap_or(rest),
        None if output == STOPPED => output,
        None => return false,
    };
    ["", STOPPED, body::status(&Word::Well).1].contains(&told)
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
    fn what_a_server_has_said_is_a_servers_to_take_back() {
        for (output, ours) in [
            (STOPPED, true),
            ("TTL expired", true),
            (
                "TTL expired (last output before timeout follows): it runs",
                true,
            ),
            (
                "TTL expired (last output before timeout follows): it restarts again and again",
                false,
            ),
            ("it restarts again and again", false),
            ("it runs", false),
            ("", false),
        ] {
            assert_eq!(said_by_nobody_else(output), ours, "{output}");
        }
    }

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
