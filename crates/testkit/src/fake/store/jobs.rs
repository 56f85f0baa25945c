//! The job table, and the outbox.

use super::{
    Store,
    state::{State, falling, page, stale},
};
use async_trait::async_trait;
use domain::{EventId, JobEvent, JobId, JobState, Timestamp};
use ports::store::{
    Error, Fence, Jobs, Listed, Page,
    jobs::{Claimed, Job, JobClaim, JobEnd, JobFilter, NewJob, Shares, lease_of},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::watch;

#[derive(Debug, Clone)]
pub(super) struct JobRow {
    job: Job,
    until: Timestamp,
}

impl JobRow {
    /// From when on it may be claimed. `now` is the database's clock.
    fn claimable_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.job.state {
            JobState::Waiting => Some(self.job.due_at),
            JobState::Running if self.until <= now => Some(Timestamp::EPOCH),
            JobState::Running | JobState::Done | JobState::Dead => None,
        }
    }
}

fn passes(filter: &JobFilter, job: &Job) -> bool {
    let of_kind = |kind: &String| {
        let rest = job.kind.strip_prefix(kind.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    filter.kind.as_ref().is_none_or(of_kind)
        && filter
            .subject
            .as_ref()
            .is_none_or(|subject| job.subject == *subject)
        && filter.state.is_none_or(|state| job.state == state)
}

impl State {
    pub(super) fn enqueue(&mut self, new: NewJob) -> JobId {
        let open = self.jobs.values().find(|row| {
            let job = &row.job;
            job.kind == new.kind && job.key == new.key && !job.state.is_final()
        });
        if let Some(row) = open {
            return row.job.id;
        }
        let id = JobId::new(self.number("job"));
        let job = Job {
            id,
            kind: new.kind,
            key: new.key,
            subject: new.subject,
            payload: new.payload,
            state: JobState::Waiting,
            attempts: 0,
            due_at: new.due_at,
            last_error: None,
            created_at: new.created_at,
            updated_at: new.created_at,
        };
        let until = Timestamp::EPOCH;
        self.jobs.insert(id, JobRow { job, until });
        id
    }

    fn claim_jobs(&mut self, claim: &JobClaim, now: Timestamp) -> Vec<Claimed> {
        let may = |row: &&JobRow| {
            row.job.kind == claim.kind && row.claimable_at(now).is_some_and(|at| at <= claim.now)
        };
        let mut chosen: Vec<_> = self
            .jobs
            .values()
            .filter(may)
            .map(|row| (row.job.due_at, row.job.id, row.job.subject.clone()))
            .collect();
        chosen.sort_unstable();
        let mut shares = Shares::of(claim);
        chosen.retain(|(_, _, subject)| shares.take(subject));
        chosen.truncate(usize::try_from(claim.limit).unwrap_or(usize::MAX));
        let mut claimed = Vec::new();
        for (_, id, _) in chosen {
            let Some(row) = self.jobs.get_mut(&id) else {
                continue;
            };
            row.job.state = JobState::Running;
            row.job.attempts += 1;
            row.job.updated_at = claim.now;
            row.until = now + claim.lease;
            claimed.push(Claimed {
                job: row.job.clone(),
                fence: Fence {
                    lease: lease_of(id),
                    number: row.job.attempts.into(),
                },
            });
        }
        claimed
    }

    fn held_job(&mut self, fence: &Fence) -> Result<&mut JobRow, Error> {
        let held = self.jobs.values_mut().find(|row| {
            lease_of(row.job.id) == fence.lease
                && row.job.state == JobState::Running
                && i64::from(row.job.attempts) == fence.number
        });
        held.ok_or_else(|| Error::Fenced {
            lease: fence.lease.clone(),
        })
    }

    pub(super) fn forget_jobs(&mut self, since: Timestamp, limit: usize) -> usize {
        let over = |row: &&JobRow| row.job.state.is_final() && row.job.updated_at < since;
        let old: Vec<JobId> = self
            .jobs
            .values()
            .filter(over)
            .take(limit)
            .map(|row| row.job.id)
            .collect();
        for id in &old {
            self.jobs.remove(id);
        }
        old.len()
    }
}

#[async_trait]
impl Jobs for Store {
    async fn enqueue_job(&self, new: NewJob) -> Result<JobId, Error> {
        self.write(|state| Ok(state.enqueue(new)))
    }

    async fn next_jobs(&self) -> Result<BTreeMap<String, Timestamp>, Error> {
        let now = self.clock.now();
        Ok(self.read(|state| {
            let mut next = BTreeMap::new();
            for row in state.jobs.values() {
                if let Some(at) = row.claimable_at(now) {
                    let known = next.entry(row.job.kind.clone()).or_insert(at);
                    *known = at.min(*known);
                }
            }
            next
        }))
    }

    async fn claim_jobs(&self, claim: &JobClaim) -> Result<Vec<Claimed>, Error> {
        let now = self.clock.now();
        self.write(|state| Ok(state.claim_jobs(claim, now)))
    }

    async fn renew_job(&self, fence: &Fence, time: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        self.write(|state| {
            state.held_job(fence)?.until = now + time;
            Ok(())
        })
    }

    async fn end_job(&self, fence: &Fence, end: JobEnd, at: Timestamp) -> Result<(), Error> {
        self.write(|state| {
            let job = &mut state.held_job(fence)?.job;
            let event = match end {
                JobEnd::Done => JobEvent::Succeeded,
                JobEnd::Again { due_at, why } => {
                    job.due_at = due_at;
                    job.last_error = Some(why);
                    JobEvent::Deferred
                }
                JobEnd::GivenUp { why } => {
                    job.last_error = Some(why);
                    JobEvent::GaveUp
                }
            };
            job.updated_at = at;
            let next = job.state.after(event);
            job.state = next.map_err(|error| Error::Corrupt(error.to_string()))?;
            Ok(())
        })
    }

    async fn find_job(&self, id: JobId) -> Result<Option<Job>, Error> {
        Ok(self.read(|state| state.jobs.get(&id).map(|row| row.job.clone())))
    }

    async fn list_jobs(&self, filter: &JobFilter, wanted: Page) -> Result<Listed<Job>, Error> {
        Ok(self.read(|state| {
            let newest_first = state.jobs.values().rev().map(|row| &row.job);
            let chosen =
                newest_first.filter(|job| falling(wanted, job.id.number()) && passes(filter, job));
            page(chosen.map(|job| (job.id.number(), job.clone())), wanted)
        }))
    }

    fn newest_job(&self) -> watch::Receiver<JobId> {
        self.newest_job.subscribe(self.read(State::newest_job))
    }

    async fn outbox(&self) -> Result<EventId, Error> {
        Ok(self.read(|state| EventId::new(state.outbox)))
    }

    async fn derive_jobs(
        &self,
        from: EventId,
        to: EventId,
        jobs: Vec<NewJob>,
    ) -> Result<(), Error> {
        self.write(|state| {
            if state.outbox != from.number() {
                return Err(stale("outbox", "jobs"));
            }
            state.outbox = to.number();
            for job in jobs {
                state.enqueue(job);
            }
            Ok(())
        })
    }
}
