//! Why instances stand where they stand, and why others do not start.

use crate::usecases::{Ctx, EnvironmentPlan, Error};
use domain::{DeployId, InstanceId, IntentKind, NodeName, Timestamp, WorkerName};
use scheduler::{
    PlanInput,
    place::{Demand, Rooms},
    plan::RefusalReason,
};
use std::collections::BTreeMap;

/// Where the instances of an App in an Environment stand, and where one more could.
#[derive(Debug, Clone)]
pub struct Placement {
    /// On record, in order of Worker and node: what was the reason when it was put there, not what would be one now.
    pub instances: Vec<Placed>,
    /// What waits, and why, by what is seen now.
    pub waiting: EnvironmentPlan,
    /// What each node of the pool says to one more of each Worker now. In order of Worker and node.
    pub nodes: Vec<Answer>,
}

/// One instance that is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub instance: InstanceId,
    pub worker: WorkerName,
    pub node: NodeName,
    pub deploy: DeployId,
    /// When it was put there.
    pub since: Timestamp,
    /// Why, as the plan said it then.
    pub why: String,
    /// Why it goes, of one that does.
    pub leaves: Option<String>,
}

/// What a node says to one more instance of a Worker: how many instances it has, or why it does not take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub worker: WorkerName,
    pub node: NodeName,
    pub said: Result<u32, RefusalReason>,
}

/// Why what runs of an App in an Environment is where it is, and why what does not run is nowhere. Of all its Workers where
/// none is named.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `Invalid`, `World`.
pub async fn why(
    ctx: &Ctx,
    app: &str,
    environment: &str,
    worker: &str,
) -> Result<Placement, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let worker = match worker {
        "" => None,
        which => Some(ctx.worker_of(&app, &environment, which).await?.spec.name),
    };
    let meant = |name: &WorkerName| worker.as_ref().is_none_or(|wanted| wanted == name);
    let (mut instances, mut nodes) = (Vec::new(), Vec::new());
    let look = |input: &mut PlanInput| {
        instances = placed(input, app.id, meant);
        nodes = answers(input, app.id, meant);
    };
    let mut waiting = ctx.preview(&environment, look).await?;
    waiting.plan.steps.clear();
    let held = &mut waiting.plan.held;
    held.retain(|held| held.app == app.id && meant(&held.worker));
    Ok(Placement {
        instances,
        waiting,
        nodes,
    })
}

fn placed(
    input: &PlanInput,
    app: domain::AppId,
    meant: impl Fn(&WorkerName) -> bool,
) -> Vec<Placed> {
    let meant = &meant;
    let mine = || {
        let intents = input.intents.iter();
        intents.filter(move |intent| intent.app == app && meant(&intent.worker))
    };
    let of_kind = |kind: IntentKind| mine().filter(move |intent| intent.kind == kind);
    let leaving: BTreeMap<InstanceId, &str> = of_kind(IntentKind::Stop)
        .map(|stop| (stop.instance, stop.why.as_str()))
        .collect();
    let mut placed: Vec<Placed> = of_kind(IntentKind::Start)
        .map(|start| Placed {
            instance: start.instance,
            worker: start.worker.clone(),
            node: start.node.clone(),
            deploy: start.deploy,
            since: start.opened_at,
            why: start.why.clone(),
            leaves: leaving.get(&start.instance).map(|why| (*why).to_owned()),
        })
        .collect();
    placed.sort_by(|a, b| {
        let key = |one: &Placed| (one.worker.clone(), one.node.clone(), one.instance);
        key(a).cmp(&key(b))
    });
    placed
}

fn answers(
    input: &PlanInput,
    app: domain::AppId,
    meant: impl Fn(&WorkerName) -> bool,
) -> Vec<Answer> {
    let Some(app) = input.app(app) else {
        return Vec::new();
    };
    let mut rooms = Rooms::new(input);
    let workers = app.deploy.iter().flat_map(|deploy| &deploy.workers);
    let mut answers = Vec::new();
    for worker in workers.filter(|worker| meant(&worker.spec.name)) {
        let demand = Demand::like(&worker.spec, app.stack);
        let told = rooms.survey(&demand).into_iter();
        answers.extend(told.map(|(node, said)| Answer {
            worker: worker.spec.name.clone(),
            node,
            said,
        }));
    }
    answers
}
