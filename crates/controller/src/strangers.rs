//! Instances that bear this Installation's id and whose Deploy is not in its database: what a restored backup, or a new
//! database, does not know of (rule 8). They are told of and left alone until a person says what to do.

mod adopt;
mod current;

pub use adopt::{Found, Left, Obstacle, found};
pub(crate) use current::Current;

use crate::{Error, deps::Deps, disk};
use domain::{DeployId, ObservedInstance};
use futures_util::future::join_all;
use std::{collections::BTreeSet, time::Duration};

/// How long an instance that is swept may take to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The instances that the database does not know of, on every node that answers.
///
/// # Errors
/// Those of the database and of the catalog.
pub async fn list(deps: &Deps) -> Result<Vec<ObservedInstance>, Error> {
    let looks = disk::nodes(deps).await?.into_iter().map(|node| async move {
        let listed = async { Ok::<_, Error>(deps.fleet.runtime(&node)?.list().await?) };
        match tokio::time::timeout(deps.settings.list_deadline, listed).await {
            Ok(Ok(instances)) => instances,
            Ok(Err(error)) => {
                tracing::warn!(%node, %error, "the node cannot be asked for strangers");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!(%node, "the node does not answer what strangers it has");
                Vec::new()
            }
        }
    });
    let mut seen: Vec<ObservedInstance> = join_all(looks).await.into_iter().flatten().collect();
    let deploys: BTreeSet<_> = seen.iter().map(|instance| instance.deploy).collect();
    let known = deps.store.known_deploys(&deploys).await?;
    seen.retain(|instance| !known.contains(&instance.deploy));
    seen.sort_by_key(|instance| instance.instance);
    Ok(seen)
}

/// Stops and removes the instances that the database does not know of, of one Deploy where it is named. Their last lines
/// are lost: no Deploy can hold them, and what an App writes is not for the log of the server.
///
/// # Errors
/// Those of the nodes: what was swept before stays swept.
pub async fn sweep(deps: &Deps, only: Option<DeployId>) -> Result<Vec<ObservedInstance>, Error> {
    let mut strangers = list(deps).await?;
    strangers.retain(|stranger| only.is_none_or(|deploy| stranger.deploy == deploy));
    for stranger in &strangers {
        let runtime = deps.fleet.runtime(&stranger.node)?;
        runtime.stop(&stranger.handle, GRACE).await?;
        runtime.remove(&stranger.handle).await?;
    }
    Ok(strangers)
}

/// Lets no new Deploy, App or Environment bear an id that an instance bears already. To be called before any is made: an
/// instance that the database does not know would be taken for one of the new Deploy, and swept, or adopted as one of the
/// new App.
///
/// # Errors
/// Those of the database and of the catalog. A node that does not answer is not asked again: what comes back later is
/// guarded against by the loop.
pub async fn guard_ids(deps: &Deps) -> Result<(), Error> {
    let strangers = list(deps).await?;
    if let Some(newest) = strangers.iter().map(|seen| seen.app).max() {
        deps.store.reserve_apps(newest).await?;
    }
    if let Some(newest) = strangers.iter().map(|seen| seen.environment).max() {
        deps.store.reserve_environments(newest).await?;
    }
    if let Some(newest) = strangers.iter().map(|seen| seen.deploy).max() {
        deps.store.reserve_deploys(newest).await?;
        tracing::warn!(%newest, "instances run whose deploys are not in the database; `jockey system status` lists them");
    }
    Ok(())
}
