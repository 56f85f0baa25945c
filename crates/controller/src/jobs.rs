//! Runs jobs: each under a lease of its own, on whichever server has room, until it succeeds or is given up.
//!
//! At least once: a server that ends in the middle of a job leaves a lease that runs out, and the job is run again. So
//! what a job does has to bear being done twice.

mod outbox;
#[cfg(test)]
mod tests;

pub use outbox::Follow;
pub(crate) use outbox::follow;

use crate::{deps::Deps, leases, usecases};
use async_trait::async_trait;
use domain::{
    Timestamp,
    job::{Attempt, Backoff},
};
use futures_util::FutureExt;
use ports::store::{
    self, Fence,
    jobs::{Claimed, Job, JobClaim, JobEnd},
};
use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// How long a job is tried, unless its kind says otherwise.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How many jobs of one kind run at once on one server, unless the kind says otherwise. They wait for others.
const AT_ONCE: usize = 8;
/// How often the end of a job is tried to be written. Then its lease runs out, and it is run again.
const END_TRIES: u32 = 5;
/// Between two of these.
const BEFORE_RETRY: Duration = Duration::from_millis(500);

/// The code of one kind of job.
#[async_trait]
pub trait Work: Send + Sync {
    /// The kind of the jobs that it runs: a stable dotted word.
    fn kind(&self) -> &'static str;

    /// How many of them run at once on one server, 1 or more.
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    /// How many of them that are about one subject run at once on one server, 1 or more. None: as many as of all.
    fn of_one(&self) -> Option<usize> {
        None
    }

    /// How long after it was wanted a job that does not succeed is given up.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Runs one, which may have been run before without anybody knowing how it ended. Bounds its own time. Dropped when
    /// another server has taken the job over.
    async fn run(&self, job: &Job) -> Outcome;
}

/// How a job went. No word of it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// To be tried again: after this time where the other side asked for one (`Retry-After`), else ever later.
    Again {
        after: Option<Duration>,
        why: String,
    },
    /// It will never succeed.
    Dead {
        why: String,
    },
}

impl Outcome {
    /// Of an attempt that met this: again where that may pass by itself.
    pub(crate) fn of(error: &usecases::Error) -> Self {
        let why = error.to_string();
        let passes = matches!(error, usecases::Error::Store(error) if error.is_transient())
            || matches!(error, usecases::Error::Source(error) if error.is_transient());
        match passes {
            true => Self::Again { after: None, why },
            false => Self::Dead { why },
        }
    }
}

/// Everything that a server does by jobs.
#[derive(Clone, Default)]
pub struct Workforce {
    /// One for each kind.
    pub works: Vec<Arc<dyn Work>>,
    /// What adds jobs as events happen.
    pub follows: Vec<Arc<dyn Follow>>,
}

impl Workforce {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.works.extend(other.works);
        self.follows.extend(other.follows);
        self
    }
}

/// The code of a kind, its room, and how much of it each subject has.
struct Desk {
    work: Arc<dyn Work>,
    room: Arc<Semaphore>,
    under_way: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Desk {
    fn of(work: &Arc<dyn Work>) -> Self {
        Self {
            room: Arc::new(Semaphore::new(work.at_once())),
            work: Arc::clone(work),
            under_way: Arc::default(),
        }
    }

    fn place(&self, room: OwnedSemaphorePermit, subject: &str) -> Place {
        *lock(&self.under_way).entry(subject.to_owned()).or_default() += 1;
        Place {
            _room: room,
            subject: subject.to_owned(),
            under_way: Arc::clone(&self.under_way),
        }
    }
}

/// What a job takes of its kind's room, until it is dropped.
struct Place {
    _room: OwnedSemaphorePermit,
    subject: String,
    under_way: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = lock(&self.under_way);
        if let Some(count) = under_way.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.subject);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs jobs until it is told to stop, and then ends those under way. Those that do not end soon are left to be run again.
pub(crate) async fn run((deps, workforce): (Deps, Workforce), stop: CancellationToken) {
    let desks: Vec<Desk> = workforce.works.iter().map(Desk::of).collect();
    if desks.is_empty() {
        return;
    }
    let mut newest = deps.store.newest_job();
    let mut running = JoinSet::new();
    loop {
        newest.mark_unchanged();
        let wait = match start(&deps, &desks, &mut running).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "could not look for jobs");
                leases::look_every(&deps.settings)
            }
        };
        // Every branch may be dropped: each is only a reason to look again.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = running.join_next() => {}
            _ = newest.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    let ending = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(deps.settings.shutdown_grace, ending)
        .await
        .is_err()
    {
        tracing::warn!("jobs under way are left; they are run again");
    }
}

