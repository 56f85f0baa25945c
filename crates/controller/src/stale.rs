//! Takes out of the catalog what its node shows no more, also where no Environment's loop looks: on a node that is in no
//! pool any more.

use crate::{Error, deps::Deps};
use domain::NodeName;
use std::collections::BTreeSet;

/// Answers how many there were. A node that cannot be asked is left for the next time.
pub(crate) async fn sweep(deps: &Deps) -> usize {
    let mut swept = 0;
    for node in deps.fleet.met() {
        match sweep_node(deps, &node).await {
            Ok(count) => swept += count,
            Err(error) => tracing::debug!(%node, %error, "its registrations are not swept"),
        }
    }
    swept
}

async fn sweep_node(deps: &Deps, node: &NodeName) -> Result<usize, Error> {
    let runtime = deps.fleet.runtime(node)?;
    // Before the instances: what is registered now and not there afterwards is gone.
    let known = deps.catalog.registrations(node).await?;
    if known.is_empty() {
        return Ok(0);
    }
    let listed = tokio::time::timeout(deps.settings.list_deadline, runtime.list()).await;
    let listed = listed.map_err(|_| {
        ports::runtime::Error::Unreachable("no answer within the deadline".to_owned())
    })??;
    let there: BTreeSet<_> = listed.iter().map(|seen| seen.instance).collect();
    let gone: Vec<_> = known.into_keys().filter(|id| !there.contains(id)).collect();
    for instance in &gone {
        deps.catalog.deregister(node, *instance).await?;
    }
    Ok(gone.len())
}
