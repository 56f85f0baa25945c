//! What a Deploy would come to, for a preview of it.

use crate::usecases::{Ctx, EnvironmentPlan, Error, redeploy, workers::workers_of};
use domain::{App, Build, Environment, Release, Scale, Worker, WorkerName, build::definitions};

/// Of a Build that is there: where it makes the very Release that runs, nothing moves.
pub(super) async fn of_build(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    build: &Build,
) -> Result<EnvironmentPlan, Error> {
    let stored = workers_of(ctx, app.id, environment.id).await?;
    let specs = definitions(&build.workers, &stored);
    let config = ctx.deps.newest_config(app, environment.id).await?;
    let runs = redeploy::deployed(ctx, app, environment).await?;
    let runs = redeploy::release_of(ctx, runs.as_ref()).await?;
    let runs_already = runs.is_some_and(|runs| {
        Some(&runs.image) == build.image.as_ref() && runs.config == config && runs.workers == specs
    });
    let first_scale = |name: &WorkerName| {
        let declared = build.workers.iter().find(|it| it.spec.name == *name);
        declared.map_or_else(|| Scale::first_of(name), |declared| declared.first_scale)
    };
    let wanted = specs.into_iter().map(|spec| {
        let scale = scale_of(&stored, &spec.name).unwrap_or_else(|| first_scale(&spec.name));
        (spec, scale)
    });
    let wanted = wanted.collect();
    ctx.preview(environment, |input| {
        if !runs_already {
            redeploy::want(input, app, &build.commit, wanted);
        }
    })
    .await
}

/// Of an earlier Release: where it is as the one that runs, nothing moves either.
pub(super) async fn of_release(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    release: &Release,
) -> Result<EnvironmentPlan, Error> {
    let stored = workers_of(ctx, app.id, environment.id).await?;
    let runs = redeploy::deployed(ctx, app, environment).await?;
    let runs = redeploy::release_of(ctx, runs.as_ref()).await?;
    let runs_already = runs.is_some_and(|runs| runs.is_as(release));
    let wanted = release.workers.iter().map(|spec| {
        let scale = scale_of(&stored, &spec.name);
        (
            spec.clone(),
            scale.unwrap_or_else(|| Scale::first_of(&spec.name)),
        )
    });
    let wanted = wanted.collect();
    let edit = |input: &mut _| {
        if !runs_already {
            redeploy::want(input, app, &release.commit, wanted);
        }
    };
    ctx.preview(environment, edit).await
}

fn scale_of(stored: &[Worker], name: &WorkerName) -> Option<Scale> {
    let known = stored.iter().find(|worker| worker.spec.name == *name);
    known.map(|worker| worker.scale)
}
