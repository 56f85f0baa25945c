//! Deploys in numbered pages, with all that they embed, and ones that know their Build from the first moment.

use super::{BuildView, Embedded};
use crate::usecases::{Ctx, Error, Kind, deploys::commit_of, redeploy};
use domain::{
    App, BuildId, Cause, Deploy, DeployId, DeployState, Environment, GitRef, build::Wanted,
    deploy::DEFAULT_PATIENCE,
};
use ports::store::{
    self, Counted, Numbered,
    builds::NewBuild,
    deploys::{DeployChoice, NewDeploy, OnConflict},
};
use secrecy::SecretString;

/// A Deploy with what it embeds. None: that was deleted, or is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployView {
    pub deploy: Deploy,
    pub app: Option<App>,
    pub environment: Option<Environment>,
    pub build: Option<BuildView>,
}

/// Which Deploys are listed, by names or ids; an empty text is every one, as is no state.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub app: String,
    pub environment: String,
    pub states: Vec<DeployState>,
}

/// A page of Deploys.
///
/// # Errors
/// `Unknown`.
pub async fn list(
    ctx: &Ctx,
    filter: &Filter,
    page: Numbered,
) -> Result<Counted<DeployView>, Error> {
    let environment = ctx.any_environment(&filter.environment).await?;
    let choice = DeployChoice {
        app: ctx.any_app(&filter.app).await?.map(|app| app.id),
        environment: environment.map(|environment| environment.id),
        states: filter.states.clone(),
    };
    let found = ctx.store().number_deploys(&choice, page).await?;
    let mut embedded = Embedded::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for deploy in found.items {
        items.push(view(ctx, &mut embedded, deploy).await?);
    }
    Ok(Counted {
        items,
        total: found.total,
    })
}

/// The Deploy of this id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, id: DeployId) -> Result<DeployView, Error> {
    let found = ctx.store().find_deploy(id).await?;
    let deploy = found.ok_or_else(|| Error::unknown(Kind::Deploy, id.number()))?;
    view(ctx, &mut Embedded::new(ctx), deploy).await
}

/// Accepts a Deploy of a ref. Its Build is there from the first moment: one of that commit that has not failed, else a
/// fresh one.
///
/// # Errors
/// `Unknown`, `Source`; with `Refuse`, `Store(DeploysUnderWay)`.
pub async fn create(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    git_ref: GitRef,
    on_conflict: OnConflict,
    callback: Option<&SecretString>,
) -> Result<DeployView, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    refuse_early(ctx, &app, &environment, on_conflict).await?;
    let commit = commit_of(ctx, &app, &git_ref).await?;
    let wanted = NewBuild {
        app: app.id,
        git_ref: git_ref.clone(),
        commit,
        recipe: ctx.deps.settings.recipe_of(&app),
        wanted: Wanted::ByDeploys,
    };
    let asked = format!(
        "asked for {git_ref} of {} in {}",
        app.name, environment.name
    );
    let change = ctx.change(&asked);
    let build = ctx.store().request_build(wanted, &change).await?;
    let new = NewDeploy {
        app: app.id,
        environment: environment.id,
        cause: Cause::Commit,
        git_ref: Some(git_ref),
        build: Some(build.into_build().id),
        release: None,
        patience: DEFAULT_PATIENCE,
        on_conflict,
    };
    let calling = ctx.called_back(callback);
    let change = ctx.further(asked);
    let deploy = calling.store().create_deploy(new, &change).await?;
    view(ctx, &mut Embedded::new(ctx), deploy).await
}

/// So that no Build is begun for a Deploy that is refused. The refusal that counts is in the transaction that makes it.
async fn refuse_early(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    on_conflict: OnConflict,
) -> Result<(), Error> {
    let mut active = ctx.store().active_deploys(app.id, environment.id).await?;
    active.retain(|other| !other.cause.is_for_a_change());
    if active.is_empty() {
        return Ok(());
    }
    match on_conflict {
        OnConflict::Queue | OnConflict::Supersede => Ok(()),
        OnConflict::Refuse => {
            let ids = active.into_iter().map(|deploy| deploy.id).collect();
            Err(store::Error::DeploysUnderWay(ids).into())
        }
    }
}

/// The Build of a Deploy, or of its Release.
async fn build_of(ctx: &Ctx, deploy: &Deploy) -> Result<Option<BuildId>, Error> {
    match (deploy.build, deploy.release) {
        (Some(build), _) => Ok(Some(build)),
        (None, Some(release)) => {
            let release = ctx.store().find_release(release).await?;
            Ok(release.map(|release| release.build))
        }
        (None, None) => Ok(None),
    }
}

/// The Build that a change meets which waits behind another Deploy, or was superseded there: that of the newest under way
/// before it, else of the one that is deployed.
async fn build_there(ctx: &Ctx, change: &Deploy) -> Result<Option<BuildId>, Error> {
    let active = ctx.store().active_deploys(change.app, change.environment);
    let before = active.await?.into_iter().rev();
    let before = before.filter(|deploy| deploy.id < change.id);
    let runs = redeploy::current(ctx, change.app, change.environment).await?;
    for deploy in before.chain(runs) {
        if let Some(build) = build_of(ctx, &deploy).await? {
            return Ok(Some(build));
        }
    }
    Ok(None)
}

async fn view(ctx: &Ctx, embedded: &mut Embedded<'_>, deploy: Deploy) -> Result<DeployView, Error> {
    let build = match build_of(ctx, &deploy).await? {
        None if deploy.cause.is_for_a_change() => build_there(ctx, &deploy).await?,
        build => build,
    };
    Ok(DeployView {
        app: embedded.app(deploy.app).await?,
        environment: embedded.environment(deploy.environment).await?,
        build: match build {
            Some(build) => embedded.build(build).await?,
            None => None,
        },
        deploy,
    })
}
