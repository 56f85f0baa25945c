//! How a Deploy stands: the phase of its story, and its Workers.

use super::{DeployView, view};
use crate::{
    Look,
    usecases::{Ctx, Error},
};
use domain::{DeployId, DeployState, WorkerName};
use ports::store::{Page, builds::BuildLine, workers::WorkerFilter};
use std::collections::{BTreeMap, BTreeSet};

/// How a Deploy stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub view: DeployView,
    pub phase: Phase,
    /// In order of name.
    pub workers: Vec<WorkerProgress>,
    /// What its Build has written since.
    pub lines: Vec<BuildLine>,
}

/// Where in its story a Deploy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Queue,
    Fetch,
    Build,
    Start,
    Healthy,
    Drain,
    Done,
}

/// How one Worker of a Deploy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerProgress {
    pub worker: WorkerName,
    pub scale: u16,
    pub running: u32,
    pub healthy: u32,
    /// Instances of other Deploys that are left.
    pub old: u32,
}

/// How many lines of a build are told at once.
const LINES: u32 = 500;

/// How a Deploy stands, with the lines of its Build after one.
///
/// # Errors
/// `Unknown`, and those of the catalog while it is deploying.
pub async fn progress(ctx: &Ctx, id: DeployId, after_line: i64) -> Result<Progress, Error> {
    let deploy = ctx.deploy(&id.to_string()).await?;
    let view = view(ctx, deploy).await?;
    let lines = lines(ctx, &view, after_line).await?;
    let workers = match view.deploy.state {
        DeployState::Deploying => workers(ctx, &view).await,
        DeployState::Created
        | DeployState::Building
        | DeployState::Deployed
        | DeployState::Stopped
        | DeployState::Failed
        | DeployState::Cancelled => Ok(Vec::new()),
    };
    // While the catalog does not answer, what the Deploy waits for is in its step, and that is to be told.
    let (workers, lost) = match workers {
        Ok(workers) => (workers, false),
        Err(Error::World(error)) if error.is_transient() => (Vec::new(), true),
        Err(error) => return Err(error),
    };
    let phase = match view.deploy.state {
        DeployState::Created if view.queue_position > 0 => Phase::Queue,
        DeployState::Created => Phase::Fetch,
        DeployState::Building if after_line == 0 && lines.is_empty() => Phase::Fetch,
        DeployState::Building => Phase::Build,
        DeployState::Deploying if lost => Phase::Start,
        DeployState::Deploying => phase_of(&workers),
        DeployState::Deployed
        | DeployState::Stopped
        | DeployState::Failed
        | DeployState::Cancelled => Phase::Done,
    };
    Ok(Progress {
        view,
        phase,
        workers,
        lines,
    })
}

/// What the Build has written after a line. One that was done before the Deploy was asked for is no part of its story.
async fn lines(ctx: &Ctx, view: &DeployView, after_line: i64) -> Result<Vec<BuildLine>, Error> {
    let Some(build) = view.deploy.build else {
        return Ok(Vec::new());
    };
    let known = ctx.store().find_build(build).await?;
    let done = known.and_then(|build| build.completed_at);
    if done.is_some_and(|at| at < view.deploy.created_at) {
        return Ok(Vec::new());
    }
    Ok(ctx.store().build_lines(build, after_line, LINES).await?)
}

fn phase_of(workers: &[WorkerProgress]) -> Phase {
    if workers.iter().any(|w| w.running < u32::from(w.scale)) {
        Phase::Start
    } else if workers.iter().any(|w| w.healthy < u32::from(w.scale)) {
        Phase::Healthy
    } else {
        Phase::Drain
    }
}

async fn workers(ctx: &Ctx, view: &DeployView) -> Result<Vec<WorkerProgress>, Error> {
    let deploy = &view.deploy;
    let Some(release) = deploy.release else {
        return Ok(Vec::new());
    };
    let Some(release) = ctx.store().find_release(release).await? else {
        return Ok(Vec::new());
    };
    let filter = WorkerFilter {
        app: Some(deploy.app),
        environment: Some(deploy.environment),
        name: None,
    };
    let known = ctx.store().list_workers(&filter, Page::ALL).await?.items;
    let mut workers: BTreeMap<WorkerName, WorkerProgress> = BTreeMap::new();
    for spec in &release.workers {
        let scale = known.iter().find(|worker| worker.spec.name == spec.name);
        workers.insert(
            spec.name.clone(),
            WorkerProgress {
                worker: spec.name.clone(),
                scale: scale.map_or(0, |worker| worker.scale.get()),
                running: 0,
                healthy: 0,
                old: 0,
            },
        );
    }
    let seen = crate::instances(
        &ctx.deps,
        deploy.environment,
        Some(deploy.app),
        Look::AsLoopsDo,
    )
    .await?;
    let deploys = seen.iter().map(|instance| instance.seen.deploy).collect();
    let same = of_release(ctx, &deploys, release.id).await?;
    for instance in seen {
        let Some(worker) = workers.get_mut(&instance.seen.worker) else {
            continue;
        };
        if !same.contains(&instance.seen.deploy) {
            worker.old += 1;
            continue;
        }
        worker.running += u32::from(instance.seen.phase.is_running());
        worker.healthy += u32::from(instance.health.is_healthy());
    }
    Ok(workers.into_values().collect())
}

/// Those of the Deploys that run the Release: instances of an earlier one serve for the later.
async fn of_release(
    ctx: &Ctx,
    deploys: &BTreeSet<DeployId>,
    release: domain::ReleaseId,
) -> Result<BTreeSet<DeployId>, Error> {
    let mut same = BTreeSet::new();
    for id in deploys {
        let deploy = ctx.store().find_deploy(*id).await?;
        if deploy.is_some_and(|deploy| deploy.release == Some(release)) {
            same.insert(*id);
        }
    }
    Ok(same)
}
