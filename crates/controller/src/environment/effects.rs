//! Starts the steps of a plan, and takes what came of them.

use super::{
    Finished, Keeper, Retry,
    broken::{self, words_of},
};
use crate::{
    Error, ledger,
    observe::{Sight, release_of},
    perform::{Job, Kind, Listing, Outcome, Recipe, check_of, end_of, ended_how, perform},
};
use domain::{
    AppId, DeployId, EnvironmentId, InstanceEnd, IntentKind, WorkerName, WorkerSpec,
    config::{ConfigVersions, Variables},
    intent::IntentEvent,
    observed::Manner,
    worker::NamedPorts,
};
use futures_util::FutureExt;
use ports::{
    runtime::InstanceSpec,
    store::{
        intents::Entry,
        view::{AppView, EnvironmentView},
    },
};
use scheduler::{
    Plan, PlanInput,
    plan::{Action, Step},
};
use std::{panic::AssertUnwindSafe, sync::Arc};
use tokio::{sync::Semaphore, task::JoinError, time::Instant};

/// What has to be known to write down that a step failed.
pub(super) struct Told {
    pub(super) app: AppId,
    pub(super) environment: EnvironmentId,
    pub(super) deploy: DeployId,
    pub(super) worker: WorkerName,
    pub(super) action: &'static str,
}

impl Keeper {
    /// Starts the steps, each as a task of its own, as many at once as its node takes.
    pub(super) async fn start_steps(
        &mut self,
        view: &EnvironmentView,
        sight: &Sight,
        input: &PlanInput,
        plan: &Plan,
    ) -> Result<(), Error> {
        for step in &plan.steps {
            let Some(job) = self.job(view, sight, input, step).await? else {
                continue;
            };
            let limit = self.deps.settings.steps_per_node;
            let room = Arc::clone(
                self.room
                    .entry(step.node.clone())
                    .or_insert_with(|| Arc::new(Semaphore::new(limit))),
            );
            self.busy.insert(step.instance);
            self.deps.board.engage(step.instance);
            let (deps, fence) = (self.deps.clone(), self.fence.clone());
            let told = Box::new(Told {
                app: step.app,
                environment: self.environment,
                deploy: step.deploy,
                worker: step.worker.clone(),
                action: step.action.as_str(),
            });
            tracing::info!(action = told.action, instance = %step.instance, node = %step.node, worker = %step.worker,
                deploy = %step.deploy, why = %step.why, "step");
            self.work.spawn(async move {
                // The semaphore is never closed; without a permit the step would only be less orderly.
                let _permit = room.acquire_owned().await.ok();
                // A panic is a defect, and must not keep the instance from its next step.
                let outcome = AssertUnwindSafe(perform(&deps, &fence, &job))
                    .catch_unwind()
                    .await;
                let outcome = outcome.unwrap_or_else(|panic| Outcome::Broke(words_of(&*panic)));
                Finished::Step {
                    instance: job.step.instance,
                    node: job.step.node,
                    outcome,
                    told,
                }
            });
        }
        Ok(())
    }

    async fn job(
        &mut self,
        view: &EnvironmentView,
        sight: &Sight,
        input: &PlanInput,
        step: &Step,
    ) -> Result<Option<Job>, Error> {
        let app = view.apps.iter().find(|view| view.app.id == step.app);
        let seen = ledger::seen_by(step, input);
        let spec = seen.and_then(|seen| crate::observe::spec_for(view, seen));
        let kind = match &step.action {
            Action::Start {
                port,
                ports,
                restart,
            } => match self.recipe(view, app, step).await? {
                Some(recipe) => {
                    let fence = ledger::fence_of(view, input, step);
                    let spec = recipe.spec(step, (*port, ports), *restart);
                    Kind::Start(Box::new(InstanceSpec { fence, ..spec }))
                }
                None => return Ok(None),
            },
            Action::Register { port } => {
                let listed = app.and_then(|app| {
                    let named = seen.map(|seen| seen.ports.clone()).unwrap_or_default();
                    entry(view, sight, app, step, (*port, named), spec.as_ref())
                });
                let Some(entry) = listed else {
                    return Ok(None);
                };
                Kind::Register(entry)
            }
            Action::Stop => Kind::Stop(spec.map(|spec| spec.timing).unwrap_or_default().stop),
            Action::Remove => Kind::Remove(self.last_words(input, step)),
            Action::Maintenance | Action::Deregister | Action::Keep => Kind::Plain,
            Action::Abandon => return Ok(None),
        };
        Ok(Some(Job {
            step: step.clone(),
            kind,
        }))
    }

