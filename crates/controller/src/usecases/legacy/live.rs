//! The instances of a Worker that run now.

use crate::usecases::{Ctx, Error};
use domain::{App, CommitSha, DeployId, Environment, ImageRef, Worker};
use domain::{NodeName, worker::Command};
use std::collections::BTreeMap;

/// A Worker with its instances that run.
#[derive(Debug, Clone)]
pub struct Live {
    pub worker: Worker,
    pub app: App,
    pub instances: Vec<LiveInstance>,
}

/// One instance that runs.
#[derive(Debug, Clone)]
pub struct LiveInstance {
    /// What its node calls it.
    pub handle: String,
    pub node: NodeName,
    /// Where its node is reached.
    pub address: String,
    pub port: Option<u16>,
    pub commit: Option<CommitSha>,
    pub image: Option<ImageRef>,
    pub deploy: DeployId,
    /// What it was started with. None: the image's own command.
    pub command: Option<Command>,
}

/// The instances of a Worker that run, oldest first.
///
/// # Errors
/// `Unknown`, `World` when the catalog does not answer.
pub async fn of(ctx: &Ctx, worker: Worker) -> Result<Live, Error> {
    let app = ctx.app(&worker.app.to_string()).await?;
    let environment: Environment = ctx.environment(&worker.environment.to_string()).await?;
    let seen =
        crate::instances(&ctx.deps, environment.id, Some(app.id), crate::Look::Afresh).await?;
    let mut commands: BTreeMap<DeployId, Option<Command>> = BTreeMap::new();
    let mut instances = Vec::new();
    for shown in seen {
        if shown.seen.worker != worker.spec.name || !shown.seen.phase.is_running() {
            continue;
        }
        let deploy = shown.seen.deploy;
        let command = match commands.get(&deploy) {
            Some(known) => known.clone(),
            None => {
                let found = started_with(ctx, &worker, deploy).await?;
                commands.insert(deploy, found.clone());
                found
            }
        };
        instances.push(LiveInstance {
            handle: shown.seen.handle,
            node: shown.seen.node,
            address: shown.address,
            port: shown.seen.port,
            commit: shown.commit.or(shown.seen.commit),
            image: shown.seen.image,
            deploy,
            command,
        });
    }
    Ok(Live {
        worker,
        app,
        instances,
    })
}

/// What a Deploy starts instances of a Worker with, as its Release says. Where that is not on record: what the Worker runs
/// now.
async fn started_with(
    ctx: &Ctx,
    worker: &Worker,
    deploy: DeployId,
) -> Result<Option<Command>, Error> {
    let deploy = ctx.store().find_deploy(deploy).await?;
    let release = match deploy.and_then(|deploy| deploy.release) {
        Some(release) => ctx.store().find_release(release).await?,
        None => None,
    };
    let spec = release
        .as_ref()
        .and_then(|release| release.worker(&worker.spec.name));
    Ok(spec.unwrap_or(&worker.spec).command.clone())
}
