//! Performs one step of a plan. A step never decides; it may be repeated after a crash at any point.

mod listing;

pub(crate) use listing::{Listing, check_of};

use crate::deps::Deps;
use bytes::Bytes;
use domain::{
    InstanceEnd, ObservedInstance, WorkerSpec,
    observed::{Manner, Phase},
    worker::NamedPorts,
};
use futures_util::StreamExt;
use ports::{
    Effect, Runtime, catalog, images,
    runtime::{self, Follow, InstanceSpec, LogQuery},
    store::{Fence, intents::Entry},
};
use scheduler::plan::{Action, Step};
use std::{sync::Arc, time::Duration};

/// How many of an instance's last log lines are kept.
pub(crate) const TAIL: u32 = 100;
/// How long its last words are waited for: an Engine that does much else may take a while. They are not worth more: the
/// instance is on its way out.
const TAIL_DEADLINE: Duration = Duration::from_secs(5);
/// How long a start may take, a pull of its image included.
const START_DEADLINE: Duration = Duration::from_secs(900);
/// How long any other step may take, besides what it is asked to wait.
const STEP_DEADLINE: Duration = Duration::from_secs(60);

/// A step with all that it takes to perform it.
pub(crate) struct Job {
    pub(crate) step: Step,
    pub(crate) kind: Kind,
}

/// What a step of each kind needs.
pub(crate) enum Kind {
    Start(Box<InstanceSpec>),
    Register(catalog::Entry),
    Stop(Duration),
    /// With the end to keep, unless the instance is a copy of another.
    Remove(Option<InstanceEnd>),
    /// Maintenance, deregister, keep: the step says it all.
    Plain,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is so; the next look is the evidence.
    Done(Effect),
    /// The instance cannot start, now or later.
    Refused(String),
    /// A stranger has the port.
    PortTaken(u16),
    /// Worth a retry.
    Again(String),
    /// It panicked, which is a defect: what it said.
    Broke(String),
    /// Another server took over.
    Fenced,
}

impl Outcome {
    /// The word for it.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::PortTaken(_) => "port_taken",
            Self::Again(_) => "again",
            Self::Broke(_) => "broke",
            Self::Fenced => "fenced",
        }
    }
}

impl From<runtime::Error> for Outcome {
    fn from(error: runtime::Error) -> Self {
        use runtime::Error as E;
        match error {
            E::PortTaken { port, .. } => Self::PortTaken(port),
            E::ImageMissing(_) | E::CannotStart(_) => Self::Refused(error.to_string()),
            E::DiskFull(_) | E::Missing(_) | E::Unreachable(_) | E::Refused(_) => {
                Self::Again(error.to_string())
            }
        }
    }
}

/// Carries out one step. Safe to repeat after a crash at any point.
#[tracing::instrument(skip_all, fields(action = job.step.action.as_str(), node = %job.step.node, instance = %job.step.instance))]
pub(crate) async fn perform(deps: &Deps, fence: &Fence, job: &Job) -> Outcome {
    let deadline = match &job.kind {
        Kind::Start(_) => START_DEADLINE,
        Kind::Stop(grace) => *grace + STEP_DEADLINE,
        Kind::Register(_) | Kind::Remove(_) | Kind::Plain => STEP_DEADLINE,
    };
    let began = tokio::time::Instant::now();
    let outcome = match tokio::time::timeout(deadline, act(deps, fence, job)).await {
        Ok(Ok(effect)) => Outcome::Done(effect),
        Ok(Err(outcome)) => outcome,
        Err(_) => Outcome::Again(format!("no end within {} s", deadline.as_secs())),
    };
    let action = job.step.action.as_str();
    metrics::histogram!("jockey_step_seconds", "action" => action)
        .record(began.elapsed().as_secs_f64());
    metrics::counter!("jockey_steps_total", "action" => action, "outcome" => outcome.as_str())
        .increment(1);
    tracing::debug!(outcome = outcome.as_str(), "the step is over");
    outcome
}

