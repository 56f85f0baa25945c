//! Deploys a commit, or an earlier Release.

use super::{DeployView, foreseen, view};
use crate::usecases::{Ctx, Done, Error, Intended, Mode, Record, Verb, redeploy};
use domain::{App, Cause, CommitSha, Deploy, Environment, GitRef, Release, ReleaseId};
use ports::{
    source,
    store::{
        Page,
        builds::BuildFilter,
        deploys::{NewDeploy, OnConflict},
    },
};
use std::{sync::Arc, time::Duration};

/// How long a caller is kept waiting for the host of a repository: clients of old give up after 60 s.
const CALLERS_WAIT: Duration = Duration::from_secs(20);

/// A Deploy that is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// By name or id.
    pub app: String,
    /// By name or id.
    pub environment: String,
    pub target: Target,
    pub on_conflict: OnConflict,
    pub patience: Duration,
}

/// What is to be deployed.
#[derive(Debug, Clone)]
pub enum Target {
    Ref(GitRef),
    Release(ReleaseId),
}

/// Accepts a Deploy. Its ref is resolved when its turn comes; a preview resolves it at once.
///
/// # Errors
/// `Unknown` (App, Environment, Release); in a preview `Source`.
pub async fn create(ctx: &Ctx, request: Request, mode: Mode) -> Result<Done<DeployView>, Error> {
    let app = ctx.app(&request.app).await?;
    let environment = ctx.environment(&request.environment).await?;
    match &request.target {
        Target::Ref(git_ref) => {
            let git_ref = git_ref.clone();
            of_ref(ctx, &app, &environment, git_ref, &request, mode).await
        }
        Target::Release(id) => {
            let release = release_of(ctx, &app, &environment, *id).await?;
            let wanted = Again {
                release,
                on_conflict: request.on_conflict,
                patience: request.patience,
            };
            of_release(ctx, &app, &environment, wanted, mode).await
        }
    }
}

async fn of_ref(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    git_ref: GitRef,
    request: &Request,
    mode: Mode,
) -> Result<Done<DeployView>, Error> {
    let mut plan = Intended::default();
    plan.records.push(
        Record::new(Verb::Create, "deploy", format!("{git_ref} is asked for"))
            .within(&app.name, &environment.name),
    );
    if mode == Mode::Preview {
        let mut deploy = redeploy::unmade(ctx, app, environment, Cause::Commit);
        deploy.patience = request.patience;
        let commit = commit_of(ctx, app, &git_ref).await?;
        let build = kept_build(ctx, app, &commit).await?;
        deploy.build = build.as_ref().map(|build| build.id);
        deploy.git_ref = Some(git_ref);
        match build {
            None => plan.records.extend(records_of_build(app, &commit)),
            Some(build) => {
                plan.instances = vec![foreseen::of_build(ctx, app, environment, &build).await?]
            }
        }
        let mut value = view(ctx, deploy).await?;
        value.commit = Some(commit);
        return Ok(Done { value, plan });
    }
    let new = NewDeploy {
        app: app.id,
        environment: environment.id,
        cause: Cause::Commit,
        git_ref: Some(git_ref.clone()),
        build: None,
        release: None,
        patience: request.patience,
        on_conflict: request.on_conflict,
    };
    let change = ctx.change(format!(
        "asked for {git_ref} of {} in {}",
        app.name, environment.name
    ));
    let deploy = ctx.store().create_deploy(new, &change).await?;
    let value = view(ctx, deploy).await?;
    Ok(Done { value, plan })
}

