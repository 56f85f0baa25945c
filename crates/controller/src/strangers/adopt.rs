//! Takes what the database does not know into it.

use super::{
    current::{Current, deployed},
    list,
};
use crate::{Error, deps::Deps};
use domain::{
    App, AppId, AppName, CommitSha, DeployId, Environment, EnvironmentId, EnvironmentName,
    ImageRef, Intent, IntentKind, IntentState, ObservedInstance, Timestamp, WorkerName, WorkerSpec,
    observed::{Authenticity, Phase},
    worker::{Command, NamedPorts},
};
use ports::store::adoptions::Adoption;
use std::collections::BTreeMap;

/// What can be made of the instances that the database does not know.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What can be adopted, oldest Deploy first, each with its instances.
    pub adoptable: Vec<(Adoption, Vec<ObservedInstance>)>,
    pub left: Vec<Left>,
}

/// A Deploy of which nothing can be made, as things are.
#[derive(Debug, Clone)]
pub struct Left {
    pub deploy: DeployId,
    pub instances: Vec<ObservedInstance>,
    /// Why. At least one.
    pub obstacles: Vec<Obstacle>,
}

/// Why a Deploy cannot be adopted. It says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error(
        "there is no app `{0}`: make it with `jockey apps create {0} --repo OWNER/NAME`, then adopt again"
    )]
    UnknownApp(AppName),
    #[error(
        "there is no environment `{0}`: make it with `jockey envs create {0}`, then adopt again"
    )]
    UnknownEnvironment(EnvironmentName),
    #[error(
        "its labels do not say {what}: deploy its app again, then remove it with `jockey system sweep --deploy {deploy}`"
    )]
    LabelMissing {
        deploy: DeployId,
        what: &'static str,
    },
    #[error(
        "{by}, which is newer, is deployed in its place: `jockey system sweep --deploy {deploy}` removes it"
    )]
    Superseded { deploy: DeployId, by: DeployId },
    #[error(
        "{current} is deployed in its place and is healthy: `jockey system sweep --deploy {deploy}` removes it, and \
         `jockey system adopt --deploy {deploy}` lets it take the place of {current}"
    )]
    Whole { deploy: DeployId, current: DeployId },
}

/// Tells what can be adopted, of one Deploy where it is named. Its App and its Environment are those of the names on its
/// labels, for the ids there may be those of a database that is lost. Workers are defined as they are today, and where
/// none is, as their instances were started; variables are those of today: what they were is lost with the database.
/// Only one that is named takes the place of what is deployed and whole.
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
    for (deploy, instances) in deploys {
        match adoption(deps, (deploy, only), &instances).await? {
            Ok(adoption) => found.adoptable.push((adoption, instances)),
            Err(obstacles) => found.left.push(Left {
                deploy,
                instances,
                obstacles,
            }),
        }
    }
    Ok(found)
}

/// The Deploy as its instances tell of it, or why that is too little.
async fn adoption(
    deps: &Deps,
    (deploy, named): (DeployId, Option<DeployId>),
    strangers: &[ObservedInstance],
) -> Result<Result<Adoption, Vec<Obstacle>>, Error> {
    let genuine: Vec<_> = strangers
        .iter()
        .filter(|seen| seen.authenticity == Authenticity::Genuine)
        .collect();
    let told = match Told::of(&genuine) {
        Ok(told) => told,
        Err(missing) => {
            return Ok(Err(vec![Obstacle::LabelMissing {
                deploy,
                what: missing,
            }]));
        }
    };
    let (app, environment) = match owners(deps, &told).await? {
        Ok(owners) => owners,
        Err(obstacles) => return Ok(Err(obstacles)),
    };
    let place = (app.id, environment.id);
    if let Some(obstacle) = rival(deps, (deploy, named), place).await? {
        return Ok(Err(vec![obstacle]));
    }
    let mut workers: BTreeMap<WorkerName, WorkerSpec> = BTreeMap::new();
    for seen in &genuine {
        if !workers.contains_key(&seen.worker) {
            let spec = spec(deps, &app, environment.id, seen).await?;
            workers.insert(seen.worker.clone(), spec);
        }
    }
    let now = deps.clock.now();
    let start = |seen: &&ObservedInstance| Intent {
        app: app.id,
        environment: environment.id,
        ..start(seen, &workers[&seen.worker], now)
    };
    Ok(Ok(Adoption {
        deploy,
        app: app.id,
        environment: environment.id,
        commit: told.commit,
        image: told.image,
        starts: genuine.iter().map(start).collect(),
        running: genuine
            .iter()
            .filter(|seen| is_wanted(&seen.phase))
            .map(|seen| seen.instance)
            .collect(),
        config: deps.newest_config(&app, environment.id).await?,
        workers: workers.into_values().collect(),
    }))
}