async fn act(deps: &Deps, fence: &Fence, job: &Job) -> Result<Effect, Outcome> {
    let Job { step, kind } = job;
    let runtime = deps
        .fleet
        .runtime(&step.node)
        .map_err(|error| Outcome::Again(error.to_string()))?;
    let name = step.instance.to_string();
    let handle = step.handle.as_deref().unwrap_or(&name);
    match (&step.action, kind) {
        (Action::Start { .. }, Kind::Start(spec)) => start(deps, &*runtime, step, spec).await,
        (Action::Register { .. }, Kind::Register(entry)) => {
            known(deps.catalog.register(entry).await)
        }
        (Action::Maintenance, _) => {
            known(deps.catalog.maintenance(&step.node, step.instance).await)
        }
        (Action::Deregister, _) => known(deps.catalog.deregister(&step.node, step.instance).await),
        (Action::Stop, Kind::Stop(grace)) => Ok(runtime.stop(handle, *grace).await?),
        (Action::Remove, Kind::Remove(end)) => {
            if let Some(end) = end {
                keep_last_words(deps, fence, &*runtime, handle, end.clone()).await?;
            }
            Ok(runtime.remove(handle).await?)
        }
        (Action::Keep, _) => Ok(runtime
            .set_restart(handle, domain::observed::RestartPolicy::UnlessStopped)
            .await?),
        (
            Action::Abandon
            | Action::Start { .. }
            | Action::Register { .. }
            | Action::Stop
            | Action::Remove,
            _,
        ) => Ok(Effect::WasSo),
    }
}

/// An image that is pinned in a registry is pulled where it is missing; one that is not has nowhere to come from.
async fn start(
    deps: &Deps,
    runtime: &dyn Runtime,
    step: &Step,
    spec: &InstanceSpec,
) -> Result<Effect, Outcome> {
    match runtime.start(spec).await {
        Err(runtime::Error::ImageMissing(_)) if spec.image.repository().is_some() => {}
        Err(error @ runtime::Error::ImageMissing(_)) => {
            return Err(gone(deps, spec, error.to_string()).await);
        }
        started => return Ok(started?),
    }
    let images = deps
        .fleet
        .images(&step.node)
        .map_err(|error| Outcome::Again(error.to_string()))?;
    match images.pull(&spec.image).await {
        Ok(_) => Ok(runtime.start(spec).await?),
        Err(error @ images::Error::Missing(_)) => Err(gone(deps, spec, error.to_string()).await),
        Err(error @ images::Error::Registry(_)) => Err(Outcome::Refused(error.to_string())),
        Err(
            error @ (images::Error::Failed(_)
            | images::Error::Interrupted(_)
            | images::Error::Context(_)
            | images::Error::DiskFull(_)
            | images::Error::RegistryDown(_)
            | images::Error::Unreachable(_)
            | images::Error::Refused(_)),
        ) => Err(Outcome::Again(error.to_string())),
    }
}

/// What somebody took away by hand serves no Deploy any more: the next one of its commit builds it again, where it would
/// else be started again and again without an image.
async fn gone(deps: &Deps, spec: &InstanceSpec, error: String) -> Outcome {
    let change = ports::store::Change {
        actor: "jockey".to_owned(),
        at: deps.clock.now(),
        message: format!("the image {} is gone", spec.image.short()),
        request: None,
        origin: ports::store::Origin::Server,
    };
    if let Err(error) = deps.store.forget_image(&spec.image, &change).await {
        tracing::warn!(%error, image = spec.image.short(), "that it is gone is not on record");
    }
    Outcome::Refused(format!(
        "{error}; deploy {} again to have it built",
        spec.commit.short()
    ))
}

fn known(answer: Result<(), catalog::Error>) -> Result<Effect, Outcome> {
    answer
        .map(|()| Effect::Done)
        .map_err(|error| Outcome::Again(error.to_string()))
}

