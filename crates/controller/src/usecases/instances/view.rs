//! Joins what was seen of instances with what is on record of them.

use super::{InstanceView, Standing};
use crate::{
    Look, SeenInstance, Waiting,
    usecases::{Ctx, Error, names::Names},
};
use domain::{
    DeployId, Environment, Health, InstanceId, Intent, IntentKind, IntentState, Timestamp,
    observed::{Authenticity, Phase},
};
use ports::store::{Page, intents::EndFilter};
use scheduler::input::Registration;
use std::collections::{BTreeMap, BTreeSet};

/// The most ended instances that one list looks at: the newest ones.
const ENDED_MAX: u32 = 1000;

/// What is on record of one instance.
#[derive(Default)]
pub(super) struct Known {
    start: Option<Intent>,
    stop: Option<Intent>,
}

impl Known {
    pub(super) fn environment(&self) -> domain::EnvironmentId {
        let intent = self.start.as_ref().or(self.stop.as_ref());
        intent.map_or(domain::EnvironmentId::new(0), |intent| intent.environment)
    }
}

/// Looks up once what several instances share.
pub(super) struct Viewer<'a> {
    ctx: &'a Ctx,
    names: Names<'a>,
    pub(super) intents: BTreeMap<InstanceId, Known>,
    releases: BTreeMap<DeployId, Option<domain::Release>>,
}

impl<'a> Viewer<'a> {
    pub(super) async fn new(ctx: &'a Ctx) -> Result<Self, Error> {
        let mut intents: BTreeMap<InstanceId, Known> = BTreeMap::new();
        for intent in ctx.store().standing_intents().await? {
            let known = intents.entry(intent.instance).or_default();
            match intent.kind {
                IntentKind::Start => known.start = Some(intent),
                IntentKind::Stop => known.stop = Some(intent),
            }
        }
        Ok(Self {
            ctx,
            names: Names::new(ctx),
            intents,
            releases: BTreeMap::new(),
        })
    }

    /// The instances of an Environment that are there, or on record as being there.
    pub(super) async fn standing(
        &mut self,
        environment: &Environment,
        app: Option<domain::AppId>,
        look: Look,
    ) -> Result<Vec<InstanceView>, Error> {
        let (seen, waiting) =
            crate::instances_and_waiting(&self.ctx.deps, environment.id, app, look).await?;
        let ids: BTreeSet<_> = seen.iter().map(|instance| instance.seen.instance).collect();
        let unseen: Vec<Intent> = self
            .intents
            .values()
            .filter_map(|known| known.start.clone())
            .filter(|start| start.environment == environment.id)
            .filter(|start| app.is_none_or(|app| start.app == app))
            .filter(|start| !ids.contains(&start.instance))
            .collect();
        let mut views = Vec::with_capacity(seen.len() + unseen.len());
        for instance in seen {
            views.push(self.seen(instance, environment).await?);
        }
        for start in unseen {
            views.push(self.unseen(start, environment).await?);
        }
        for Waiting { crash_loop, last } in waiting {
            if views.iter().all(|view| view.id != last.instance) {
                let mut view = self.end(last).await?;
                view.crash_loop = Some(crash_loop);
                views.push(view);
            }
        }
        Ok(views)
    }

    async fn seen(
        &mut self,
        instance: SeenInstance,
        environment: &Environment,
    ) -> Result<InstanceView, Error> {
        let SeenInstance {
            seen,
            health,
            registration,
            address,
            commit,
            crash_loop,
        } = instance;
        // What is on record of its id is about the original.
        let known = match seen.authenticity {
            Authenticity::Genuine => self.intents.get(&seen.instance),
            Authenticity::Copy => None,
        };
        let stop = known.and_then(|known| known.stop.as_ref());
        let standing = standing(&seen.phase, stop, registration);
        let health = match seen.authenticity {
            Authenticity::Genuine => shown(standing, health),
            Authenticity::Copy => Health::Unknown,
        };
        let (restarts, started_at) = starts(&seen.phase);
        let release = self.release(seen.deploy).await?;
        Ok(InstanceView {
            id: seen.instance,
            authenticity: seen.authenticity,
            app: self.names.app(seen.app).await?,
            environment: environment.name.to_string(),
            worker: seen.worker.to_string(),
            deploy: seen.deploy,
            release: release.as_ref().map(|release| release.id),
            node: seen.node,
            address: seen.port.map(|port| format!("{address}:{port}")),
            ports: seen
                .ports
                .iter()
                .map(|(name, port)| (name.to_string(), format!("{address}:{port}")))
                .collect(),
            standing,
            health,
            commit: commit.or_else(|| release.map(|release| release.commit)),
            image: seen.image,
            handle: seen.handle,
            restarts,
            created_at: seen.created_at,
            started_at,
            crash_loop,
            end: None,
        })
    }

    /// An instance that is on record and was not seen: about to start, or on a node that does not answer.
    async fn unseen(
        &mut self,
        start: Intent,
        environment: &Environment,
    ) -> Result<InstanceView, Error> {
        let release = self.release(start.deploy).await?;
        let standing = if start.state == IntentState::Open {
            Standing::Starting
        } else {
            Standing::Unknown
        };
        Ok(InstanceView {
            id: start.instance,
            authenticity: Authenticity::Genuine,
            app: self.names.app(start.app).await?,
            environment: environment.name.to_string(),
            worker: start.worker.to_string(),
            deploy: start.deploy,
            release: release.as_ref().map(|release| release.id),
            node: start.node,
            address: None,
            ports: BTreeMap::new(),
            standing,
            health: Health::Unknown,
            commit: release.as_ref().map(|release| release.commit.clone()),
            image: release.map(|release| release.image),
            handle: String::new(),
            restarts: 0,
            created_at: start.opened_at,
            started_at: None,
            crash_loop: None,
            end: None,
        })
    }

