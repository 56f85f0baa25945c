//! Instances as people see them: what was seen on the nodes, joined with what is on record.

mod logs;
mod view;

pub use logs::{Chunk, From, Logs, Source, open};
pub use view::strangers;

use super::{Ctx, Error, Kind, find};
use crate::Look;
use domain::{
    CommitSha, DeployId, Health, ImageRef, InstanceEnd, InstanceId, NodeName, ReleaseId, Timestamp,
    observed::Authenticity,
};
use ports::store::intents::EndFilter;
use std::collections::BTreeMap;
use view::Viewer;

/// One instance.
#[derive(Debug, Clone)]
pub struct InstanceView {
    pub id: InstanceId,
    /// Whether it is the instance, or a copy of it that somebody has made by hand and that is stopped.
    pub authenticity: Authenticity,
    pub app: String,
    pub environment: String,
    pub worker: String,
    pub deploy: DeployId,
    pub release: Option<ReleaseId>,
    pub node: NodeName,
    /// `host:port`. None: its Worker has no port.
    pub address: Option<String>,
    /// Where its named ports are reached, as `host:port`, by name.
    pub ports: BTreeMap<String, String>,
    pub standing: Standing,
    pub health: Health,
    pub commit: Option<CommitSha>,
    pub image: Option<ImageRef>,
    /// What its node calls it. Empty: it has not been seen.
    pub handle: String,
    pub restarts: u32,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    /// That it, or one after the other of its Worker, dies again and again.
    pub crash_loop: Option<scheduler::CrashLoop>,
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
    list_by(ctx, filter, Look::Afresh).await
}

/// The same, as new as is wanted.
async fn list_by(ctx: &Ctx, filter: &Filter, look: Look) -> Result<Vec<InstanceView>, Error> {
    let app = ctx.any_app(&filter.app).await?;
    let environments = match ctx.any_environment(&filter.environment).await? {
        Some(environment) => vec![environment],
        None => {
            let store = ctx.store();
            super::all(|page| store.list_environments("", page)).await?
        }
    };
    let app_id = app.as_ref().map(|app| app.id);
    let mut found = Vec::new();
    let mut viewer = Viewer::new(ctx).await?;
    for environment in &environments {
        found.extend(viewer.standing(environment, app_id, look).await?);
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
        let standing = viewer.standing(&environment, None, Look::Afresh).await?;
        let of_id = standing.into_iter().filter(|instance| instance.id == id);
        if let Some(found) = of_id.min_by_key(|instance| instance.authenticity) {
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
            authenticity,
            handle,
            ..
        } = self;
        // Copies come after their original, which keeps its place whatever its node calls it.
        let copy = match authenticity {
            Authenticity::Genuine => "",
            Authenticity::Copy => handle,
        };
        format!("{app} {environment} {worker} {id} {copy}")
    }
}