/// Its last lines are on record before the instance is taken away: a crash in between loses nothing.
async fn keep_last_words(
    deps: &Deps,
    fence: &Fence,
    runtime: &dyn Runtime,
    handle: &str,
    mut end: InstanceEnd,
) -> Result<(), Outcome> {
    end.log_tail = tail(runtime, handle, TAIL).await;
    match deps.store.record(&[Entry::End(end)], fence).await {
        Ok(()) => Ok(()),
        Err(ports::store::Error::Fenced { .. }) => Err(Outcome::Fenced),
        Err(error) => Err(Outcome::Again(error.to_string())),
    }
}

/// The last lines of an instance's log. Empty when they cannot be had in time: an end is not held up by its log.
pub(crate) async fn tail(runtime: &dyn Runtime, handle: &str, lines: u32) -> Vec<String> {
    let query = LogQuery {
        tail: Some(lines),
        since: None,
        follow: Follow::No,
    };
    let read = async {
        let stream = runtime.logs(handle, &query).await.ok()?;
        let lines = stream
            .filter_map(|line| async { line.ok() })
            .map(|line| text(&line.text));
        Some(lines.collect::<Vec<_>>().await)
    };
    tokio::time::timeout(TAIL_DEADLINE, read)
        .await
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// A line for people: bytes that are no text become question marks, and a line ends after 2,000 characters.
fn text(line: &Bytes) -> String {
    String::from_utf8_lossy(line).chars().take(2000).collect()
}

/// How an instance ended, without its last words.
pub(crate) fn end_of(
    seen: &ObservedInstance,
    manner: Manner,
    what: String,
    at: domain::Timestamp,
) -> InstanceEnd {
    let exit_code = match &seen.phase {
        Phase::Exited { code, .. } | Phase::Restarting { code, .. } => Some(*code),
        Phase::Created | Phase::Running { .. } | Phase::Paused { .. } => None,
    };
    InstanceEnd {
        instance: seen.instance,
        app: seen.app,
        environment: seen.environment,
        deploy: seen.deploy,
        worker: seen.worker.clone(),
        node: seen.node.clone(),
        manner,
        exit_code,
        what,
        log_tail: Vec::new(),
        at,
    }
}

/// What a phase says for itself.
pub(crate) fn ended_how(phase: &Phase) -> String {
    match phase {
        Phase::Exited { code, end, .. } | Phase::Restarting { code, end, .. } => {
            end.with_code(*code)
        }
        Phase::Created => "never started".to_owned(),
        Phase::Running { .. } => "was running".to_owned(),
        Phase::Paused { .. } => "was paused".to_owned(),
    }
}

/// What a Worker's instance is started with, besides what its step says.
pub(crate) struct Recipe<'a> {
    pub(crate) app: &'a domain::App,
    pub(crate) environment: &'a domain::Environment,
    pub(crate) release: &'a domain::Release,
    pub(crate) worker: &'a WorkerSpec,
    pub(crate) variables: Arc<domain::config::Variables>,
}

impl Recipe<'_> {
    pub(crate) fn spec(
        &self,
        step: &Step,
        (port, named): (Option<u16>, &NamedPorts),
        restart: domain::observed::RestartPolicy,
    ) -> InstanceSpec {
        let config = self.release.config;
        let ports = self.worker.ports.iter().filter_map(|(name, container)| {
            let host = named.get(name)?;
            Some((name.clone(), runtime::PortBinding { container, host }))
        });
        let ports = ports.collect();
        InstanceSpec {
            instance: step.instance,
            app: self.app.id,
            app_name: self.app.name.clone(),
            environment: self.environment.id,
            environment_name: self.environment.name.clone(),
            worker: self.worker.name.clone(),
            deploy: step.deploy,
            commit: self.release.commit.clone(),
            image: self.release.image.clone(),
            argv: self
                .worker
                .command
                .as_ref()
                .map(domain::worker::Command::argv),
            variables: (*self.variables).clone(),
            config: [config.environment, config.stack, config.app]
                .into_iter()
                .flatten()
                .max(),
            port: self
                .worker
                .port
                .zip(port)
                .map(|(container, host)| runtime::PortBinding { container, host }),
            ports,
            resources: self.worker.resources,
            restart,
            fence: None,
        }
    }
}