/// Starts what is due while there is room, and says when to look again.
async fn start(
    deps: &Deps,
    desks: &[Desk],
    running: &mut JoinSet<()>,
) -> Result<Duration, store::Error> {
    let next = deps.store.next_jobs().await?;
    let now = deps.clock.now();
    let mut wait = leases::look_every(&deps.settings);
    for desk in desks {
        let Some(at) = next.get(desk.work.kind()) else {
            continue;
        };
        if *at > now {
            wait = wait.min(at.since(now));
            continue;
        }
        // Without room: one that ends wakes the loop.
        let mut permits = Vec::new();
        while let Ok(permit) = Arc::clone(&desk.room).try_acquire_owned() {
            permits.push(permit);
        }
        if permits.is_empty() {
            continue;
        }
        let of_one = desk.work.of_one().map_or(u32::MAX, limit);
        let claim = JobClaim {
            kind: desk.work.kind().to_owned(),
            owner: deps.settings.server.clone(),
            lease: deps.settings.lease,
            now,
            limit: limit(permits.len()),
            of_one,
            under_way: lock(&desk.under_way).clone(),
        };
        let claimed = deps.store.claim_jobs(&claim).await?;
        for (claimed, permit) in claimed.into_iter().zip(permits) {
            let (deps, work) = (deps.clone(), Arc::clone(&desk.work));
            let place = desk.place(permit, &claimed.job.subject);
            running.spawn(run_one(deps, work, claimed, place));
        }
    }
    Ok(wait)
}

fn limit(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[tracing::instrument(name = "job", skip_all, fields(job = %claimed.job.id, kind = claimed.job.kind, subject = claimed.job.subject))]
async fn run_one(deps: Deps, work: Arc<dyn Work>, claimed: Claimed, _place: Place) {
    let Claimed { job, fence } = claimed;
    let working = AssertUnwindSafe(async { work.run(&job).await }).catch_unwind();
    // The work is dropped when the job is another server's by now: it runs it again.
    let outcome = tokio::select! {
        biased;
        done = working => done.unwrap_or_else(|_| Outcome::Again {
            after: None,
            why: "it broke off inside the server, whose log says more".to_owned(),
        }),
        () = renew_until_lost(&deps, &fence) => return,
    };
    let now = deps.clock.now();
    let end = end_of(outcome, &job, now, deps.settings.backoff, work.patience());
    metrics::counter!("jockey_jobs_total", "kind" => work.kind(), "end" => word_of(&end))
        .increment(1);
    match &end {
        JobEnd::Done => {}
        JobEnd::Again { why, .. } => tracing::debug!(why, "the job is tried again later"),
        JobEnd::GivenUp { why } => tracing::warn!(why, "the job is given up"),
    }
    write(&deps, &fence, end, now).await;
}

const fn word_of(end: &JobEnd) -> &'static str {
    match end {
        JobEnd::Done => "done",
        JobEnd::Again { .. } => "again",
        JobEnd::GivenUp { .. } => "given_up",
    }
}

/// What becomes of a job whose attempt went so.
fn end_of(
    outcome: Outcome,
    job: &Job,
    now: Timestamp,
    backoff: Backoff,
    patience: Duration,
) -> JobEnd {
    match outcome {
        Outcome::Done => JobEnd::Done,
        Outcome::Dead { why } => JobEnd::GivenUp { why },
        Outcome::Again { after, why } => {
            let attempt = Attempt {
                number: job.attempts,
                at: now,
                asked: after,
            };
            match backoff.next(attempt, job.created_at, patience) {
                Some(due_at) => JobEnd::Again { due_at, why },
                None => JobEnd::GivenUp {
                    why: format!("given up after attempt {}: {why}", job.attempts),
                },
            }
        }
    }
}

async fn write(deps: &Deps, fence: &Fence, end: JobEnd, now: Timestamp) {
    for attempt in 1..=END_TRIES {
        match deps.store.end_job(fence, end.clone(), now).await {
            Ok(()) => return,
            Err(error) if error.is_transient() && attempt < END_TRIES => {
                tokio::time::sleep(BEFORE_RETRY * attempt).await;
            }
            Err(error) => {
                return tracing::warn!(%error, "how a job ended is not on record; it is run again");
            }
        }
    }
}

/// Ends when the job is another server's. A database that does not answer does not end it: when it answers again it says
/// who runs the job, and refuses what was written late.
async fn renew_until_lost(deps: &Deps, fence: &Fence) {
    loop {
        tokio::time::sleep(deps.settings.lease / 3).await;
        match deps.store.renew_job(fence, deps.settings.lease).await {
            Ok(()) => {}
            Err(store::Error::Fenced { .. }) => {
                return tracing::warn!("another server has taken the job over");
            }
            Err(error) => tracing::warn!(%error, "the lease of a job could not be renewed"),
        }
    }
}