/// Whether it counts for the scale of its Worker: what has ended for good, or never began, may be what is left of one
/// whose successor runs.
const fn is_wanted(phase: &Phase) -> bool {
    match phase {
        Phase::Running { .. } | Phase::Paused { .. } | Phase::Restarting { .. } => true,
        Phase::Created | Phase::Exited { .. } => false,
    }
}

/// What the labels of a Deploy's instances tell, the same on each of them.
struct Told {
    app: AppName,
    environment: EnvironmentName,
    commit: CommitSha,
    image: ImageRef,
}

impl Told {
    /// Else what they do not tell.
    fn of(genuine: &[&ObservedInstance]) -> Result<Self, &'static str> {
        let first = genuine.first().ok_or("which instance it is")?;
        let ObservedInstance {
            commit,
            image,
            origin,
            ..
        } = (*first).clone();
        Ok(Self {
            app: origin.app.ok_or("which app it is")?,
            environment: origin.environment.ok_or("which environment it is in")?,
            commit: commit.ok_or("which commit it runs")?,
            image: image.ok_or("which image it runs")?,
        })
    }
}

/// The App and the Environment of these names.
async fn owners(
    deps: &Deps,
    told: &Told,
) -> Result<Result<(App, Environment), Vec<Obstacle>>, Error> {
    let app = deps.store.find_app(told.app.as_str()).await?;
    let name = told.environment.as_str();
    let environment = deps.store.find_environment(name).await?;
    if let Some(both) = app.clone().zip(environment.clone()) {
        return Ok(Ok(both));
    }
    let no_app = app
        .is_none()
        .then(|| Obstacle::UnknownApp(told.app.clone()));
    let no_environment = environment
        .is_none()
        .then(|| Obstacle::UnknownEnvironment(told.environment.clone()));
    Ok(Err(no_app.into_iter().chain(no_environment).collect()))
}

/// What is deployed in its place and stays: one that is newer, for adopted, the older one would take it back; and one that
/// is whole, unless a person has named what is to replace it.
async fn rival(
    deps: &Deps,
    (deploy, named): (DeployId, Option<DeployId>),
    (app, environment): (AppId, EnvironmentId),
) -> Result<Option<Obstacle>, Error> {
    let Some(there) = deployed(deps, app, environment).await? else {
        return Ok(None);
    };
    if there.id > deploy {
        return Ok(Some(Obstacle::Superseded {
            deploy,
            by: there.id,
        }));
    }
    if named.is_some() {
        return Ok(None);
    }
    let current = Current::of(deps, app, environment).await?;
    let whole = current.filter(Current::is_whole);
    Ok(whole.map(|current| Obstacle::Whole {
        deploy,
        current: current.deploy,
    }))
}

/// The definition of today; of a Worker that nobody defined, what its instance was started with.
async fn spec(
    deps: &Deps,
    app: &App,
    environment: EnvironmentId,
    seen: &ObservedInstance,
) -> Result<WorkerSpec, Error> {
    let stored = deps.store.find_worker(app.id, environment, &seen.worker);
    if let Some(worker) = stored.await? {
        return Ok(worker.spec);
    }
    let mut spec = WorkerSpec {
        command: seen.origin.argv.clone().map(Command::Exec),
        port: seen.origin.listens_on,
        ports: seen.origin.named.clone(),
        resources: seen.origin.resources,
        ..WorkerSpec::named(seen.worker.clone())
    };
    // Labels are what somebody wrote: no definition is made of them that could not be changed any more.
    if spec.check_ports().is_err() {
        spec.ports = NamedPorts::default();
    }
    Ok(spec)
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
        ports: seen.ports.clone(),
        resources: spec.resources,
        state: IntentState::Done,
        why: "found running and adopted".to_owned(),
        opened_at: seen.created_at,
        fence: None,
        closed_at: Some(now),
    }
}
