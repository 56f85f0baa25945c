//! A change of variables whose Deploy does not get healthy is put back: the set gets a version with what runs has, so
//! that the next Deploy, of whatever cause, does not meet the same values again.

use super::{Which, affected, scope};
use crate::usecases::{
    Ctx, Error,
    redeploy::{self, Fault},
};
use domain::{Cause, Deploy, DeployId, Release, config::ConfigVersions};
use ports::store;

/// The event that says that a set stays as it is, since others run with it.
const NOT_PUT_BACK: &str = "config.not_put_back";

/// Puts back what a failed Deploy was for: each of its sets to what runs. Does nothing where the Deploy was for something
/// else, where no instance of it was at fault, where nothing runs to go back to, or where somebody has written the set
/// since. A set that another App is deployed with already stays, and an event says so.
///
/// May be repeated: what was put back is not put back again, and Apps on their way to the bad version are deployed.
///
/// # Errors
/// Those of the database.
pub(crate) async fn put_back(ctx: &Ctx, deploy: DeployId) -> Result<(), Error> {
    let Some(fault) = redeploy::fault(ctx, deploy).await? else {
        return Ok(());
    };
    let Fault {
        deploy,
        app,
        environment,
        failed,
        runs,
    } = fault;
    let which = |stack: String, app: String| Which {
        environment: environment.id.to_string(),
        stack,
        app,
    };
    for layer in [
        which(String::new(), app.id.to_string()),
        which(app.stack.to_string(), String::new()),
        which(String::new(), String::new()),
    ] {
        put_layer_back(ctx, &layer, &deploy, (&failed.config, &runs.config)).await?;
    }
    Ok(())
}

async fn put_layer_back(
    ctx: &Ctx,
    layer: &Which,
    deploy: &Deploy,
    (failed, runs): (&ConfigVersions, &ConfigVersions),
) -> Result<(), Error> {
    let scope = scope(ctx, layer).await?;
    let (Some(bad), good) = (failed.of(scope.scope), runs.of(scope.scope)) else {
        return Ok(());
    };
    let set = ctx.store().find_config(scope.scope).await?;
    let Some(set) = set else {
        return Ok(());
    };
    // Its values did run once: what was put back and fails too is left.
    let is_put_back = set.updated_by == ctx.actor;
    if is_put_back == (set.version == bad) {
        return Ok(());
    }
    // Where it was put back before this was broken off, what runs by now may have the bad version.
    if !is_put_back && Some(bad) == good {
        return Ok(());
    }
    let has_it = |release: &&Release| release.config.of(scope.scope) == Some(bad);
    if !is_put_back {
        let affected = affected(ctx, &scope).await?;
        let others = affected.iter().filter(|other| other.app.id != deploy.app);
        let healthy_with_it =
            others.filter(|other| other.releases.first().is_some_and(|it| has_it(&it)));
        if let Some(other) = healthy_with_it.into_iter().next() {
            let why = format!(
                "{} stays though {} failed with it: {} runs with it",
                scope.title(),
                deploy.id,
                other.app.name
            );
            let change = ctx.change(why);
            let told = ctx.store().tell_of_app(deploy.app, NOT_PUT_BACK, &change);
            return Ok(told.await?);
        }
    }
    let why = match good {
        _ if is_put_back => format!("{} put back: {} failed", scope.title(), deploy.id),
        Some(good) => format!("{} put back to {good}: {} failed", scope.title(), deploy.id),
        None => format!("{} put back to none: {} failed", scope.title(), deploy.id),
    };
    if !is_put_back {
        let versions = ConfigVersions::only(scope.scope, good);
        let variables = ctx.store().config_at(versions).await?;
        let change = ctx.change(why.clone());
        let store = ctx.store();
        let written = store.write_config(scope.scope, Some(bad), &variables, &change);
        match written.await {
            Ok(_) => {}
            Err(store::Error::Stale { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    // Looked at once it is written: a Deploy that was made ready meanwhile has the bad version, and a later one has this.
    let lacking: Vec<_> = affected(ctx, &scope)
        .await?
        .into_iter()
        .filter(|affected| affected.releases.last().is_some_and(|it| has_it(&it)))
        .collect();
    redeploy::run(ctx, &lacking, Cause::Config, &why).await?;
    Ok(())
}
