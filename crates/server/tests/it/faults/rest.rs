//! What must be so in the end, read from the world itself: from the hosts, from Consul, from the database, and of both
//! servers.

use super::{
    operation::{Begun, Operation, end_of},
    world::{APP, DRAINED, SERVICE, World},
};
use crate::{
    harness::{PATIENCE, exactly},
    network::{get, get_at},
};
use anyhow::{Context, bail};
use proto::v1::{self, DeployState};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use testkit::cluster::CONSUL_PORT;

/// Between two looks.
const EACH: Duration = Duration::from_millis(500);
/// So many looks in a row have to find nothing.
const LOOKS: u32 = 4;

impl World {
    /// Waits until everything is at rest, and answers how what was under way ended.
    pub(super) async fn rest(&self, begun: &Begun, operation: Operation) -> anyhow::Result<String> {
        self.quiet(Some((begun, operation))).await?;
        let Some((deploy, _)) = &begun.deploy else {
            return Ok("as wanted".to_owned());
        };
        let deploy = self.servers[0].deploy_of(deploy).await?;
        end_of(&deploy).context("it goes on")
    }

    /// Waits until everything is at rest, and stays so for some looks.
    pub(super) async fn quiet(&self, begun: Option<(&Begun, Operation)>) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut quiet = 0;
        loop {
            // One that does not answer is no reason to end: it may yet.
            let unrest = match self.unrest(begun).await {
                Ok(unrest) => unrest,
                Err(error) => Some(format!("{error:#}")),
            };
            match unrest {
                None if quiet + 1 >= LOOKS => return Ok(()),
                None => quiet += 1,
                Some(why) if Instant::now() > deadline => bail!("not at rest: {why}"),
                Some(_) => quiet = 0,
            }
            tokio::time::sleep(EACH).await;
        }
    }

    /// Why it is not at rest.
    async fn unrest(&self, begun: Option<(&Begun, Operation)>) -> anyhow::Result<Option<String>> {
        let scale = self.scale();
        let mut all = Vec::new();
        for server in &self.servers {
            let instances = server.instances(APP).await?;
            if !exactly(scale)(&instances) {
                return Ok(Some(format!("{scale} are wanted: {}", told(&instances))));
            }
            all.push(ids(&instances));
            if all[0] != ids(&instances) {
                return Ok(Some(format!("the servers do not agree: {all:?}")));
            }
        }
        let instances = self.servers[0].instances(APP).await?;
        if let Some(wrong) = self.wrong_containers(&instances)? {
            return Ok(Some(wrong));
        }
        if let Some(wrong) = self.wrong_ledger(&instances)? {
            return Ok(Some(wrong));
        }
        if let Some(wrong) = self.wrong_services(&instances).await? {
            return Ok(Some(wrong));
        }
        match begun {
            Some((begun, operation)) => self.wrong_end(begun, operation, &instances).await,
            None => Ok(None),
        }
    }

    /// What is on the hosts is what the servers list.
    fn wrong_containers(&self, instances: &[v1::Instance]) -> anyhow::Result<Option<String>> {
        let filter = format!("label={}", self.servers[0].scope.label());
        let mut found = BTreeSet::new();
        for host in self.cluster.hosts() {
            let listed = ["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter];
            let ids = host.engine.run(listed)?;
            found.extend(ids.lines().map(|id| format!("{} {id}", host.name())));
        }
        let of = |it: &v1::Instance| format!("{} {}", it.node, it.container);
        let listed: BTreeSet<String> = instances.iter().map(of).collect();
        Ok((found != listed).then(|| format!("containers {found:?} are not {listed:?}")))
    }

    /// What stands in the ledger is a start of each of them, and nothing else.
    fn wrong_ledger(&self, instances: &[v1::Instance]) -> anyhow::Result<Option<String>> {
        let standing = "SELECT instance, kind, state FROM intents WHERE standing";
        let found = self.database.sql(standing)?;
        let found: BTreeSet<&str> = found.lines().collect();
        let of = |it: &v1::Instance| format!("{}|start|done", it.id);
        let wanted: BTreeSet<String> = instances.iter().map(of).collect();
        let is_right = found.iter().copied().eq(wanted.iter().map(String::as_str));
        Ok((!is_right).then(|| format!("the ledger has {found:?} and not {wanted:?}")))
    }

    /// Consul and each host's agent have each of them, passing, and no other.
    async fn wrong_services(&self, instances: &[v1::Instance]) -> anyhow::Result<Option<String>> {
        let place = |it: &v1::Instance| format!("{} {}", it.id, it.address);
        let wanted: BTreeSet<String> = instances.iter().map(place).collect();
        for path in [
            format!("/v1/health/service/{SERVICE}"),
            format!("/v1/health/service/{SERVICE}?passing"),
        ] {
            let told = json(&self.consul(), &path).await?;
            let rows = told.as_array().context("a list")?;
            let found: BTreeSet<String> = rows.iter().map(|row| of(&row["Service"])).collect();
            if found != wanted {
                return Ok(Some(format!(
                    "Consul's {path} is {found:?} and not {wanted:?}"
                )));
            }
        }
        let mut found = BTreeSet::new();
        for host in self.cluster.hosts() {
            let agent = format!("{}:{CONSUL_PORT}", host.address());
            let told = json(&agent, "/v1/agent/services").await?;
            let services = told.as_object().context("services")?.values();
            found.extend(services.filter(|it| it["Service"] == SERVICE).map(of));
        }
        Ok((found != wanted).then(|| format!("agents have {found:?} and not {wanted:?}")))
    }

    /// The Deploy is over, and what runs is what it says.
    async fn wrong_end(
        &self,
        begun: &Begun,
        operation: Operation,
        instances: &[v1::Instance],
    ) -> anyhow::Result<Option<String>> {
        let drained = instances.iter().any(|it| it.node == DRAINED);
        if operation == Operation::Drain && drained {
            return Ok(Some(format!("{DRAINED} is not empty: {}", told(instances))));
        }
        let Some((id, page)) = &begun.deploy else {
            return Ok(None);
        };
        let deploy = self.servers[0].deploy_of(id).await?;
        if end_of(&deploy).is_none() {
            return Ok(Some(format!("the deploy goes on: {}", deploy.step)));
        }
        let is_deployed = deploy.state() == DeployState::Deployed;
        for instance in instances {
            let serves_it = get(&instance.address).await? == *page;
            if serves_it != is_deployed || (instance.deploy == *id) != is_deployed {
                let state = deploy.state().as_str_name();
                return Ok(Some(format!(
                    "{id} is {state}, and not so {}",
                    told(instances)
                )));
            }
        }
        Ok(None)
    }
}

async fn json(address: &str, path: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&get_at(address, path).await?)?)
}

/// Id and address of a service.
fn of(service: &Value) -> String {
    let text = |key: &str| service[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}:{}", text("ID"), text("Address"), service["Port"])
}

fn ids(instances: &[v1::Instance]) -> BTreeSet<String> {
    instances.iter().map(|it| it.id.clone()).collect()
}

/// What can be read at a glance.
fn told(instances: &[v1::Instance]) -> String {
    let one = |it: &v1::Instance| {
        let health = it.health.as_ref().map(|it| it.state().as_str_name());
        let (state, health) = (it.state().as_str_name(), health.unwrap_or("-"));
        format!(
            "{} on {} of {} is {state}, {health}",
            it.id, it.node, it.deploy
        )
    };
    instances.iter().map(one).collect::<Vec<_>>().join("; ")
}
