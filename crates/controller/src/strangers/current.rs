//! What is deployed where a Deploy that the database does not know would be.

use crate::{Error, Look, SeenInstance, deps::Deps};
use domain::{
    AppId, Deploy, DeployId, DeployState, EnvironmentId, Scale, WorkerName, observed::Authenticity,
};
use ports::store::{Page, deploys::DeployFilter};
use std::collections::BTreeSet;

/// The Deploy that is deployed, and what stands of it.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) deploy: DeployId,
    /// What has not ended of the App there, and is of Deploys that the database knows.
    pub(crate) instances: Vec<SeenInstance>,
    /// How many instances each Worker of its Release is to have.
    scales: Vec<(WorkerName, Scale)>,
}

impl Current {
    /// That of an App in an Environment. None: nothing is deployed there.
    ///
    /// # Errors
    /// Those of the database and of the catalog.
    pub(crate) async fn of(
        deps: &Deps,
        app: AppId,
        environment: EnvironmentId,
    ) -> Result<Option<Self>, Error> {
        let Some(deploy) = deployed(deps, app, environment).await? else {
            return Ok(None);
        };
        let mut instances = crate::instances(deps, environment, Some(app), Look::Afresh).await?;
        let deploys: BTreeSet<DeployId> = instances.iter().map(|one| one.seen.deploy).collect();
        let known = deps.store.known_deploys(&deploys).await?;
        instances.retain(|one| {
            known.contains(&one.seen.deploy)
                && one.seen.authenticity == Authenticity::Genuine
                && !one.seen.phase.is_exited()
        });
        Ok(Some(Self {
            deploy: deploy.id,
            instances,
            scales: scales(deps, &deploy).await?,
        }))
    }

    /// Whether anything of it is healthy, and of each Worker as much as it is to have.
    pub(crate) fn is_whole(&self) -> bool {
        let healthy: Vec<&WorkerName> = self
            .instances
            .iter()
            .filter(|one| one.health.is_healthy())
            .map(|one| &one.seen.worker)
            .collect();
        let mut scales = self.scales.iter();
        !healthy.is_empty()
            && scales.all(|(worker, scale)| {
                let of_worker = healthy.iter().filter(|name| **name == worker);
                of_worker.count() >= usize::from(scale.get())
            })
    }
}

/// What the database says is deployed.
pub(super) async fn deployed(
    deps: &Deps,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Option<Deploy>, Error> {
    let filter = DeployFilter {
        app: Some(app),
        environment: Some(environment),
        state: Some(DeployState::Deployed),
    };
    let deployed = deps.store.list_deploys(&filter, Page::ALL).await?.items;
    Ok(deployed.into_iter().max_by_key(|deploy| deploy.id))
}

async fn scales(deps: &Deps, deploy: &Deploy) -> Result<Vec<(WorkerName, Scale)>, Error> {
    let release = match deploy.release {
        Some(release) => deps.store.find_release(release).await?,
        None => None,
    };
    let mut scales = Vec::new();
    for spec in release.into_iter().flat_map(|release| release.workers) {
        let stored = deps
            .store
            .find_worker(deploy.app, deploy.environment, &spec.name)
            .await?;
        let scale = stored.map_or_else(|| Scale::first_of(&spec.name), |worker| worker.scale);
        scales.push((spec.name, scale));
    }
    Ok(scales)
}
