//! What of a plan starts, stops or replaces an instance, with copies of what each step names.

use crate::usecases::{Ctx, Error};
use domain::{
    AppId, CommitSha, DeployId, Environment, InstanceId, NodeName, Worker, WorkerName,
    reconcile::{PlannedAction, PlannedInstance, PlannedStep, PlannedWorker},
    worker::Command,
};
use ports::store::{Page, workers::WorkerFilter};
use scheduler::{
    Plan, PlanInput,
    plan::{Action, Step, Why},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a plan was made of, as far as its steps name it.
#[derive(Default)]
pub(super) struct Ground {
    instances: BTreeMap<InstanceId, Seen>,
    nodes: BTreeMap<NodeName, Where>,
    commits: BTreeMap<DeployId, CommitSha>,
}

/// Where a node is.
#[derive(Clone, Default)]
struct Where {
    address: String,
    center: Option<String>,
}

struct Seen {
    instance: PlannedInstance,
    node: NodeName,
    commit: Option<CommitSha>,
}

impl Ground {
    pub(super) fn of(input: &PlanInput) -> Self {
        let names: BTreeMap<AppId, &str> = (input.apps.iter())
            .map(|app| (app.app, app.name.as_str()))
            .collect();
        let instances = input.observed.iter().map(|sighting| {
            let seen = &sighting.seen;
            let instance = PlannedInstance {
                id: seen.instance,
                handle: seen.handle.clone(),
                service: match names.get(&seen.app) {
                    Some(name) => format!("{name}-{}", seen.worker),
                    None => format!("{}-{}", seen.app, seen.worker),
                },
                port: seen.port,
                deploy: seen.deploy,
            };
            let seen = Seen {
                node: seen.node.clone(),
                commit: seen.commit.clone(),
                instance,
            };
            (seen.instance.id, seen)
        });
        let nodes = input.pools.values().flatten().map(|host| &host.node);
        let deploys = input.apps.iter().filter_map(|app| app.deploy.as_ref());
        Self {
            instances: instances.collect(),
            nodes: nodes
                .map(|node| {
                    let is = Where {
                        address: node.address.clone(),
                        center: node.center().map(str::to_owned),
                    };
                    (node.name.clone(), is)
                })
                .collect(),
            commits: deploys
                .map(|deploy| (deploy.id, deploy.commit.clone()))
                .collect(),
        }
    }

    /// The steps of a plan that was made of this. An instance that comes to its end in several is stopped once.
    pub(super) async fn steps(
        &self,
        ctx: &Ctx,
        environment: &Environment,
        plan: &Plan,
    ) -> Result<Vec<PlannedStep>, Error> {
        let filter = WorkerFilter {
            environment: Some(environment.id),
            ..WorkerFilter::default()
        };
        let store = ctx.store();
        let workers = crate::usecases::all(|page: Page| store.list_workers(&filter, page)).await?;
        let mut ended = BTreeSet::new();
        let mut steps = Vec::new();
        for step in &plan.steps {
            let Some((action, of)) = self.told(step) else {
                continue;
            };
            if of.is_some_and(|of| !ended.insert(of.instance.id)) {
                continue;
            }
            let node = of.map_or(&step.node, |of| &of.node);
            let Where { address, center } = self.nodes.get(node).cloned().unwrap_or_default();
            steps.push(PlannedStep {
                action,
                app: step.app,
                environment: environment.id,
                worker: worker(&workers, step.app, &step.worker),
                node: node.clone(),
                address,
                center,
                commit: match of {
                    Some(of) => of.commit.clone(),
                    None => self.commits.get(&step.deploy).cloned(),
                },
                instance: of.map(|of| of.instance.clone()),
                why: step.why.to_string(),
            });
        }
        Ok(steps)
    }

    /// What a step is to whoever thinks of starts, stops and restarts alone, and the instance that it is about.
    fn told(&self, step: &Step) -> Option<(PlannedAction, Option<&Seen>)> {
        match (&step.action, &step.why) {
            (Action::Start { .. }, Why::Successor { of }) => match self.instances.get(of) {
                Some(replaced) => Some((PlannedAction::Restart, Some(replaced))),
                None => Some((PlannedAction::Start, None)),
            },
            (Action::Start { .. }, _) => Some((PlannedAction::Start, None)),
            (Action::Maintenance | Action::Deregister | Action::Stop | Action::Remove, _) => {
                let stopped = self.instances.get(&step.instance)?;
                Some((PlannedAction::Stop, Some(stopped)))
            }
            (Action::Register { .. } | Action::Keep | Action::Abandon, _) => None,
        }
    }
}

fn worker(workers: &[Worker], app: AppId, name: &WorkerName) -> PlannedWorker {
    let known = workers
        .iter()
        .find(|worker| worker.app == app && worker.spec.name == *name);
    let command = known.and_then(|worker| worker.spec.command.as_ref());
    PlannedWorker {
        id: known.map(|worker| worker.id),
        name: name.clone(),
        command: shown_command(name, command),
        argv: shown_argv(name, command),
        scale: known.map_or(0, |worker| worker.scale.get()),
        created_at: known.map(|worker| worker.created_at),
        updated_at: known.map(|worker| worker.updated_at),
    }
}

/// How a command is shown where there has to be one: of a Worker that leaves it to the image, what a buildpack's image
/// would run.
#[must_use]
pub fn shown_command(name: &WorkerName, command: Option<&Command>) -> String {
    match command {
        Some(command) => command.to_string(),
        None => format!("/start {name}"),
    }
}

/// The same, word by word.
#[must_use]
pub fn shown_argv(name: &WorkerName, command: Option<&Command>) -> Vec<String> {
    match command {
        Some(command) => command.argv(),
        None => vec!["/start".to_owned(), name.to_string()],
    }
}
