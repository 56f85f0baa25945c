//! Takes what the database does not know into it.

use super::list;
use crate::{Error, deps::Deps};
use domain::{
    App, ConfigVersionId, DeployId, DeployState, EnvironmentId, Intent, IntentKind, IntentState,
    ObservedInstance, Timestamp, WorkerName, WorkerSpec,
    config::{ConfigScope, ConfigVersions},
    observed::Authenticity,
    worker::WEB_PORT,
};
use ports::store::{Page, adoptions::Adoption, deploys::DeployFilter};
use std::collections::BTreeMap;

/// What can be made of the instances that the database does not know.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What can be adopted, oldest Deploy first, each with its instances.
    pub adoptable: Vec<(Adoption, Vec<ObservedInstance>)>,
    /// Nothing can be made of them: their App, their Environment or their commit is not known either, or a newer Deploy
    /// has taken their place.
    pub left: Vec<ObservedInstance>,
}

/// Tells what can be adopted, of one Deploy where it is named. Workers are defined as they are today, and variables are
/// those of today: what they were is lost with the database.
///
/// # Errors
/// Those of the database and of the catalog.
pub async fn found(deps: &Deps, only: Option<DeployId>) -> Result<Found, Error> {
    let mut deploys: BTreeMap<DeployId, Vec<ObservedInstance>> = BTreeMap::new();
    for stranger in list(deps).await? {
        if only.is_none_or(|only| stranger.deploy == only) {
            deploys.entry(stranger.deploy).or_default().push(stranger);
        }
    }
    let mut found = Found::default();
    for (deploy, strangers) in deploys {
        match adoption(deps, deploy, &strangers).await? {
            Some(adoption) => found.adoptable.push((adoption, strangers)),
            None => found.left.extend(strangers),
        }
    }
    Ok(found)
}

/// The Deploy as its instances tell of it. None: too little is known.
async fn adoption(
    deps: &Deps,
    deploy: DeployId,
    strangers: &[ObservedInstance],
) -> Result<Option<Adoption>, Error> {
    let genuine: Vec<_> = strangers
        .iter()
        .filter(|seen| seen.authenticity == Authenticity::Genuine)
        .collect();
    let Some(first) = genuine.first() else {
        return Ok(None);
    };
    let (Some(commit), Some(image)) = (first.commit.clone(), first.image.clone()) else {
        return Ok(None);
    };
    let app = deps.store.find_app(&first.app.to_string()).await?;
    let environment = deps
        .store
        .find_environment(&first.environment.to_string())
        .await?;
    let Some((app, environment)) = app.zip(environment) else {
        return Ok(None);
    };
    if is_superseded(deps, deploy, &app, environment.id).await? {
        return Ok(None);
    }
    let mut workers: BTreeMap<WorkerName, WorkerSpec> = BTreeMap::new();
    for seen in &genuine {
        if !workers.contains_key(&seen.worker) {
            workers.insert(seen.worker.clone(), spec(deps, seen).await?);
        }
    }
    let now = deps.clock.now();
    Ok(Some(Adoption {
        deploy,
        app: app.id,
        environment: environment.id,
        commit,
        image,
        starts: genuine
            .iter()
            .map(|seen| start(seen, &workers[&seen.worker], now))
            .collect(),
        workers: workers.into_values().collect(),
        config: config(deps, &app, environment.id).await?,
    }))
}

/// Whether a newer Deploy has taken its place: adopted, the older one would take it back.
async fn is_superseded(
    deps: &Deps,
    deploy: DeployId,
    app: &App,
    environment: EnvironmentId,
) -> Result<bool, Error> {
    let filter = DeployFilter {
        app: Some(app.id),
        environment: Some(environment),
        state: Some(DeployState::Deployed),
    };
    let deployed = deps.store.list_deploys(&filter, Page::ALL).await?.items;
    Ok(deployed.iter().any(|deployed| deployed.id > deploy))
}

/// The definition of today. A Worker that nobody defined and that has a port is taken to listen where `web` does.
async fn spec(deps: &Deps, seen: &ObservedInstance) -> Result<WorkerSpec, Error> {
    if let Some(worker) = deps
        .store
        .find_worker(seen.app, seen.environment, &seen.worker)
        .await?
    {
        return Ok(worker.spec);
    }
    let spec = WorkerSpec::named(seen.worker.clone());
    Ok(WorkerSpec {
        port: seen.port.map(|_| WEB_PORT),
        ..spec
    })
}

fn start(seen: &ObservedInstance, spec: &WorkerSpec, now: Timestamp) -> Intent {
    Intent {
        instance: seen.instance,
        kind: IntentKind::Start,
        app: seen.app,
        environment: seen.environment,
        deploy: seen.deploy,
        worker: seen.worker.clone(),
        node: seen.node.clone(),
        port: seen.port,
        resources: spec.resources,
        state: IntentState::Done,
        why: "found running and adopted".to_owned(),
        opened_at: seen.created_at,
        closed_at: Some(now),
    }
}

async fn config(
    deps: &Deps,
    app: &App,
    environment: EnvironmentId,
) -> Result<ConfigVersions, Error> {
    let newest = async |scope| -> Result<Option<ConfigVersionId>, Error> {
        Ok(deps.store.find_config(scope).await?.map(|set| set.version))
    };
    Ok(ConfigVersions {
        environment: newest(ConfigScope::Environment(environment)).await?,
        stack: newest(ConfigScope::Stack(app.stack, environment)).await?,
        app: newest(ConfigScope::App(app.id, environment)).await?,
    })
}
