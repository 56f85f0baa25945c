//! The job table, and the outbox.

use super::{
    retention::forget,
    world::{LONG, START, at, refused, stack},
};
use crate::{
    Store,
    store::{
        Error, Fence, Page,
        events::EventFilter,
        jobs::{Claimed, JobClaim, JobEnd, JobFilter, NewJob},
        retention::Old,
    },
};
use domain::{EventId, JobId, JobState, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, time::Duration};

/// A job of this key that is due at once.
fn job(key: &str) -> NewJob {
    NewJob {
        kind: "test.call".to_owned(),
        key: key.to_owned(),
        subject: "whk-3".to_owned(),
        payload: SecretString::from(format!("{{\"key\":\"{key}\"}}")),
        due_at: START,
        created_at: START,
    }
}

fn claim_at(seconds: u64, lease: Duration) -> JobClaim {
    JobClaim {
        kind: "test.call".to_owned(),
        owner: "one".to_owned(),
        lease,
        now: at(seconds).at,
        limit: 10,
        of_one: 10,
        under_way: BTreeMap::new(),
    }
}

async fn claimed(store: &dyn Store, seconds: u64, lease: Duration) -> Vec<Claimed> {
    store.claim_jobs(&claim_at(seconds, lease)).await.unwrap()
}

/// The one job there is to claim.
async fn take(store: &dyn Store, lease: Duration) -> Claimed {
    let mut all = claimed(store, 0, lease).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

async fn end(store: &dyn Store, fence: &Fence, end: JobEnd) -> Result<(), Error> {
    store.end_job(fence, end, at(1).at).await
}

fn again(seconds: u64) -> JobEnd {
    JobEnd::Again {
        due_at: at(seconds).at,
        why: "it answered 500".to_owned(),
    }
}

pub async fn an_open_job_is_not_added_twice(store: &dyn Store) {
    let newest = store.newest_job();
    let first = store.enqueue_job(job("a")).await.unwrap();
    assert_eq!(*newest.borrow(), first, "who runs jobs is woken");
    assert_eq!(store.enqueue_job(job("a")).await.unwrap(), first);
    let other = NewJob {
        kind: "test.other".to_owned(),
        ..job("a")
    };
    assert_ne!(store.enqueue_job(other).await.unwrap(), first);
    let taken = take(store, LONG).await;
    assert_eq!(
        store.enqueue_job(job("a")).await.unwrap(),
        first,
        "it is under way"
    );
    end(store, &taken.fence, JobEnd::Done).await.unwrap();
    let second = store.enqueue_job(job("a")).await.unwrap();
    assert!(second > first, "that one is over");
}

pub async fn a_job_runs_until_it_is_done(store: &dyn Store) {
    let id = store.enqueue_job(job("a")).await.unwrap();
    let first = take(store, LONG).await;
    assert_eq!((first.job.id, first.job.attempts), (id, 1));
    assert_eq!(first.job.payload.expose_secret(), r#"{"key":"a"}"#);
    assert_eq!(claimed(store, 0, LONG).await.len(), 0, "it is taken");
    store.renew_job(&first.fence, LONG).await.unwrap();
    end(store, &first.fence, again(60)).await.unwrap();
    let waiting = store.find_job(id).await.unwrap().unwrap();
    assert_eq!(waiting.state, JobState::Waiting);
    assert_eq!(waiting.last_error.as_deref(), Some("it answered 500"));
    assert_eq!(waiting.updated_at, at(1).at);
    let next = store.next_jobs().await.unwrap();
    assert_eq!(next.get("test.call"), Some(&at(60).at));
    assert_eq!(claimed(store, 59, LONG).await.len(), 0, "not before then");
    let second = claimed(store, 60, LONG).await.remove(0);
    assert_eq!(second.job.attempts, 2);
    end(store, &second.fence, JobEnd::Done).await.unwrap();
    let done = store.find_job(id).await.unwrap().unwrap();
    assert_eq!(done.state, JobState::Done);
    assert!(store.next_jobs().await.unwrap().is_empty());
    assert_eq!(claimed(store, 9_999, LONG).await.len(), 0);
}

pub async fn what_was_taken_over_is_not_written_to(store: &dyn Store) {
    store.enqueue_job(job("a")).await.unwrap();
    let late = take(store, Duration::ZERO).await;
    let next = store.next_jobs().await.unwrap();
    assert_eq!(next.get("test.call"), Some(&Timestamp::EPOCH));
    let by = JobClaim {
        owner: "two".to_owned(),
        ..claim_at(0, LONG)
    };
    let now = store.claim_jobs(&by).await.unwrap().remove(0);
    assert_eq!(
        (now.job.id, now.job.attempts),
        (late.job.id, 2),
        "it runs again"
    );
    for end_of_it in [JobEnd::Done, again(5)] {
        let error = refused(end(store, &late.fence, end_of_it).await);
        assert!(matches!(error, Error::Fenced { .. }), "{error}");
    }
    let error = refused(store.renew_job(&late.fence, LONG).await);
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    end(store, &now.fence, JobEnd::Done).await.unwrap();
    let error = refused(end(store, &now.fence, again(5)).await);
    assert!(matches!(error, Error::Fenced { .. }), "over is over");
    let nowhere = Fence {
        lease: "environment/env-1".to_owned(),
        number: 1,
    };
    let error = refused(end(store, &nowhere, JobEnd::Done).await);
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

pub async fn one_subject_takes_no_more_than_its_share(store: &dyn Store) {
    let enqueue = async |key: &str, subject: &str| {
        let subject = subject.to_owned();
        let new = NewJob {
            subject,
            ..job(key)
        };
        store.enqueue_job(new).await.unwrap();
    };
    for key in ["a", "b", "c", "d", "e"] {
        enqueue(key, "whk-1").await;
    }
    enqueue("f", "whk-2").await;
    enqueue("g", "whk-3").await;
    let taken = async |limit: u32, under_way: &[(&str, u32)]| {
        let under_way = under_way.iter().map(|(of, n)| ((*of).to_owned(), *n));
        let claim = JobClaim {
            limit,
            of_one: 2,
            under_way: under_way.collect(),
            ..claim_at(0, LONG)
        };
        let claimed = store.claim_jobs(&claim).await.unwrap();
        let keys: Vec<String> = claimed.into_iter().map(|one| one.job.key).collect();
        keys.concat()
    };
    assert_eq!(taken(1, &[("whk-1", 2)]).await, "f", "those before wait");
    assert_eq!(taken(1, &[]).await, "a", "the longest due first");
    assert_eq!(taken(8, &[("whk-1", 1)]).await, "bg");
    assert_eq!(taken(8, &[("whk-1", 2)]).await, "", "they wait for a place");
    assert_eq!(taken(8, &[]).await, "cd");
}

pub async fn jobs_are_listed_and_forgotten_once_over(store: &dyn Store) {
    for key in ["a", "b", "c"] {
        store.enqueue_job(job(key)).await.unwrap();
    }
    let other = NewJob {
        kind: "tested".to_owned(),
        subject: "app-1".to_owned(),
        ..job("d")
    };
    store.enqueue_job(other).await.unwrap();
    let limit = JobClaim {
        limit: 2,
        ..claim_at(0, LONG)
    };
    let two = store.claim_jobs(&limit).await.unwrap();
    let keys: Vec<&str> = two.iter().map(|one| &*one.job.key).collect();
    assert_eq!(keys, ["a", "b"], "the longest due first");
    end(store, &two[0].fence, JobEnd::Done).await.unwrap();
    let why = "there is no such host".to_owned();
    end(store, &two[1].fence, JobEnd::GivenUp { why })
        .await
        .unwrap();
    let all = |filter: JobFilter| async move {
        let all = store.list_jobs(&filter, Page::ALL).await.unwrap();
        let keys = all
            .items
            .into_iter()
            .map(|job| format!("{} {}", job.key, job.state));
        keys.collect::<Vec<_>>()
    };
    assert_eq!(
        all(JobFilter::default()).await,
        ["d waiting", "c waiting", "b dead", "a done"]
    );
    let of_kind = JobFilter {
        kind: Some("test".to_owned()),
        subject: Some("whk-3".to_owned()),
        ..JobFilter::default()
    };
    assert_eq!(
        all(of_kind.clone()).await,
        ["c waiting", "b dead", "a done"]
    );
    let dead = JobFilter {
        state: Some(JobState::Dead),
        ..JobFilter::default()
    };
    assert_eq!(all(dead).await, ["b dead"]);
    let page = Page {
        size: 2,
        after: None,
    };
    let first = store.list_jobs(&of_kind, page).await.unwrap();
    assert_eq!(first.items.len(), 2);
    let rest = Page {
        after: first.next,
        ..page
    };
    let rest = store.list_jobs(&of_kind, rest).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    assert_eq!(forget(store, Old::Jobs, 1, 0).await, 0, "just now");
    assert_eq!(forget(store, Old::Jobs, 2, 0).await, 2);
    assert_eq!(
        all(JobFilter::default()).await,
        ["d waiting", "c waiting"],
        "what is open stays"
    );
    let gone = store.find_job(JobId::new(9_999)).await.unwrap();
    assert!(gone.is_none());
}

pub async fn jobs_follow_from_events_once(store: &dyn Store) {
    let begin = store.outbox().await.unwrap();
    assert_eq!(begin, EventId::new(0), "a new database has no events");
    stack(store, "api").await;
    let newest = *store.newest_event().borrow();
    assert_eq!(
        forget(store, Old::Events, 15, 0).await,
        0,
        "what nobody has looked at stays"
    );
    let jobs = vec![job("a"), job("b"), job("a")];
    store.derive_jobs(begin, newest, jobs).await.unwrap();
    assert_eq!(store.outbox().await.unwrap(), newest);
    let late = refused(store.derive_jobs(begin, newest, vec![job("c")]).await);
    assert!(matches!(late, Error::Stale { .. }), "{late}");
    assert_eq!(claimed(store, 0, LONG).await.len(), 2, "all or nothing");
    assert_eq!(forget(store, Old::Events, 15, 0).await, 1);
    let left = store.events_after(begin, &EventFilter::default(), 10).await;
    assert_eq!(left.unwrap(), []);
}
