//! Goes back to what was current before.

use super::{
    DeployView,
    create::{Again, of_release, release_of},
};
use crate::usecases::{Ctx, Done, Error, Mode, redeploy};
use domain::{App, DeployId, DeployState, Environment, ReleaseId};
use ports::store::{Page, deploys::DeployFilter, deploys::OnConflict};
use std::time::Duration;

/// A rollback that is asked for.
#[derive(Debug, Clone)]
pub struct Back {
    /// By name or id.
    pub app: String,
    /// By name or id.
    pub environment: String,
    pub to: BackTo,
    pub on_conflict: OnConflict,
    pub patience: Duration,
}

/// Where to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackTo {
    /// The Release that was current before the one that is.
    Before,
    Release(ReleaseId),
    /// The Release of this Deploy.
    Deploy(DeployId),
}

/// Deploys an earlier Release: image, variables and Workers. Scale stays as it is.
///
/// # Errors
/// `Unknown`, `Invalid`, `NothingDeployed`, `NothingEarlier`, `NeverCurrent`.
pub async fn rollback(ctx: &Ctx, back: Back, mode: Mode) -> Result<Done<DeployView>, Error> {
    let app = ctx.app(&back.app).await?;
    let environment = ctx.environment(&back.environment).await?;
    let release = match back.to {
        BackTo::Release(id) => id,
        BackTo::Deploy(id) => of_deploy(ctx, &app, &environment, id).await?,
        BackTo::Before => before(ctx, &app, &environment).await?,
    };
    let release = release_of(ctx, &app, &environment, release).await?;
    let wanted = Again {
        release,
        on_conflict: back.on_conflict,
        patience: back.patience,
    };
    of_release(ctx, &app, &environment, wanted, mode).await
}

async fn of_deploy(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    id: DeployId,
) -> Result<ReleaseId, Error> {
    let deploy = ctx.deploy(&id.to_string()).await?;
    if deploy.app != app.id || deploy.environment != environment.id {
        let problem = format!(
            "{id} is not a deploy of {} in {}; see `jockey deploys list`",
            app.name, environment.name
        );
        return Err(Error::invalid("deploy", problem));
    }
    match (deploy.state, deploy.release) {
        (DeployState::Deployed | DeployState::Stopped, Some(release)) => Ok(release),
        (state, _) => Err(Error::NeverCurrent { deploy: id, state }),
    }
}

async fn before(ctx: &Ctx, app: &App, environment: &Environment) -> Result<ReleaseId, Error> {
    let Some(now) = redeploy::deployed(ctx, app, environment).await? else {
        return Err(Error::NothingDeployed {
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        });
    };
    let filter = DeployFilter {
        app: Some(app.id),
        environment: Some(environment.id),
        state: Some(DeployState::Stopped),
    };
    let stopped = ctx.store().list_deploys(&filter, Page::ALL).await?.items;
    stopped
        .iter()
        .filter_map(|deploy| deploy.release)
        .find(|release| Some(*release) != now.release)
        .ok_or_else(|| Error::NothingEarlier {
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        })
}
