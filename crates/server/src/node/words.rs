//! The word on this host's instances that its agent cannot ask, which Consul forgets unless it is said again. Servers say
//! it; what goes on on this host does not depend on any of them being there.

use catalog::HostAgent;
use domain::{InstallationId, InstanceId};
use ports::{Runtime, catalog::Word};
use runtime::Docker;
use std::collections::BTreeSet;

/// Says again of what runs that it does, and of what does not that it does not. Whatever somebody called unwell is theirs
/// to call well again, who know what is asked of it.
///
/// # Errors
/// The Engine or the agent does not answer, or not so.
pub(super) async fn say(
    agent: &HostAgent,
    docker: &Docker,
    installation: InstallationId,
) -> anyhow::Result<()> {
    let waiting = agent.called_well(installation).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let there = docker.list().await?;
    let running: BTreeSet<InstanceId> = there
        .iter()
        .filter(|seen| seen.phase.is_running())
        .map(|seen| seen.instance)
        .collect();
    for instance in waiting {
        let word = match running.contains(&instance) {
            true => Word::Well,
            false => Word::Unwell("its container does not run".to_owned()),
        };
        agent.say_of(instance, &word).await?;
    }
    Ok(())
}