    /// Those that ended, newest first, but for those that are still there.
    pub(super) async fn ended(
        &mut self,
        filter: &EndFilter,
        there: &[InstanceView],
    ) -> Result<Vec<InstanceView>, Error> {
        let page = Page {
            size: ENDED_MAX,
            after: None,
        };
        let ends = self.ctx.store().list_ends(filter, page).await?.items;
        let there: BTreeSet<_> = there.iter().map(|instance| instance.id).collect();
        let mut views = Vec::new();
        for end in ends
            .into_iter()
            .filter(|end| !there.contains(&end.instance))
        {
            views.push(self.end(end).await?);
        }
        Ok(views)
    }

    async fn end(&mut self, end: domain::InstanceEnd) -> Result<InstanceView, Error> {
        let release = self.release(end.deploy).await?;
        Ok(InstanceView {
            id: end.instance,
            authenticity: Authenticity::Genuine,
            app: self.names.app(end.app).await?,
            environment: self.names.environment(end.environment).await?,
            worker: end.worker.to_string(),
            deploy: end.deploy,
            release: release.as_ref().map(|release| release.id),
            node: end.node.clone(),
            address: None,
            ports: BTreeMap::new(),
            standing: Standing::Ended,
            health: Health::Unknown,
            commit: release.as_ref().map(|release| release.commit.clone()),
            image: release.map(|release| release.image),
            handle: String::new(),
            restarts: 0,
            created_at: end.at,
            started_at: None,
            crash_loop: None,
            end: Some(end),
        })
    }

    async fn release(&mut self, deploy: DeployId) -> Result<Option<domain::Release>, Error> {
        if let Some(known) = self.releases.get(&deploy) {
            return Ok(known.clone());
        }
        let store = self.ctx.store();
        let release = match store.find_deploy(deploy).await?.and_then(|d| d.release) {
            Some(release) => store.find_release(release).await?,
            None => None,
        };
        self.releases.insert(deploy, release.clone());
        Ok(release)
    }
}

/// How often it was started again, and when last.
const fn starts(phase: &Phase) -> (u32, Option<Timestamp>) {
    match phase {
        Phase::Running {
            since, restarts, ..
        } => (*restarts, Some(*since)),
        Phase::Paused { since, restarts } => (*restarts, Some(*since)),
        Phase::Restarting { restarts, .. } => (*restarts, None),
        Phase::Created | Phase::Exited { .. } => (0, None),
    }
}

/// One that is condemned never counts as healthy: whoever goes by the list must not send it anything new.
fn shown(standing: Standing, health: Health) -> Health {
    match standing {
        Standing::Draining | Standing::Stopping => Health::Unknown,
        Standing::Starting
        | Standing::Running
        | Standing::Restarting
        | Standing::Ended
        | Standing::Unknown => health,
    }
}

const fn standing(phase: &Phase, stop: Option<&Intent>, registration: Registration) -> Standing {
    match (phase, stop, registration) {
        (Phase::Created, ..) => Standing::Starting,
        // That it does not go on is said by its health.
        (Phase::Running { .. } | Phase::Paused { .. }, None, _) => Standing::Running,
        (Phase::Running { .. } | Phase::Paused { .. }, Some(_), Registration::Maintenance) => {
            Standing::Draining
        }
        (
            Phase::Running { .. } | Phase::Paused { .. },
            Some(_),
            Registration::None | Registration::Serving,
        ) => Standing::Stopping,
        (Phase::Restarting { .. }, ..) => Standing::Restarting,
        (Phase::Exited { .. }, ..) => Standing::Ended,
    }
}

/// Instances that nobody on record knows, as they were seen: those of a database that was restored, say.
///
/// # Errors
/// Those of the database.
pub async fn strangers(
    ctx: &Ctx,
    seen: Vec<domain::ObservedInstance>,
) -> Result<Vec<InstanceView>, Error> {
    let mut names = Names::new(ctx);
    let mut views = Vec::with_capacity(seen.len());
    for seen in seen {
        let (restarts, started_at) = starts(&seen.phase);
        let app = match &seen.origin.app {
            Some(name) => name.to_string(),
            None => names.app(seen.app).await?,
        };
        let environment = match &seen.origin.environment {
            Some(name) => name.to_string(),
            None => names.environment(seen.environment).await?,
        };
        views.push(InstanceView {
            id: seen.instance,
            authenticity: seen.authenticity,
            app,
            environment,
            worker: seen.worker.to_string(),
            deploy: seen.deploy,
            release: None,
            node: seen.node,
            address: None,
            ports: BTreeMap::new(),
            standing: standing(&seen.phase, None, Registration::None),
            health: Health::Unknown,
            commit: seen.commit,
            image: seen.image,
            handle: seen.handle,
            restarts,
            created_at: seen.created_at,
            started_at,
            crash_loop: None,
            end: None,
        });
    }
    Ok(views)
}
