//! The control loop of one Environment: observe, plan, write down, act, and again.
//!
//! It wakes on what happens (Docker's events, probes, its own steps, anything written to the database) and on a slow
//! tick. It keeps nothing that it could not read again: whoever holds the lease next goes on where it stood.

mod advance;
mod attest;
mod broken;
mod effects;
mod loops;
mod patience;
mod pools;
mod prepare;
mod reconciles;
mod restarts;
mod turn;
mod verdicts;
mod watches;

use crate::{deps::Deps, health_watch::HealthWatch, perform::Outcome};
use attest::Said;
use domain::{
    DeployId, EnvironmentId, EventId, InstanceId, NodeName, ReconcileId, Timestamp,
    config::{ConfigVersions, Variables},
};
use patience::Patience;
use pools::Pools;
use ports::store::{Fence, intents::Entry};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// After a turn that failed: the world, or the database, did not answer.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// The longest wait before a step that failed for the moment is tried again.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How long a port on which a stranger was found is left alone.
const STRANGER_PORT: Duration = Duration::from_secs(600);

/// One Environment under this server's care.
pub(crate) struct Keeper {
    deps: Deps,
    environment: EnvironmentId,
    fence: Fence,
    /// The newest event that concerns this Environment. Known up to the last look at the database.
    newest: watch::Receiver<EventId>,
    /// The newest event of all.
    newest_of_all: watch::Receiver<EventId>,
    wakes: Wakes,
    /// Told by probes and nodes that there may be something to do.
    wake: Arc<Notify>,
    health: HealthWatch,
    /// A watch on each node's events.
    nodes: BTreeMap<NodeName, tokio::task::AbortHandle>,
    node_tasks: JoinSet<()>,
    /// Steps and preparations under way.
    work: JoinSet<Finished>,
    busy: BTreeSet<InstanceId>,
    preparing: BTreeSet<DeployId>,
    /// Deploys that were known to be in the database by the end of the last turn.
    met: BTreeSet<DeployId>,
    /// What steps that failed have taught and what was seen to turn, until it is written down: before the next look at the
    /// latest.
    learned: Vec<Entry>,
    retries: BTreeMap<InstanceId, Retry>,
    /// Deploys whose preparation failed for the moment.
    waiting: BTreeMap<DeployId, Retry>,
    strangers_ports: BTreeMap<(NodeName, u16), Instant>,
    room: BTreeMap<NodeName, Arc<Semaphore>>,
    variables: Option<(ConfigVersions, Arc<Variables>)>,
    /// What dies again and again, as it was in the last turn.
    looping: BTreeSet<loops::Looping>,
    /// How much time the Deploys that are deploying have had.
    patience: Patience,
    /// How large pools were when they were last believed.
    pools: Pools,
    /// What the catalog was told last of instances that it cannot ask.
    said: BTreeMap<InstanceId, Said>,
    /// Since when this server sees the Reconciles that are in progress.
    reconciling: BTreeMap<ReconcileId, Instant>,
    /// When it was last looked which Deploys that wait for their next try are due.
    advanced: Instant,
    /// When the last plan was made: by a clock that does not jump, and by the one that plans are made with.
    planned: (Instant, Timestamp),
    /// Whether the board has this Environment's instances. Until then nothing has turned: it is only seen at last.
    acquainted: Acquainted,
}

/// Whether a loop has seen its Environment before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acquainted {
    No,
    Yes,
}

/// Which events are a reason to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakes {
    /// Those that concern the Environment.
    Own,
    /// All: something waits for room, which any Environment's instance may give back.
    All,
}

/// When something that failed for the moment is tried again.
#[derive(Debug, Clone)]
struct Retry {
    attempts: u32,
    /// What went wrong last.
    why: String,
    at: Instant,
}

/// Something under way that came to its end.
enum Finished {
    Step {
        instance: InstanceId,
        node: NodeName,
        outcome: Outcome,
        told: Box<effects::Told>,
    },
    Prepared {
        deploy: DeployId,
        again: Option<String>,
    },
}

/// What a turn leaves to wait for.
enum Next {
    /// Something to happen, or this time.
    Wait(Option<Timestamp>),
    /// Something was moved: look again at once.
    Again,
    /// There is no such Environment any more.
    Gone,
}

