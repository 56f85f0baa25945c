//! The job table, and the outbox.

use super::{PAGE_MAX, fit, leases::now, listed, rows};
use crate::{
    Store,
    conn::{Backend, Conn, columns},
    fault::{Fault, corrupt, parse},
    keys::{KeyId, Keyring},
    schema::{jobs, outbox},
    tables::meta,
    tx::Tx,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{EventId, JobEvent, JobId, JobState, Timestamp};
use ports::store::{
    Error, Fence, Jobs, Listed, Page,
    jobs::{Claimed, Job, JobClaim, JobEnd, JobFilter, NewJob, Shares, lease_of},
};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::watch;

/// The name of the one outbox there is.
const OUTBOX: &str = "jobs";
const WAITING: &str = JobState::Waiting.as_str();
const RUNNING: &str = JobState::Running.as_str();

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct JobRow {
    id: i64,
    kind: String,
    key: String,
    subject: String,
    sealed: Vec<u8>,
    state: String,
    attempts: i64,
    due_at: i64,
    last_error: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl JobRow {
    fn job(self, keys: &Keyring) -> Result<Job, Fault> {
        let plain = keys.open(&identity(self.id), &self.sealed)?;
        let payload = std::str::from_utf8(&plain).map_err(corrupt)?;
        Ok(Job {
            id: JobId::new(self.id),
            kind: self.kind,
            key: self.key,
            subject: self.subject,
            payload: SecretString::from(payload),
            state: parse(&self.state)?,
            attempts: u32::try_from(self.attempts).map_err(corrupt)?,
            due_at: Timestamp::from_micros(self.due_at),
            last_error: self.last_error,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// What a sealed payload is bound to.
fn identity(id: i64) -> String {
    format!("job {id}")
}

fn seal(tx: &mut Tx<'_>, id: i64, key: KeyId, plain: &[u8]) -> Result<(), Fault> {
    let sealed = tx.keys.seal(key, &identity(id), plain)?;
    diesel::update(jobs::table.find(id))
        .set(jobs::sealed.eq(sealed))
        .execute(tx.conn)?;
    Ok(())
}

/// Encrypts every payload again, under this key.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<(), Fault> {
    let all: Vec<(i64, Vec<u8>)> = jobs::table
        .order(jobs::id)
        .select((jobs::id, jobs::sealed))
        .load(tx.conn)?;
    for (id, sealed) in all {
        let plain = tx.keys.open(&identity(id), &sealed)?;
        seal(tx, id, key, &plain)?;
    }
    Ok(())
}

/// Lets the leases of servers before this one run out now.
pub(crate) fn break_leases(conn: &mut Conn) -> Result<(), Fault> {
    diesel::update(jobs::table.filter(jobs::state.eq(RUNNING)))
        .set(jobs::until.eq(0_i64))
        .execute(conn)?;
    Ok(())
}

pub(crate) fn enqueue(tx: &mut Tx<'_>, new: &NewJob) -> Result<JobId, Fault> {
    let open: Option<i64> = jobs::table
        .filter(jobs::kind.eq(&new.kind))
        .filter(jobs::key.eq(&new.key))
        .filter(jobs::state.eq_any([WAITING, RUNNING]))
        .select(jobs::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = open {
        return Ok(JobId::new(id));
    }
    // Sealed with its number, which the row has to have first.
    let id: i64 = diesel::insert_into(jobs::table)
        .values((
            jobs::kind.eq(&new.kind),
            jobs::key.eq(&new.key),
            jobs::subject.eq(&new.subject),
            jobs::sealed.eq(Vec::new()),
            jobs::state.eq(WAITING),
            jobs::attempts.eq(0_i64),
            jobs::due_at.eq(new.due_at.micros()),
            jobs::owner.eq(""),
            jobs::until.eq(0_i64),
            jobs::created_at.eq(new.created_at.micros()),
            jobs::updated_at.eq(new.created_at.micros()),
        ))
        .returning(jobs::id)
        .get_result(tx.conn)?;
    let key = meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))?;
    seal(tx, id, key, new.payload.expose_secret().as_bytes())?;
    let id = JobId::new(id);
    tx.hand_out(id);
    Ok(id)
}

fn next(conn: &mut Conn) -> Result<BTreeMap<String, Timestamp>, Fault> {
    let now = now(conn)?;
    let waiting: Vec<(String, Option<i64>)> = jobs::table
        .filter(jobs::state.eq(WAITING))
        .group_by(jobs::kind)
        .select((jobs::kind, diesel::dsl::min(jobs::due_at)))
        .load(conn)?;
    let left: Vec<String> = jobs::table
        .filter(jobs::state.eq(RUNNING).and(jobs::until.le(now)))
        .select(jobs::kind)
        .distinct()
        .load(conn)?;
    let due = waiting
        .into_iter()
        .filter_map(|(kind, at)| Some((kind, Timestamp::from_micros(at?))));
    let left = left.into_iter().map(|kind| (kind, Timestamp::EPOCH));
    Ok(due.chain(left).collect())
}

fn claim(tx: &mut Tx<'_>, claim: &JobClaim) -> Result<Vec<Claimed>, Fault> {
    let now = now(tx.conn)?;
    let until = (Timestamp::from_micros(now) + claim.lease).micros();
    let due = jobs::state
        .eq(WAITING)
        .and(jobs::due_at.le(claim.now.micros()));
    let left = jobs::state.eq(RUNNING).and(jobs::until.le(now));
    let limit = usize::try_from(claim.limit.min(PAGE_MAX)).unwrap_or(usize::MAX);
    let (mut chosen, mut shares) = (Vec::new(), Shares::of(claim));
    // Once more for each subject whose share is used up by then: those behind it are looked at without it.
    while chosen.len() < limit {
        let found: Vec<(i64, String)> = jobs::table
            .filter(jobs::kind.eq(&claim.kind))
            .filter(due.or(left))
            .filter(jobs::subject.ne_all(shares.full()))
            .filter(jobs::id.ne_all(chosen.clone()))
            .order((jobs::due_at, jobs::id))
            .limit(i64::try_from(limit - chosen.len()).unwrap_or(i64::MAX))
            .select((jobs::id, jobs::subject))
            .load(tx.conn)?;
        if found.is_empty() {
            break;
        }
        let taken = found
            .into_iter()
            .filter(|(_, subject)| shares.take(subject));
        chosen.extend(taken.map(|(id, _)| id));
    }
    let mut claimed = Vec::with_capacity(chosen.len());
    for id in chosen {
        let row: JobRow = diesel::update(jobs::table.find(id))
            .set((
                jobs::state.eq(RUNNING),
                jobs::attempts.eq(jobs::attempts + 1),
                jobs::owner.eq(&claim.owner),
                jobs::until.eq(until),
                jobs::updated_at.eq(claim.now.micros()),
            ))
            .returning(columns::<JobRow>())
            .get_result(tx.conn)?;
        let job = row.job(tx.keys)?;
        let fence = Fence {
            lease: lease_of(job.id),
            number: job.attempts.into(),
        };
        claimed.push(Claimed { job, fence });
    }
    Ok(claimed)
}

/// The job that a fence proves to be its bearer's.
fn guarded(conn: &mut Conn, fence: &Fence) -> Result<i64, Fault> {
    let fenced = || {
        Fault(Error::Fenced {
            lease: fence.lease.clone(),
        })
    };
    let id = fence.lease.strip_prefix("job/").unwrap_or_default();
    let id: JobId = id.parse().map_err(|_| fenced())?;
    let held: Option<i64> = jobs::table
        .find(id.number())
        .filter(jobs::state.eq(RUNNING))
        .filter(jobs::attempts.eq(fence.number))
        .select(jobs::id)
        .first(conn)
        .optional()?;
    held.ok_or_else(fenced)
}

fn end(tx: &mut Tx<'_>, fence: &Fence, end: JobEnd, at: Timestamp) -> Result<(), Fault> {
    let id = guarded(tx.conn, fence)?;
    let (event, due_at, why) = match end {
        JobEnd::Done => (JobEvent::Succeeded, None, None),
        JobEnd::Again { due_at, why } => (JobEvent::Deferred, Some(due_at), Some(why)),
        JobEnd::GivenUp { why } => (JobEvent::GaveUp, None, Some(why)),
    };
    let next = JobState::Running.after(event).map_err(corrupt)?;
    diesel::update(jobs::table.find(id))
        .set((
            jobs::state.eq(next.as_str()),
            jobs::owner.eq(""),
            jobs::updated_at.eq(at.micros()),
            due_at.map(|due_at| jobs::due_at.eq(due_at.micros())),
            why.as_deref().map(|why| jobs::last_error.eq(fit(why))),
        ))
        .execute(tx.conn)?;
    Ok(())
}

fn cursor(conn: &mut Conn) -> Result<EventId, Fault> {
    let cursor: i64 = outbox::table
        .find(OUTBOX)
        .select(outbox::cursor)
        .first(conn)?;
    Ok(EventId::new(cursor))
}

fn derive(tx: &mut Tx<'_>, from: EventId, to: EventId, jobs: &[NewJob]) -> Result<(), Fault> {
    let as_read = outbox::table
        .find(OUTBOX)
        .filter(outbox::cursor.eq(from.number()));
    let moved = diesel::update(as_read)
        .set(outbox::cursor.eq(to.number()))
        .execute(tx.conn)?;
    if moved == 0 {
        return Err(Fault(Error::Stale {
            what: "outbox",
            which: OUTBOX.to_owned(),
        }));
    }
    for job in jobs {
        enqueue(tx, job)?;
    }
    Ok(())
}

type Chosen<'a> = diesel::dsl::IntoBoxed<'a, jobs::table, Backend>;

fn chosen(filter: &JobFilter) -> Chosen<'_> {
    let mut query = jobs::table.into_boxed::<Backend>();
    if let Some(kind) = &filter.kind {
        // `/` follows `.`: all that begins with the word and a dot.
        let family = jobs::kind
            .ge(format!("{kind}."))
            .and(jobs::kind.lt(format!("{kind}/")));
        query = query.filter(jobs::kind.eq(kind).or(family));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(jobs::subject.eq(subject));
    }
    if let Some(state) = filter.state {
        query = query.filter(jobs::state.eq(state.as_str()));
    }
    query
}

#[async_trait]
impl Jobs for Store {
    async fn enqueue_job(&self, new: NewJob) -> Result<JobId, Error> {
        self.write(move |tx| enqueue(tx, &new)).await
    }

    async fn next_jobs(&self) -> Result<BTreeMap<String, Timestamp>, Error> {
        self.read(next).await
    }

    async fn claim_jobs(&self, wanted: &JobClaim) -> Result<Vec<Claimed>, Error> {
        let wanted = wanted.clone();
        self.write(move |tx| claim(tx, &wanted)).await
    }

    async fn renew_job(&self, fence: &Fence, time: Duration) -> Result<(), Error> {
        let fence = fence.clone();
        self.write(move |tx| {
            let id = guarded(tx.conn, &fence)?;
            let until = (Timestamp::from_micros(now(tx.conn)?) + time).micros();
            diesel::update(jobs::table.find(id))
                .set(jobs::until.eq(until))
                .execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn end_job(&self, fence: &Fence, how: JobEnd, at: Timestamp) -> Result<(), Error> {
        let fence = fence.clone();
        self.write(move |tx| end(tx, &fence, how, at)).await
    }

    async fn find_job(&self, id: JobId) -> Result<Option<Job>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| {
            let row: Option<JobRow> = jobs::table
                .find(id.number())
                .select(JobRow::as_select())
                .first(conn)
                .optional()?;
            row.map(|row| row.job(&keys)).transpose()
        })
        .await
    }

    async fn list_jobs(&self, filter: &JobFilter, page: Page) -> Result<Listed<Job>, Error> {
        let (keys, filter) = (self.keys.clone(), filter.clone());
        self.read(move |conn| {
            let found: Vec<JobRow> = chosen(&filter)
                .filter(jobs::id.lt(page.after.unwrap_or(i64::MAX)))
                .order(jobs::id.desc())
                .limit(rows(page))
                .select(JobRow::as_select())
                .load(conn)?;
            let jobs: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.job(&keys)?)))
                .collect();
            Ok(listed(jobs?, page))
        })
        .await
    }

    fn newest_job(&self) -> watch::Receiver<JobId> {
        self.bulletin.jobs()
    }

    async fn outbox(&self) -> Result<EventId, Error> {
        self.read(cursor).await
    }

    async fn derive_jobs(
        &self,
        from: EventId,
        to: EventId,
        jobs: Vec<NewJob>,
    ) -> Result<(), Error> {
        self.write(move |tx| derive(tx, from, to, &jobs)).await
    }
}
