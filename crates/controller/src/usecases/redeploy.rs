//! The Deploys that follow from a change of variables or of Workers: the same Build again, as a new Release.

use super::{
    Ctx, EnvironmentPlan, Error, Record, Verb,
    deploys::{self, DeployView},
    outcome::PREVIEWED,
};
use domain::{
    App, AppId, BuildId, Cause, CommitSha, Deploy, DeployId, DeployState, Environment,
    EnvironmentId, Release, Scale, WorkerSpec, deploy::DEFAULT_PATIENCE,
};
use ports::store::{
    Change, Page,
    deploys::{DeployFilter, NewDeploy, OnConflict},
};
use scheduler::{
    PlanInput,
    input::{DesiredApp, DesiredDeploy, DesiredWorker, Opening, RestartOnly},
};
use std::{collections::BTreeSet, time::Duration};

/// An App that runs, or is about to, and has to be deployed again for a change to reach it.
pub(super) struct Affected {
    pub(super) app: App,
    pub(super) environment: Environment,
    /// What it runs, and what it would run if any of the Deploys under way came to its end.
    pub(super) releases: Vec<Release>,
    /// The Build that it goes on with. None: that of what runs when the Deploys under way have ended, however they do.
    pub(super) build: Option<BuildId>,
}

impl Affected {
    pub(super) fn record(&self) -> Record {
        let why = match self.build {
            Some(build) => format!("{build} again, with the change"),
            None => "what runs then again, with the change".to_owned(),
        };
        Record::new(Verb::Create, "deploy", why).within(&self.app.name, &self.environment.name)
    }
}

/// Those of the Apps that have to be deployed again.
pub(super) async fn affected(
    ctx: &Ctx,
    apps: impl IntoIterator<Item = App>,
    environment: &Environment,
) -> Result<Vec<Affected>, Error> {
    let mut affected = Vec::new();
    for app in apps {
        affected.extend(affected_app(ctx, app, environment).await?);
    }
    Ok(affected)
}

/// The App, where a change has to be deployed. None where nothing runs that could lack it, and where the last Deploy
/// under way takes it over by itself: one that is for a change, and has not made its Release yet. Any other may fail for
/// reasons of its own, and what runs would go on without the change.
async fn affected_app(
    ctx: &Ctx,
    app: App,
    environment: &Environment,
) -> Result<Option<Affected>, Error> {
    let active = ctx.store().active_deploys(app.id, environment.id).await?;
    let last = active.last();
    if last.is_some_and(|last| last.release.is_none() && last.cause.is_for_a_change()) {
        return Ok(None);
    }
    let runs = deployed(ctx, &app, environment).await?;
    let runs = release_of(ctx, runs.as_ref()).await?;
    let will = release_of(ctx, last).await?;
    let mut releases: Vec<Release> = runs.iter().cloned().collect();
    for deploy in &active {
        releases.extend(release_of(ctx, Some(deploy)).await?);
    }
    let has_begun = |deploy: &Deploy| deploy.state == DeployState::Deploying;
    let build = match (&runs, last, &will) {
        (Some(runs), None, _) => Some(runs.build),
        (Some(_), Some(_), _) => None,
        (None, _, Some(will)) => Some(will.build),
        // One that has begun without the change may be what runs when those behind it have failed.
        (None, Some(_), None) if active.iter().any(has_begun) => None,
        (None, _, None) => return Ok(None),
    };
    Ok(Some(Affected {
        app,
        environment: environment.clone(),
        releases,
        build,
    }))
}

pub(super) async fn release_of(
    ctx: &Ctx,
    deploy: Option<&Deploy>,
) -> Result<Option<Release>, Error> {
    match deploy.and_then(|deploy| deploy.release) {
        Some(release) => Ok(ctx.store().find_release(release).await?),
        None => Ok(None),
    }
}

/// The Deploy that is current.
pub(super) async fn deployed(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
) -> Result<Option<Deploy>, Error> {
    current(ctx, app.id, environment.id).await
}