impl Keeper {
    pub(crate) fn new(deps: Deps, environment: EnvironmentId, fence: Fence) -> Self {
        let wake = Arc::new(Notify::new());
        Self {
            health: HealthWatch::new(deps.clone(), Arc::clone(&wake)),
            newest: deps.store.newest_event_of(environment),
            newest_of_all: deps.store.newest_event(),
            wakes: Wakes::Own,
            deps,
            environment,
            fence,
            wake,
            nodes: BTreeMap::new(),
            node_tasks: JoinSet::new(),
            work: JoinSet::new(),
            busy: BTreeSet::new(),
            preparing: BTreeSet::new(),
            met: BTreeSet::new(),
            learned: Vec::new(),
            retries: BTreeMap::new(),
            waiting: BTreeMap::new(),
            strangers_ports: BTreeMap::new(),
            room: BTreeMap::new(),
            variables: None,
            looping: BTreeSet::new(),
            patience: Patience::default(),
            pools: Pools::default(),
            said: BTreeMap::new(),
            reconciling: BTreeMap::new(),
            advanced: Instant::now(),
            planned: (Instant::now(), Timestamp::EPOCH),
            acquainted: Acquainted::No,
        }
    }

    /// Keeps the Environment until it is told to stop, the lease is lost, or the Environment is gone. Steps under way
    /// when it is told to stop are finished, within `shutdown_grace`.
    #[tracing::instrument(name = "environment", skip_all, fields(environment = %self.environment))]
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        self.watch_catalog();
        loop {
            self.newest.mark_unchanged();
            self.newest_of_all.mark_unchanged();
            let wait = match self.turn().await {
                Ok(Next::Gone) => return,
                Ok(Next::Again) => continue,
                Ok(Next::Wait(until)) => self.until(until),
                Err(error) if error.is_fenced() => {
                    tracing::warn!("another server has taken this environment over");
                    return;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "could not look or plan; trying again"
                    );
                    AFTER_ERROR
                }
            };
            // Every branch may be dropped: what each waits for is a level that the next turn sees by itself, or stays
            // in the set of work.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(finished) = self.work.join_next() => self.take(finished),
                () = self.wake.notified() => {}
                _ = self.newest.changed() => {}
                _ = self.newest_of_all.changed(), if self.wakes == Wakes::All => {}
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(finished) = self.work.try_join_next() {
                self.take(finished);
            }
        }
        self.finish().await;
    }

    /// How long to wait when nothing happens. Told by the clock that does not jump, from the time of the last plan on.
    fn until(&self, wake_at: Option<Timestamp>) -> Duration {
        let (planned, planned_at) = self.planned;
        let since = planned.elapsed();
        // Each of them is due since it was last looked which are: one that became so while nodes were looked at is not.
        let steps = self.retries.values().filter(|retry| retry.at > planned);
        let deploys = self.waiting.values();
        let deploys = deploys.filter(|retry| retry.at > self.advanced);
        let retries = steps
            .chain(deploys)
            .map(|retry| retry.at.saturating_duration_since(planned));
        let due = wake_at.map(|at| at.since(planned_at));
        let next = retries
            .chain(due.filter(|due| !due.is_zero()))
            .min()
            .map_or(self.deps.settings.tick, |due| due.saturating_sub(since));
        // Not a busy loop, should a time be past: a millisecond is shorter than any step.
        next.clamp(Duration::from_millis(1), self.deps.settings.tick)
    }

    /// Waits for steps under way, and writes down what they taught. What is not finished by then stays on record as an
    /// open intent, and is taken up by whoever comes next.
    async fn finish(&mut self) {
        let deadline = tokio::time::sleep(self.deps.settings.shutdown_grace);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                biased;
                finished = self.work.join_next() => match finished {
                    Some(finished) => self.take(finished),
                    None => break,
                },
                () = &mut deadline => break,
            }
        }
        if let Err(error) = self.write_learned().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what the last steps taught is not on record"
            );
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        for instance in &self.busy {
            self.deps.board.disengage(*instance);
        }
        self.deps.board.forget_sight(self.environment);
    }
}

impl Retry {
    /// The next try after one more failure: a second, then twice as long each time.
    fn after(was: Option<&Self>, why: String) -> Self {
        let attempts = was.map_or(0, |was| was.attempts) + 1;
        let wait = Duration::from_secs(1)
            .saturating_mul(1 << (attempts - 1).min(5))
            .min(RETRY_MAX);
        Self {
            attempts,
            why,
            at: Instant::now() + wait,
        }
    }

    fn is_due(&self) -> bool {
        self.at <= Instant::now()
    }
}
