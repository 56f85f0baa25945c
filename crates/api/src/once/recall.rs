//! What a request is answered whose first answer was lost with the server that gave it: the thing that it made or changed,
//! as its Get answers now.

use crate::convert::{
    app, build,
    config::{self, Values},
    deploy, environment, node, reconcile, run, stack, token, webhook, worker,
};
use controller::usecases::{
    Ctx, Error, Mode, app_hooks, apps, builds, configs, deploys, environments, nodes, reconciles,
    runs, stacks, tokens, webhooks, workers,
};
use domain::{AppId, WorkerSpec};
use proto::v1;
use std::collections::BTreeMap;

/// What became of a request.
pub(crate) enum Recalled<A> {
    /// What it made or changed. The plan is not known any more.
    Known(A),
    /// To do it again does no more than to have done it: what it takes away, nothing needs.
    Again,
    /// Nobody can say.
    Lost,
}

/// What was found of a thing. None: nobody can say.
type Found<T> = Result<Option<T>, Error>;

/// Things that are found by the id that was written down; of what is gone, the id is all that is said. A name may look
/// like an id, and is found first: then that is all as well.
macro_rules! things {
    ($($name:ident: $message:ident by $id:ident in $usecases:ident;)+) => {
        $(pub(super) async fn $name<Q: Sync>(
            ctx: &Ctx,
            _asked: &Q,
            subject: &str,
        ) -> Found<Option<v1::$message>> {
            let found = match $usecases::get(ctx, subject).await {
                Ok(found) => Some($name::wire(&found)),
                Err(Error::Unknown { .. } | Error::Forgotten { .. }) => None,
                Err(error) => return Err(error),
            };
            let found = found.filter(|found| found.$id == subject);
            Ok(Some(Some(found.unwrap_or_else(|| v1::$message {
                $id: subject.to_owned(),
                ..v1::$message::default()
            }))))
        })+
    };
}

things! {
    app: App by id in apps;
    build: Build by id in builds;
    deploy: Deploy by id in deploys;
    environment: Environment by id in environments;
    node: Node by name in nodes;
    reconcile: Reconcile by id in reconciles;
    run: Run by id in runs;
    stack: Stack by id in stacks;
    token: Token by id in tokens;
    webhook: Webhook by id in webhooks;
}

/// That of an App.
pub(super) async fn hook<Q: Sync>(
    ctx: &Ctx,
    _asked: &Q,
    subject: &str,
) -> Found<Option<v1::AppHook>> {
    let Ok(of) = subject.parse::<AppId>() else {
        return Ok(None);
    };
    let found = app_hooks::find(ctx, of).await?;
    Ok(Some(found.as_ref().map(app::hook)))
}

pub(super) async fn updated_set(
    ctx: &Ctx,
    asked: &v1::UpdateConfigSetRequest,
    _subject: &str,
) -> Found<Option<v1::ConfigSet>> {
    let (environment, stack) = (asked.environment.clone(), asked.stack.clone());
    config_set(ctx, config::which(environment, stack, asked.app.clone())).await
}

pub(super) async fn deleted_set(
    ctx: &Ctx,
    asked: &v1::DeleteConfigSetRequest,
    _subject: &str,
) -> Found<Option<v1::ConfigSet>> {
    let (environment, stack) = (asked.environment.clone(), asked.stack.clone());
    config_set(ctx, config::which(environment, stack, asked.app.clone())).await
}

/// Where something runs without it, the server may have ended before it deployed what it had written, or somebody has gone
/// back to what was before: nobody can say which, and nothing is deployed for an answer.
async fn config_set(ctx: &Ctx, which: configs::Which) -> Found<Option<v1::ConfigSet>> {
    let nothing = configs::Edit::Change {
        set: BTreeMap::new(),
        unset: Vec::new(),
    };
    let again = configs::update(ctx, &which, nothing, None, Mode::Preview).await?;
    let set = || config::wire(&again.value.config, Values::Masked);
    Ok(again.plan.records.is_empty().then(|| Some(set())))
}

pub(super) async fn created_worker(
    ctx: &Ctx,
    asked: &v1::CreateWorkerRequest,
    _subject: &str,
) -> Found<Option<v1::Worker>> {
    let v1::Worker {
        name,
        app,
        environment,
        ..
    } = asked.worker.clone().unwrap_or_default();
    let which = workers::Which {
        worker: name,
        app,
        environment,
    };
    worker(ctx, which).await
}

/// Where not all that was asked for is so, somebody else has changed it since, or the server has ended in between.
pub(super) async fn updated_worker(
    ctx: &Ctx,
    asked: &v1::UpdateWorkerRequest,
    _subject: &str,
) -> Found<Option<v1::Worker>> {
    let which = workers::Which {
        worker: asked.worker.clone(),
        app: asked.app.clone(),
        environment: asked.environment.clone(),
    };
    let is = workers::get(ctx, &which).await?.worker;
    let Ok((edit, scale)) = worker::edit(asked.values.clone(), asked.update_mask.as_ref()) else {
        return Ok(None);
    };
    let mut wanted = is.spec.clone();
    edit.apply(&mut wanted);
    if wanted != is.spec || scale.is_some_and(|scale| scale != i64::from(is.scale.get())) {
        return Ok(None);
    }
    worker(ctx, which).await
}

/// As for Config Sets.
async fn worker(ctx: &Ctx, which: workers::Which) -> Found<Option<v1::Worker>> {
    let nothing = workers::Edit {
        spec: |_: &mut WorkerSpec| (),
        scale: None,
    };
    let again = workers::update(ctx, &which, nothing, None, Mode::Preview).await?;
    let worker = || worker::wire(&again.value.worker);
    Ok(again.plan.records.is_empty().then(|| Some(worker())))
}

pub(super) async fn rescaled(
    ctx: &Ctx,
    asked: &v1::RescaleWorkersRequest,
    _subject: &str,
) -> Found<Vec<v1::Worker>> {
    let mut found = Vec::with_capacity(asked.scales.len());
    for scale in &asked.scales {
        let which = workers::Which {
            worker: scale.worker.clone(),
            app: asked.app.clone(),
            environment: asked.environment.clone(),
        };
        found.push(worker::wire(&workers::get(ctx, &which).await?));
    }
    Ok(Some(found))
}

/// Of all of an App, or of those that were not healthy then, nobody can say which were meant.
pub(super) async fn restarted(
    ctx: &Ctx,
    asked: &v1::RestartWorkersRequest,
    _subject: &str,
) -> Found<Vec<v1::Worker>> {
    if asked.worker.is_empty() || asked.only_unhealthy {
        return Ok(None);
    }
    let which = workers::Which {
        worker: asked.worker.clone(),
        app: asked.app.clone(),
        environment: asked.environment.clone(),
    };
    Ok(Some(vec![worker::wire(&workers::get(ctx, &which).await?)]))
}