/// The same, by ids alone.
pub(super) async fn current(
    ctx: &Ctx,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Option<Deploy>, Error> {
    let filter = DeployFilter {
        app: Some(app),
        environment: Some(environment),
        state: Some(DeployState::Deployed),
    };
    let newest = Page {
        size: 1,
        after: None,
    };
    let found = ctx.store().list_deploys(&filter, newest).await?;
    Ok(found.items.into_iter().next())
}

/// A Deploy for a change that failed by what it had changed, and what there is to go back to.
pub(super) struct Fault {
    pub(super) deploy: Deploy,
    pub(super) app: App,
    pub(super) environment: Environment,
    pub(super) failed: Release,
    pub(super) runs: Release,
}

/// What may have to be put back of what a Deploy was for. None where it was for no change, where no instance of it was at
/// fault, and where nothing runs to go back to.
pub(super) async fn fault(ctx: &Ctx, deploy: DeployId) -> Result<Option<Fault>, Error> {
    let found = ctx.store().find_deploy(deploy).await?;
    let Some(deploy) = found.filter(is_at_fault) else {
        return Ok(None);
    };
    let app = ctx.app(&deploy.app.to_string()).await?;
    let environment = ctx.environment(&deploy.environment.to_string()).await?;
    let runs = deployed(ctx, &app, &environment).await?;
    let runs = release_of(ctx, runs.as_ref()).await?;
    let failed = release_of(ctx, Some(&deploy)).await?;
    let (Some(runs), Some(failed)) = (runs, failed) else {
        return Ok(None);
    };
    Ok(Some(Fault {
        deploy,
        app,
        environment,
        failed,
        runs,
    }))
}

/// A Deploy for a change failed, and an instance that had the change decided that: it ended, or its check did not pass.
/// Of whichever kind: one Deploy may be for changes of both.
fn is_at_fault(deploy: &Deploy) -> bool {
    let culprit = deploy.failure.as_ref().and_then(|f| f.instance.as_ref());
    let is_evident = culprit.is_some_and(|it| it.exit_code.is_some() || !it.probe.is_empty());
    deploy.state == DeployState::Failed && deploy.cause.is_for_a_change() && is_evident
}

/// Accepts a Deploy for each of them, behind those that are under way. `ctx` bears the key of the request only where
/// nothing was changed under it before.
pub(super) async fn run(
    ctx: &Ctx,
    affected: &[Affected],
    cause: Cause,
    why: &str,
) -> Result<Vec<DeployView>, Error> {
    let mut key = ctx.request.clone();
    let mut made = Vec::with_capacity(affected.len());
    for Affected {
        app,
        environment,
        build,
        ..
    } in affected
    {
        let new = NewDeploy {
            app: app.id,
            environment: environment.id,
            cause,
            git_ref: None,
            build: *build,
            release: None,
            patience: patience(cause),
            on_conflict: OnConflict::Queue,
        };
        let message = format!(
            "{why}: {} in {} is deployed again",
            app.name, environment.name
        );
        let change = Change {
            request: key.take(),
            ..ctx.further(message)
        };
        let deploy = ctx.store().create_deploy(new, &change).await?;
        made.push(deploys::view(ctx, deploy).await?);
    }
    Ok(made)
}

/// The Deploys that `run` would make.
pub(super) fn planned(ctx: &Ctx, affected: &[Affected], cause: Cause) -> Vec<DeployView> {
    let views = affected.iter().map(|affected| DeployView {
        deploy: Deploy {
            build: affected.build,
            ..unmade(ctx, &affected.app, &affected.environment, cause)
        },
        app: affected.app.name.to_string(),
        environment: affected.environment.name.to_string(),
        commit: None,
        holder: None,
        queue_position: 0,
    });
    views.collect()
}

/// A Deploy as it would be accepted.
pub(super) fn unmade(ctx: &Ctx, app: &App, environment: &Environment, cause: Cause) -> Deploy {
    let now = ctx.deps.clock.now();
    Deploy {
        id: PREVIEWED,
        app: app.id,
        environment: environment.id,
        cause,
        git_ref: None,
        build: None,
        release: None,
        state: DeployState::Created,
        step: String::new(),
        patience: patience(cause),
        spent: Duration::ZERO,
        failure: None,
        created_by: ctx.actor.clone(),
        created_at: now,
        started_at: None,
        updated_at: now,
        completed_at: None,
    }
}

/// What would happen to instances if each of them were deployed again now.
pub(super) async fn preview(
    ctx: &Ctx,
    environment: &Environment,
    affected: &[Affected],
    cause: Cause,
) -> Result<Vec<EnvironmentPlan>, Error> {
    if affected.is_empty() {
        return Ok(Vec::new());
    }
    let edit = |input: &mut PlanInput| {
        for affected in affected {
            deploy_again(input, affected.app.id, cause);
        }
    };
    Ok(vec![ctx.preview(environment, edit).await?])
}

/// How long such a Deploy may take. One that opens with one instance has as long for that as for all the others.
fn patience(cause: Cause) -> Duration {
    match Opening::of(cause) {
        Opening::One => 2 * DEFAULT_PATIENCE,
        Opening::Surge => DEFAULT_PATIENCE,
    }
}

/// Wants what is wanted of the App under a Deploy that is not there yet.
pub(super) fn deploy_again(input: &mut PlanInput, app: domain::AppId, cause: Cause) {
    let deadline = input.now + patience(cause);
    let desired = input.apps.iter_mut().filter(|desired| desired.app == app);
    for deploy in desired.filter_map(|desired| desired.deploy.as_mut()) {
        deploy.id = PREVIEWED;
        deploy.also.clear();
        deploy.state = DeployState::Deploying;
        deploy.opening = Opening::of(cause);
        deploy.deadline = Some(deadline);
    }
}

/// Wants these Workers of an App, at these scales, under a Deploy that is not there yet.
pub(super) fn want(
    input: &mut PlanInput,
    app: &App,
    commit: &CommitSha,
    workers: Vec<(WorkerSpec, Scale)>,
) {
    let desired = workers.into_iter().map(|(spec, scale)| DesiredWorker {
        spec,
        scale,
        restart_before: None,
        restart_only: RestartOnly::All,
    });
    let wanted = DesiredDeploy {
        id: PREVIEWED,
        also: BTreeSet::new(),
        state: DeployState::Deploying,
        opening: Opening::Surge,
        commit: commit.clone(),
        deadline: Some(input.now + DEFAULT_PATIENCE),
        workers: desired.collect(),
    };
    match input.apps.binary_search_by_key(&app.id, |known| known.app) {
        Ok(at) => input.apps[at].deploy = Some(wanted),
        Err(at) => input.apps.insert(
            at,
            DesiredApp {
                app: app.id,
                name: app.name.clone(),
                stack: app.stack,
                deploy: Some(wanted),
            },
        ),
    }
}
