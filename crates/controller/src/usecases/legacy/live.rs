//! The instances of a Worker that run now.

use crate::usecases::{Ctx, Error};
use domain::{App, CommitSha, DeployId, Environment, ImageRef, Worker};
use domain::{NodeName, worker::Command};

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
    let instances = seen
        .into_iter()
        .filter(|shown| shown.seen.worker == worker.spec.name && shown.seen.phase.is_running())
        .map(|shown| LiveInstance {
            handle: shown.seen.handle,
            node: shown.seen.node,
            address: shown.address,
            port: shown.seen.port,
            commit: shown.commit.or(shown.seen.commit),
            image: shown.seen.image,
            deploy: shown.seen.deploy,
            command: worker.spec.command.clone(),
        })
        .collect();
    Ok(Live {
        worker,
        app,
        instances,
    })
}
