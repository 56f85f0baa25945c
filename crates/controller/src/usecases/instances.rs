//! Instances as people see them: what was seen on the nodes, joined with what is on record.

mod logs;

pub use logs::{Chunk, From, Logs, Source, open};

use super::{Ctx, Error, Kind, find, names::Names};
use crate::SeenInstance;
use domain::{
    CommitSha, DeployId, Environment, Health, ImageRef, InstanceEnd, InstanceId, Intent,
    IntentKind, IntentState, NodeName, ReleaseId, Timestamp, observed::Phase,
};
use ports::store::{Page, intents::EndFilter};
use scheduler::input::Registration;
use std::collections::{BTreeMap, BTreeSet};

/// The most ended instances that one list looks at: the newest ones.
const ENDED_MAX: u32 = 1000;

/// One instance.
#[derive(Debug, Clone)]
pub struct InstanceView {
    pub id: InstanceId,
    pub app: String,
    pub environment: String,
    pub worker: String,
    pub deploy: DeployId,
    pub release: Option<ReleaseId>,
    pub node: NodeName,
    /// `host:port`. None: its Worker has no port.
    pub address: Option<String>,
    pub standing: Standing,
    pub health: Health,
    pub commit: Option<CommitSha>,
    pub image: Option<ImageRef>,
    /// What its node calls it. Empty: it has not been seen.
    pub handle: String,
    pub restarts: u32,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub end: Option<InstanceEnd>,
}

/// Where the life of an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Starting,
    Running,
    /// Out of traffic, to be stopped.
    Draining,
    /// Asked to stop.
    Stopping,
    Ended,
    /// Its node does not answer.
    Unknown,
    Restarting,
}

/// Which instances are listed; what is empty or none is every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By name or id.
    pub app: String,
    /// By name or id.
    pub environment: String,
    /// By name or id.
    pub worker: String,
    pub deploy: Option<DeployId>,
    pub node: Option<NodeName>,
    pub ended: Ended,
}

/// Whether instances that have ended are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    Included,
    #[default]
    LeftOut,
}

/// The instances that match, in order of App, Environment, Worker and id.
///
/// # Errors
/// `Unknown`, `World` when the catalog does not answer.
pub async fn list(ctx: &Ctx, filter: &Filter) -> Result<Vec<InstanceView>, Error> {
    let app = ctx.any_app(&filter.app).await?;
    let environments = match ctx.any_environment(&filter.environment).await? {
        Some(environment) => vec![environment],
        None => {
            let store = ctx.store();
            super::all(|page| store.list_environments(page)).await?
        }
    };
    let app_id = app.as_ref().map(|app| app.id);
    let mut found = Vec::new();
    let mut viewer = Viewer::new(ctx).await?;
    for environment in &environments {
        found.extend(viewer.standing(environment, app_id).await?);
    }
    if filter.ended == Ended::Included {
        let only = match environments.as_slice() {
            [only] => Some(only.id),
            _ => None,
        };
        let ends = EndFilter {
            app: app_id,
            environment: only,
            deploy: filter.deploy,
            worker: None,
            instance: None,
            node: filter.node.clone(),
        };
        found.extend(viewer.ended(&ends, &found).await?);
    }
    let worker = worker_name(ctx, &filter.worker).await?;
    found.retain(|instance| {
        worker
            .as_ref()
            .is_none_or(|worker| instance.worker == *worker)
            && filter.deploy.is_none_or(|deploy| instance.deploy == deploy)
            && filter
                .node
                .as_ref()
                .is_none_or(|node| instance.node == *node)
    });
    found.sort_by_cached_key(InstanceView::key);
    Ok(found)
}

/// A Worker's name, where its id was given.
async fn worker_name(ctx: &Ctx, which: &str) -> Result<Option<String>, Error> {
    if which.is_empty() {
        return Ok(None);
    }
    if let Ok(id) = which.parse()
        && let Some(worker) = ctx.store().worker(id).await?
    {
        return Ok(Some(worker.spec.name.to_string()));
    }
    Ok(Some(which.to_owned()))
}

/// One instance, running or ended.
///
/// # Errors
/// `Unknown`, `Invalid`, `World`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<InstanceView, Error> {
    let id: InstanceId = find::id("instance", Kind::Instance, which)?;
    let mut viewer = Viewer::new(ctx).await?;
    let environment = viewer.intents.get(&id).map(|known| known.environment());
    if let Some(environment) = environment {
        let environment = ctx.environment(&environment.to_string()).await?;
        let standing = viewer.standing(&environment, None).await?;
        if let Some(found) = standing.into_iter().find(|instance| instance.id == id) {
            return Ok(found);
        }
    }
    let filter = EndFilter {
        instance: Some(id),
        ..EndFilter::default()
    };
    let ended = viewer.ended(&filter, &[]).await?;
    ended
        .into_iter()
        .next()
        .ok_or_else(|| Error::unknown(Kind::Instance, which))
}

