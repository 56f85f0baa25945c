//! Probes the instances of one Environment: often while they start, seldom when they are healthy.

use crate::deps::Deps;
use domain::{
    InstanceId, ObservedInstance, Timestamp, WorkerSpec, observed::Phase, worker::NamedPorts,
};
use ports::prober::{Answer, Probe, Question};
use scheduler::{
    Probed,
    health::{ProbeOutcome, Readiness, readiness},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinSet},
};

/// The probes of one Environment. Dropping it ends them.
pub(crate) struct HealthWatch {
    deps: Deps,
    /// Told whenever an instance turns healthy or unhealthy.
    turned: Arc<Notify>,
    probes: BTreeMap<InstanceId, Running>,
    tasks: JoinSet<()>,
}

struct Running {
    target: Target,
    task: AbortHandle,
}

/// What to ask of which start of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    instance: InstanceId,
    /// A process that was started again has everything to prove again.
    since: Timestamp,
    address: String,
    port: u16,
    question: Question,
    /// Ports that have to accept a connection besides.
    named: NamedPorts,
}

impl Target {
    /// What to ask of this instance from outside. None: it does not run, or its health is seen otherwise.
    pub(crate) fn of(seen: &ObservedInstance, spec: &WorkerSpec, address: &str) -> Option<Self> {
        let Phase::Running { since, .. } = &seen.phase else {
            return None;
        };
        let question = match readiness(spec, &seen.phase) {
            Readiness::Http(path) => Question::Http {
                path: path.to_owned(),
            },
            Readiness::Tcp => Question::Tcp,
            Readiness::Image | Readiness::Settled => return None,
        };
        Some(Self {
            instance: seen.instance,
            since: *since,
            address: address.to_owned(),
            port: seen.port?,
            question,
            named: seen.ports.clone(),
        })
    }
}

impl Target {
    pub(crate) const fn instance(&self) -> InstanceId {
        self.instance
    }

    /// What its first port answers, and where that is well, the first of the others that does not accept a connection.
    async fn ask(&self, deps: &Deps) -> Answer {
        let probe = |port, question| Probe {
            address: self.address.clone(),
            port,
            question,
            deadline: deps.settings.probe_deadline,
        };
        let first = probe(self.port, self.question.clone());
        let well = match deps.prober.probe(&first).await {
            Answer::Yes(what) => what,
            no @ Answer::No(_) => return no,
        };
        for (name, port) in self.named.iter() {
            if let Answer::No(what) = deps.prober.probe(&probe(port, Question::Tcp)).await {
                return Answer::No(format!("port {name}: {what}"));
            }
        }
        Answer::Yes(well)
    }
}

/// Asks one instance, and knows nothing of what it answered before.
pub(crate) async fn once(deps: &Deps, target: &Target) -> Probed {
    probed(target.ask(deps).await, None, deps.clock.now())
}

impl HealthWatch {
    pub(crate) fn new(deps: Deps, turned: Arc<Notify>) -> Self {
        Self {
            deps,
            turned,
            probes: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Probes these instances from now on, and no others.
    pub(crate) fn set(&mut self, targets: Vec<Target>) {
        let wanted: BTreeMap<_, _> = targets
            .into_iter()
            .map(|target| (target.instance, target))
            .collect();
        let board = Arc::clone(&self.deps.board);
        self.probes.retain(|instance, running| {
            let same = wanted.get(instance) == Some(&running.target);
            if !same {
                running.task.abort();
                board.unpin(*instance);
            }
            same
        });
        for (instance, target) in wanted {
            if !self.probes.contains_key(&instance) {
                let watch = watch(self.deps.clone(), target.clone(), Arc::clone(&self.turned));
                let task = self.tasks.spawn(watch);
                self.probes.insert(instance, Running { target, task });
            }
        }
        while self.tasks.try_join_next().is_some() {}
    }
}

impl Drop for HealthWatch {
    fn drop(&mut self) {
        for instance in self.probes.keys() {
            self.deps.board.unpin(*instance);
        }
    }
}

/// Asks one instance again and again.
async fn watch(deps: Deps, target: Target, turned: Arc<Notify>) {
    let settings = &deps.settings;
    let mut was: Option<Probed> = None;
    let mut pause = settings.probe_fast;
    loop {
        let answer = target.ask(&deps).await;
        let next = probed(answer, was.as_ref(), deps.clock.now());
        deps.board.pin(target.instance, next.clone());
        if was.as_ref().map(|was| was.outcome) != Some(next.outcome) {
            turned.notify_one();
        }
        pause = match next.outcome {
            ProbeOutcome::Passed => settings.probe_steady,
            ProbeOutcome::Failed => slower(pause, settings.probe_slow),
        };
        was = Some(next);
        tokio::time::sleep(pause).await;
    }
}

/// A tenth longer each time: an instance that is slow to start is not asked fifty times a second for minutes.
fn slower(pause: Duration, slowest: Duration) -> Duration {
    (pause + pause / 10).min(slowest)
}

/// An answer as the scheduler takes it. A state lasts since its first answer.
fn probed(answer: Answer, was: Option<&Probed>, now: Timestamp) -> Probed {
    let (outcome, what) = match answer {
        Answer::Yes(what) => (ProbeOutcome::Passed, what),
        Answer::No(what) => (ProbeOutcome::Failed, what),
    };
    let since = was
        .filter(|was| was.outcome == outcome)
        .map_or(now, |was| was.since.min(now));
    Probed {
        outcome,
        what,
        since,
        seen_at: now,
    }
}