/// The commit that a ref names now, for a caller who waits for it.
///
/// # Errors
/// `Source`: `Unreachable` also where the host of the repository keeps the caller waiting too long.
pub(in crate::usecases) async fn commit_of(
    ctx: &Ctx,
    app: &App,
    git_ref: &GitRef,
) -> Result<CommitSha, Error> {
    if let Some(commit) = git_ref.as_commit() {
        return Ok(commit);
    }
    let unsaid = |why: String| source::Error::Unreachable {
        repo: app.repo.clone(),
        detail: format!("it has not said which commit `{git_ref}` is: {why}"),
    };
    let (source, repo) = (Arc::clone(&ctx.deps.source), app.repo.clone());
    let named = git_ref.clone();
    let resolving = async move {
        let turn = ctx.deps.questions.turn(&repo, &named).await;
        // Goes on whether the caller waits or not: what it brings here is here when they ask again.
        let asked = tokio::spawn(async move {
            let _turn = turn;
            source.resolve(&repo, &named).await
        });
        asked.await
    };
    let resolved = match tokio::time::timeout(CALLERS_WAIT, resolving).await {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(broken)) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
        Ok(Err(_)) => Err(unsaid("this server is stopping".to_owned())),
        Err(_) => Err(unsaid(format!(
            "after {} s it is still being asked; the full commit id needs no answer of it",
            CALLERS_WAIT.as_secs()
        ))),
    };
    Ok(resolved?)
}

/// A Build of the commit, made as the App is made now, whose image is still kept.
pub(in crate::usecases) async fn kept_build(
    ctx: &Ctx,
    app: &App,
    commit: &CommitSha,
) -> Result<Option<domain::Build>, Error> {
    let filter = BuildFilter {
        app: Some(app.id),
        state: Some(domain::BuildState::Completed),
        commit: Some(commit.clone()),
    };
    let recipe = ctx.deps.settings.recipe_of(app);
    for build in ctx.store().list_builds(&filter, Page::ALL).await?.items {
        if build.is_made_by(&recipe)
            && let Some(image) = &build.image
            && ctx.store().image_is_kept(image).await?
        {
            return Ok(Some(build));
        }
    }
    Ok(None)
}

pub(crate) fn records_of_build(app: &App, commit: &CommitSha) -> [Record; 2] {
    [
        Record::new(
            Verb::Fetch,
            format!("commit {}", commit.short()),
            format!("from {}", app.repo),
        )
        .within(&app.name, ""),
        Record::new(
            Verb::Build,
            format!("commit {}", commit.short()),
            "it has no image yet; what happens to instances is known when it is built",
        )
        .within(&app.name, ""),
    ]
}

/// A Release to be deployed again.
pub(super) struct Again {
    pub(super) release: Release,
    pub(super) on_conflict: OnConflict,
    pub(super) patience: Duration,
}

/// The Release of this id, if it is of the App in the Environment.
pub(super) async fn release_of(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    id: ReleaseId,
) -> Result<Release, Error> {
    let release = ctx.release(&id.to_string()).await?;
    if release.app != app.id || release.environment != environment.id {
        let problem = format!(
            "{id} is not a release of {app} in {environment}; see `jockey releases list -a {app} -e {environment}`",
            app = app.name,
            environment = environment.name
        );
        return Err(Error::invalid("release", problem));
    }
    Ok(release)
}

/// Goes back, or on, to a Release. One whose image is gone is built again from its commit.
pub(super) async fn of_release(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    wanted: Again,
    mode: Mode,
) -> Result<Done<DeployView>, Error> {
    let release = &wanted.release;
    let why = format!("{} at {} again", release.id, release.commit.short());
    let record = Record::new(Verb::Create, "deploy", why).within(&app.name, &environment.name);
    let mut plan = Intended::of(record);
    if mode == Mode::Preview {
        if !ctx.store().image_is_kept(&release.image).await? {
            plan.records.extend(records_of_build(app, &release.commit));
        }
        plan.instances = vec![foreseen::of_release(ctx, app, environment, release).await?];
        let deploy = Deploy {
            release: Some(release.id),
            patience: wanted.patience,
            ..redeploy::unmade(ctx, app, environment, Cause::Rollback)
        };
        let value = view(ctx, deploy).await?;
        return Ok(Done { value, plan });
    }
    let new = NewDeploy {
        app: app.id,
        environment: environment.id,
        cause: Cause::Rollback,
        git_ref: None,
        build: None,
        release: Some(release.id),
        patience: wanted.patience,
        on_conflict: wanted.on_conflict,
    };
    let change = ctx.change(format!(
        "asked for {} of {} in {} again",
        release.id, app.name, environment.name
    ));
    let deploy = ctx.store().create_deploy(new, &change).await?;
    let value = view(ctx, deploy).await?;
    Ok(Done { value, plan })
}