impl InstanceView {
    /// By which instances are listed. Unique.
    #[must_use]
    pub fn key(&self) -> String {
        // A byte that no name has comes before all that one may have.
        let Self {
            app,
            environment,
            worker,
            id,
            ..
        } = self;
        format!("{app} {environment} {worker} {id}")
    }
}

/// What is on record of one instance.
#[derive(Default)]
struct Known {
    start: Option<Intent>,
    stop: Option<Intent>,
}

impl Known {
    fn environment(&self) -> domain::EnvironmentId {
        let intent = self.start.as_ref().or(self.stop.as_ref());
        intent.map_or(domain::EnvironmentId::new(0), |intent| intent.environment)
    }
}

/// Looks up once what several instances share.
struct Viewer<'a> {
    ctx: &'a Ctx,
    names: Names<'a>,
    intents: BTreeMap<InstanceId, Known>,
    releases: BTreeMap<DeployId, Option<domain::Release>>,
}

impl<'a> Viewer<'a> {
    async fn new(ctx: &'a Ctx) -> Result<Self, Error> {
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
    async fn standing(
        &mut self,
        environment: &Environment,
        app: Option<domain::AppId>,
    ) -> Result<Vec<InstanceView>, Error> {
        let seen = crate::instances(&self.ctx.deps, environment.id, app).await?;
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
        } = instance;
        let known = self.intents.get(&seen.instance);
        let stop = known.and_then(|known| known.stop.as_ref());
        let standing = standing(&seen.phase, stop, registration);
        let (restarts, started_at) = starts(&seen.phase);
        let release = self.release(seen.deploy).await?;
        Ok(InstanceView {
            id: seen.instance,
            app: self.names.app(seen.app).await?,
            environment: environment.name.to_string(),
            worker: seen.worker.to_string(),
            deploy: seen.deploy,
            release: release.as_ref().map(|release| release.id),
            node: seen.node,
            address: seen.port.map(|port| format!("{address}:{port}")),
            standing,
            health,
            commit: commit.or_else(|| release.map(|release| release.commit)),
            image: seen.image,
            handle: seen.handle,
            restarts,
            created_at: seen.created_at,
            started_at,
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
            app: self.names.app(start.app).await?,
            environment: environment.name.to_string(),
            worker: start.worker.to_string(),
            deploy: start.deploy,
            release: release.as_ref().map(|release| release.id),
            node: start.node,
            address: None,
            standing,
            health: Health::Unknown,
            commit: release.as_ref().map(|release| release.commit.clone()),
            image: release.map(|release| release.image),
            handle: String::new(),
            restarts: 0,
            created_at: start.opened_at,
            started_at: None,
            end: None,
        })
    }

    /// Those that ended, newest first, but for those that are still there.
    async fn ended(
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
            let release = self.release(end.deploy).await?;
            views.push(InstanceView {
                id: end.instance,
                app: self.names.app(end.app).await?,
                environment: self.names.environment(end.environment).await?,
                worker: end.worker.to_string(),
                deploy: end.deploy,
                release: release.as_ref().map(|release| release.id),
                node: end.node.clone(),
                address: None,
                standing: Standing::Ended,
                health: Health::Unknown,
                commit: release.as_ref().map(|release| release.commit.clone()),
                image: release.map(|release| release.image),
                handle: String::new(),
                restarts: 0,
                created_at: end.at,
                started_at: None,
                end: Some(end),
            });
        }
        Ok(views)
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
        Phase::Restarting { restarts, .. } => (*restarts, None),
        Phase::Created | Phase::Exited { .. } => (0, None),
    }
}

const fn standing(phase: &Phase, stop: Option<&Intent>, registration: Registration) -> Standing {
    match (phase, stop, registration) {
        (Phase::Created, ..) => Standing::Starting,
        (Phase::Running { .. }, None, _) => Standing::Running,
        (Phase::Running { .. }, Some(_), Registration::Maintenance) => Standing::Draining,
        (Phase::Running { .. }, Some(_), Registration::None | Registration::Serving) => {
            Standing::Stopping
        }
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
        views.push(InstanceView {
            id: seen.instance,
            app: names.app(seen.app).await?,
            environment: names.environment(seen.environment).await?,
            worker: seen.worker.to_string(),
            deploy: seen.deploy,
            release: None,
            node: seen.node,
            address: None,
            standing: standing(&seen.phase, None, Registration::None),
            health: Health::Unknown,
            commit: None,
            image: seen.image,
            handle: seen.handle,
            restarts,
            created_at: seen.created_at,
            started_at,
            end: None,
        });
    }
    Ok(views)
}