    async fn recipe<'a>(
        &mut self,
        view: &'a EnvironmentView,
        app: Option<&'a AppView>,
        step: &Step,
    ) -> Result<Option<Recipe<'a>>, Error> {
        let Some((app, release)) = app.zip(release_of(view, step.deploy)) else {
            return Ok(None);
        };
        let Some(worker) = release.worker(&step.worker) else {
            return Ok(None);
        };
        let variables = self.variables(release.config).await?;
        Ok(Some(Recipe {
            app: &app.app,
            environment: &view.environment,
            release,
            worker,
            variables,
        }))
    }

    /// The variables of these versions. The last ones are kept: a deploy starts many instances with the same.
    async fn variables(&mut self, versions: ConfigVersions) -> Result<Arc<Variables>, Error> {
        if let Some((known, variables)) = &self.variables
            && *known == versions
        {
            return Ok(Arc::clone(variables));
        }
        let variables = Arc::new(self.deps.store.config_at(versions).await?);
        self.variables = Some((versions, Arc::clone(&variables)));
        Ok(variables)
    }

    /// The end to keep of an instance that is taken away. One that died has one already, which stays.
    fn last_words(&self, input: &PlanInput, step: &Step) -> Option<InstanceEnd> {
        let seen = ledger::seen_by(step, input)?;
        if ledger::is_copy(step, input) {
            return None;
        }
        Some(end_of(
            seen,
            Manner::Stopped,
            ended_how(&seen.phase),
            input.now,
        ))
    }

    /// Takes what came of a step or a preparation.
    pub(super) fn take(&mut self, finished: Result<Finished, JoinError>) {
        match finished {
            Ok(Finished::Step {
                instance,
                node,
                outcome,
                told,
            }) => {
                self.busy.remove(&instance);
                self.deps.board.disengage(instance);
                self.learn(instance, node, outcome, &told);
            }
            Ok(Finished::Prepared { deploy, again }) => {
                self.preparing.remove(&deploy);
                self.note_prepared(deploy, again);
            }
            // Only a runtime that is going down takes a task away; a panic is an outcome.
            Err(error) => tracing::error!(%error, "a step ended without an outcome"),
        }
    }

    /// Takes what came of a preparation: why it is to be tried again, if it is.
    pub(super) fn note_prepared(&mut self, deploy: DeployId, again: Option<String>) {
        let Some(why) = again else {
            self.waiting.remove(&deploy);
            return;
        };
        let retry = Retry::after(self.waiting.get(&deploy), why);
        tracing::warn!(%deploy, why = retry.why, attempts = retry.attempts, "preparing the deploy failed; trying again");
        self.waiting.insert(deploy, retry);
    }

    fn learn(
        &mut self,
        instance: domain::InstanceId,
        node: domain::NodeName,
        outcome: Outcome,
        told: &Told,
    ) {
        let now = self.deps.clock.now();
        let refused = Entry::Close {
            instance,
            kind: IntentKind::Start,
            event: IntentEvent::Refused,
            at: now,
        };
        match outcome {
            Outcome::Done(_) => {
                self.retries.remove(&instance);
            }
            Outcome::Refused(what) => {
                tracing::warn!(%instance, %node, what, "the instance cannot start");
                self.learned.push(refused);
                self.learned.push(Entry::End(InstanceEnd {
                    instance,
                    app: told.app,
                    environment: told.environment,
                    deploy: told.deploy,
                    worker: told.worker.clone(),
                    node,
                    manner: Manner::Died,
                    exit_code: None,
                    what,
                    log_tail: Vec::new(),
                    at: now,
                }));
            }
            Outcome::PortTaken(port) => {
                tracing::warn!(%instance, %node, port, "a stranger has the port; choosing another");
                self.learned.push(refused);
                self.strangers_ports.insert((node, port), Instant::now());
            }
            Outcome::Again(what) => {
                let retry = Retry::after(self.retries.get(&instance), what);
                tracing::warn!(%instance, %node, action = told.action, why = retry.why, attempts = retry.attempts, "trying again later");
                self.retries.insert(instance, retry);
            }
            Outcome::Broke(what) => {
                self.learned
                    .push(broken::event(instance, &node, told, &what, now));
                let retry = Retry::after(
                    self.retries.get(&instance),
                    format!("{} broke off: {what}", told.action),
                );
                tracing::error!(%instance, %node, action = told.action, what, attempts = retry.attempts, "a step broke off, which is a defect; trying again later");
                self.retries.insert(instance, retry);
            }
            Outcome::Fenced => tracing::warn!(%instance, "another server has taken over"),
        }
    }
}

fn entry(
    view: &EnvironmentView,
    sight: &Sight,
    app: &AppView,
    step: &Step,
    (port, named): (Option<u16>, NamedPorts),
    spec: Option<&WorkerSpec>,
) -> Option<ports::catalog::Entry> {
    let environment = &view.environment;
    let service = environment
        .service_template
        .service_name(&app.app.name, &step.worker, &environment.name)
        .ok()?;
    let commit = release_of(view, step.deploy)
        .map(|release| release.commit.short().to_owned())
        .unwrap_or_default();
    let listing = Listing {
        service,
        address: sight.nodes.get(&step.node)?.node.address.clone(),
        port,
        named,
        check: check_of(spec, port),
        app: &app.app.name,
        environment: &environment.name,
        commit: &commit,
    };
    Some(listing.entry(step))
}
