//! The word on this host's instances that its agent cannot ask, which Consul forgets unless it is said again. Servers say
//! it; what goes on on this host does not depend on any of them being there.

use anyhow::Context;
use catalog::{HOST_WORD_COUNTS, HostAgent};
use domain::{InstallationId, InstanceId};
use ports::Runtime;
use runtime::Docker;
use std::{collections::BTreeSet, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often it is said.
const EACH: Duration = Duration::from_secs(HOST_WORD_COUNTS.as_secs() / 3);
/// How long it may take to be said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Goes on saying it until it is told to stop.
pub(super) async fn keep(
    agent: &HostAgent,
    docker: &Docker,
    installation: InstallationId,
    stop: &CancellationToken,
) {
    loop {
        match tokio::time::timeout(PATIENCE, say(agent, docker, installation)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = format!("{error:#}"),
                "Consul is not told how instances are; trying again"
            ),
            Err(_) => tracing::warn!("Consul is not told how instances are: no answer in time"),
        }
        // Sleeping is given up at any point.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EACH) => {}
        }
    }
}

/// Says of what runs that it does, and of what does not that it does not. Whatever a server called unwell is a server's to call
/// well again, which knows what is asked of it.
///
/// # Errors
/// The Engine or the agent does not answer, or not so: all that can be said is said before.
async fn say(
    agent: &HostAgent,
    docker: &Docker,
    installation: InstallationId,
) -> anyhow::Result<()> {
    let waiting = agent.waits_for(installation).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let there = docker.list().await?;
    let running: BTreeSet<InstanceId> = there
        .iter()
        .filter(|seen| seen.phase.is_running())
        .map(|seen| seen.instance)
        .collect();
    let mut first = Ok(());
    for instance in waiting {
        let said = match running.contains(&instance) {
            true => agent.say_runs(instance).await,
            false => agent.say_stopped(instance).await,
        };
        first = first.and(said.with_context(|| instance.to_string()));
    }
    first
}
