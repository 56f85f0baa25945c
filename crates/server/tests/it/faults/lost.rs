//! A host that is gone altogether: how long it takes until all that is wanted is healthy elsewhere.

use super::{
    CHOICE,
    operation::{Begun, Operation},
    world::{APP, World},
};
use crate::{
    harness::{PATIENCE, is_healthy},
    network::get_at,
};
use anyhow::ensure;
use proto::v1;
use serde_json::Value;
use std::time::{Duration, Instant};

/// From when a host is declared lost until its instances are healthy elsewhere, at the most.
const HEALED_WITHIN: Duration = Duration::from_secs(30);
/// The same where nobody asks for the table, beside other tests, which have this machine as well.
const BESIDE_OTHERS: Duration = Duration::from_secs(90);
/// Between two looks.
const EACH: Duration = Duration::from_millis(100);

/// Waits until Consul calls the host failed, then until as many as are wanted are healthy on others: of the new Deploy, where
/// one is under way that is built. Answers how long that took.
pub(super) async fn healthy_elsewhere(
    world: &World,
    host: &str,
    begun: &Begun,
    operation: Operation,
) -> anyhow::Result<Duration> {
    // What the page says is demanded where it is written.
    let within = match std::env::var_os(CHOICE) {
        Some(_) => HEALED_WITHIN,
        None => BESIDE_OTHERS,
    };
    let deploy = match operation {
        // It may have to wait for the host; what ran before may not.
        Operation::Build => None,
        _ => begun.deploy.as_ref().map(|(deploy, _)| deploy),
    };
    called_failed(world, host).await?;
    let declared = Instant::now();
    loop {
        let instances = world.servers[0].instances(APP).await?;
        let is_wanted = |it: &v1::Instance| deploy.is_none_or(|deploy| it.deploy == *deploy);
        let elsewhere = instances.iter().filter(|it| it.node != host);
        let healthy = elsewhere.filter(|it| is_healthy(it) && is_wanted(it));
        let healthy = healthy.count();
        if healthy >= world.scale() {
            return Ok(declared.elapsed());
        }
        ensure!(
            declared.elapsed() < within,
            "{healthy} of {} are healthy elsewhere {within:?} after Consul called {host} failed",
            world.scale()
        );
        tokio::time::sleep(EACH).await;
    }
}

/// Waits until Consul calls the host failed.
pub(super) async fn called_failed(world: &World, host: &str) -> anyhow::Result<()> {
    let struck = Instant::now();
    while !is_called_failed(world, host).await? {
        ensure!(struck.elapsed() < PATIENCE, "{host} is not called failed");
        tokio::time::sleep(EACH).await;
    }
    Ok(())
}

async fn is_called_failed(world: &World, host: &str) -> anyhow::Result<bool> {
    let path = format!("/v1/health/node/{host}");
    let checks: Value = serde_json::from_str(&get_at(&world.consul(), &path).await?)?;
    let serf = |check: &&Value| check["CheckID"] == "serfHealth";
    let found = checks.as_array().into_iter().flatten().find(serf);
    Ok(found.is_some_and(|check| check["Status"] == "critical"))
}
