//! The job table: what is still to be done outside, tried until it succeeds or is given up; and the outbox, by which jobs
//! follow from events.

use super::{Error, Fence, Listed, Page};
use async_trait::async_trait;
use domain::{EventId, JobId, JobState, Timestamp};
use secrecy::SecretString;
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::watch;

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    /// A stable dotted word that says which code runs it: `webhook.deliver`.
    pub kind: String,
    /// What makes it one among the open jobs of its kind.
    pub key: String,
    /// What it is about, as its id prints: `whk-3`.
    pub subject: String,
    /// What its code needs, as JSON. Encrypted at rest.
    pub payload: SecretString,
    pub state: JobState,
    /// How often a server has begun it.
    pub attempts: u32,
    /// Not before this time.
    pub due_at: Timestamp,
    /// Why the last attempt failed. Never a secret.
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    /// When its state was changed last.
    pub updated_at: Timestamp,
}

/// A job to be done.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub kind: String,
    pub key: String,
    pub subject: String,
    pub payload: SecretString,
    pub due_at: Timestamp,
    pub created_at: Timestamp,
}

/// Which jobs a server takes.
#[derive(Debug, Clone)]
pub struct JobClaim {
    pub kind: String,
    /// The server's name.
    pub owner: String,
    /// How long they are its own without being renewed, by the database's clock.
    pub lease: Duration,
    /// Those that are due by this time.
    pub now: Timestamp,
    /// At most so many.
    pub limit: u32,
    /// At most so many of one subject, those that it runs already counted.
    pub of_one: u32,
    /// How many of each subject it runs already.
    pub under_way: BTreeMap<String, u32>,
}

/// What a claim leaves to each subject, while it is carried out.
#[derive(Debug)]
pub struct Shares {
    of_one: u32,
    taken: BTreeMap<String, u32>,
}

impl Shares {
    /// Before the first is taken.
    #[must_use]
    pub fn of(claim: &JobClaim) -> Self {
        Self {
            of_one: claim.of_one,
            taken: claim.under_way.clone(),
        }
    }

    /// Takes one of a subject's places, if one is left.
    #[must_use]
    pub fn take(&mut self, subject: &str) -> bool {
        let taken = self.taken.entry(subject.to_owned()).or_default();
        let is_left = *taken < self.of_one;
        *taken += u32::from(is_left);
        is_left
    }

    /// The subjects that have no place left.
    #[must_use]
    pub fn full(&self) -> Vec<String> {
        let full = self
            .taken
            .iter()
            .filter(|(_, taken)| **taken >= self.of_one);
        full.map(|(subject, _)| subject.clone()).collect()
    }
}

/// A job that a server runs, and the proof of it.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub job: Job,
    pub fence: Fence,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    Done,
    /// It is tried again, not before `due_at`.
    Again {
        due_at: Timestamp,
        why: String,
    },
    GivenUp {
        why: String,
    },
}

/// Which jobs are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// The kind, or the part of it before a dot.
    pub kind: Option<String>,
    pub subject: Option<String>,
    pub state: Option<JobState>,
}

/// The lease of a job, as fences name it.
#[must_use]
pub fn lease_of(job: JobId) -> String {
    format!("job/{job}")
}

/// Jobs. Each runs at least once: a server that ends in the middle of one leaves a lease that runs out.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Adds a job; an open one of this kind and key stays as it is, and is the answer.
    ///
    /// # Errors
    /// None but those of the database.
    async fn enqueue_job(&self, new: NewJob) -> Result<JobId, Error>;

    /// When there is something to claim next, of each kind. What a server has left behind may be claimed at the epoch.
    ///
    /// # Errors
    /// None but those of the database.
    async fn next_jobs(&self) -> Result<BTreeMap<String, Timestamp>, Error>;

    /// Takes jobs that are due, and those whose lease has run out, the longest due first; of one subject no more than its
    /// share, however many of them are due before those of others.
    ///
    /// # Errors
    /// None but those of the database.
    async fn claim_jobs(&self, claim: &JobClaim) -> Result<Vec<Claimed>, Error>;

    /// Prolongs the lease of a job.
    ///
    /// # Errors
    /// `Fenced` when another server has taken it over, or it has ended.
    async fn renew_job(&self, fence: &Fence, time: Duration) -> Result<(), Error>;

    /// Says how an attempt ended.
    ///
    /// # Errors
    /// `Fenced` when another server has taken it over, or it has ended.
    async fn end_job(&self, fence: &Fence, end: JobEnd, at: Timestamp) -> Result<(), Error>;

    /// # Errors
    /// None but those of the database.
    async fn find_job(&self, id: JobId) -> Result<Option<Job>, Error>;

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_jobs(&self, filter: &JobFilter, page: Page) -> Result<Listed<Job>, Error>;

    /// The newest job of those that were added while this process lives, as they are added. Wakes who runs them.
    fn newest_job(&self) -> watch::Receiver<JobId>;

    /// Up to which event jobs were derived. No later event is forgotten.
    ///
    /// # Errors
    /// None but those of the database.
    async fn outbox(&self) -> Result<EventId, Error>;

    /// Adds the jobs that follow from the events after `from`, up to `to`, and remembers that they were derived. All or
    /// nothing.
    ///
    /// # Errors
    /// `Stale` when another server has derived jobs meanwhile.
    async fn derive_jobs(&self, from: EventId, to: EventId, jobs: Vec<NewJob>)
    -> Result<(), Error>;
}
