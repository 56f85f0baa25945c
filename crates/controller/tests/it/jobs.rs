//! Jobs: each runs until it succeeds, whoever dies meanwhile.

use crate::stage::Stage;
use async_trait::async_trait;
use controller::{
    Server, Settings, Workforce,
    jobs::{Follow, Outcome, Work},
};
use domain::{Event, JobId, JobState};
use ports::{
    Clock,
    store::{
        self, Jobs, Leases, Page, Stacks,
        jobs::{Job, JobFilter, NewJob},
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

/// What one attempt does.
enum Act {
    End(Outcome),
    /// Nobody knows how it ends.
    Hang,
    Panic,
}

/// Does what was set, then succeeds, and notes when and what it was asked.
#[derive(Default)]
struct Script {
    acts: Mutex<VecDeque<Act>>,
    runs: Mutex<Vec<(Instant, String)>>,
}

impl Script {
    fn of(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.into_iter().collect()),
            runs: Mutex::default(),
        })
    }

    fn runs(&self) -> usize {
        self.runs.lock().unwrap().len()
    }

    /// Seconds between the attempts, rounded down.
    fn gaps(&self) -> Vec<u64> {
        let runs = self.runs.lock().unwrap();
        let pairs = runs.windows(2);
        pairs.map(|two| (two[1].0 - two[0].0).as_secs()).collect()
    }
}

#[async_trait]
impl Work for Script {
    fn kind(&self) -> &'static str {
        "test.call"
    }

    async fn run(&self, job: &Job) -> Outcome {
        let asked = job.payload.expose_secret().to_owned();
        self.runs.lock().unwrap().push((Instant::now(), asked));
        let act = self.acts.lock().unwrap().pop_front();
        match act {
            None => Outcome::Done,
            Some(Act::End(outcome)) => outcome,
            Some(Act::Hang) => pending().await,
            Some(Act::Panic) => panic!("a defect"),
        }
    }
}

/// A job for each Stack that is made.
struct Stacked;

#[async_trait]
impl Follow for Stacked {
    async fn follow(&self, events: &[Event]) -> Result<Vec<NewJob>, store::Error> {
        let made = events.iter().filter(|event| event.kind == "stack.created");
        let job = |event: &Event| NewJob {
            key: event.id.to_string(),
            subject: event.subject.clone(),
            due_at: event.at,
            created_at: event.at,
            ..job("{}", event.at)
        };
        Ok(made.map(job).collect())
    }
}

fn job(payload: &str, at: domain::Timestamp) -> NewJob {
    NewJob {
        kind: "test.call".to_owned(),
        key: "a".to_owned(),
        subject: "whk-1".to_owned(),
        payload: SecretString::from(payload),
        due_at: at,
        created_at: at,
    }
}

fn start(stage: &Stage, script: &Arc<Script>) -> Server {
    start_following(stage, script, Vec::new())
}

fn start_following(stage: &Stage, script: &Arc<Script>, follows: Vec<Arc<dyn Follow>>) -> Server {
    let workforce = Workforce {
        works: vec![script.clone()],
        follows,
    };
    Server::start_with(stage.deps.clone(), workforce)
}

/// Another server, whose jobs are done by the same script.
fn start_beside(stage: &Stage, script: &Arc<Script>) -> Server {
    let mut deps = stage.deps.clone();
    deps.settings = Arc::new(Settings::named("server-2".to_owned()));
    let workforce = Workforce {
        works: vec![script.clone()],
        follows: Vec::new(),
    };
    Server::start_with(deps, workforce)
}

async fn enqueue(stage: &Stage) -> JobId {
    let now = stage.clock.now();
    stage
        .store
        .enqueue_job(job("{\"n\":1}", now))
        .await
        .unwrap()
}

async fn until(stage: &Stage, id: JobId, state: JobState) -> Job {
    let reached = async {
        loop {
            let job = stage.store.find_job(id).await.unwrap().unwrap();
            if job.state == state {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let bounded = tokio::time::timeout(Duration::from_secs(3 * 24 * 3600), reached);
    bounded.await.expect("it never gets there")
}

fn again(after: Option<u64>) -> Act {
    Act::End(Outcome::Again {
        after: after.map(Duration::from_secs),
        why: "it answered 500".to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_job_is_tried_ever_later_until_it_succeeds() {
    let stage = Stage::new().await;
    let script = Script::of([again(None), again(None), again(Some(90)), Act::Panic]);
    let _server = start(&stage, &script);
    let id = enqueue(&stage).await;
    let job = until(&stage, id, JobState::Done).await;
    assert_eq!(job.attempts, 5);
    assert_eq!(script.gaps(), [2, 4, 90, 16]);
    let why = job.last_error.unwrap();
    assert!(why.starts_with("it broke off inside the server"), "{why}");
    assert_eq!(script.runs.lock().unwrap()[4].1, "{\"n\":1}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_cannot_succeed_is_given_up() {
    let stage = Stage::new().await;
    let dead = Act::End(Outcome::Dead {
        why: "there is no such host".to_owned(),
    });
    let script = Script::of([dead]);
    let server = start(&stage, &script);
    let job = until(&stage, enqueue(&stage).await, JobState::Dead).await;
    assert_eq!(
        (job.attempts, &*job.last_error.unwrap()),
        (1, "there is no such host")
    );
    server.shutdown().await;
    let script = Script::of((0..1_000).map(|_| again(None)));
    let _server = start(&stage, &script);
    let job = until(&stage, enqueue(&stage).await, JobState::Dead).await;
    let why = job.last_error.unwrap();
    assert!(why.starts_with("given up after attempt "), "{why}");
    assert!((30..50).contains(&job.attempts), "{}", job.attempts);
}

#[tokio::test(start_paused = true)]
async fn a_job_in_the_middle_of_which_the_server_dies_is_run_again() {
    let stage = Stage::new().await;
    let script = Script::of([Act::Hang]);
    let server = start(&stage, &script);
    let id = enqueue(&stage).await;
    stage.until("it runs", || script.runs() == 1).await;
    drop(server);
    let left = stage.store.find_job(id).await.unwrap().unwrap();
    assert_eq!(left.state, JobState::Running);
    let _server = start(&stage, &script);
    let job = until(&stage, id, JobState::Done).await;
    assert_eq!((job.attempts, script.runs()), (2, 2));
    assert!(stage.store.list_leases().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_job_of_a_dead_server_is_taken_over_within_15_s_whenever_the_other_one_looks() {
    // Of the time between two looks of the other one.
    for seconds in 0..10 {
        let stage = Stage::new().await;
        let script = Script::of([Act::Hang]);
        let one = start(&stage, &script);
        let id = enqueue(&stage).await;
        stage.until("it runs", || script.runs() == 1).await;
        let _two = start_beside(&stage, &script);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        drop(one);
        let died = Instant::now();
        until(&stage, id, JobState::Done).await;
        let after = died.elapsed();
        assert!(after < Duration::from_secs(15), "{seconds}: {after:?}");
        assert_eq!(script.runs(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_what_runs_and_leaves_what_does_not_end() {
    let stage = Stage::new().await;
    let script = Script::of([Act::Hang]);
    let server = start(&stage, &script);
    let id = enqueue(&stage).await;
    stage.until("it runs", || script.runs() == 1).await;
    let began = Instant::now();
    server.shutdown().await;
    assert_eq!(began.elapsed(), stage.deps.settings.shutdown_grace);
    let left = stage.store.find_job(id).await.unwrap().unwrap();
    assert_eq!(left.state, JobState::Running, "for whoever comes next");
}

#[tokio::test(start_paused = true)]
async fn each_event_is_followed_once_whoever_dies() {
    let stage = Stage::new().await;
    let script = Script::of([]);
    let before = stage.store.outbox().await.unwrap();
    for (number, name) in ["one", "two", "three"].into_iter().enumerate() {
        let server = start_following(&stage, &script, vec![Arc::new(Stacked)]);
        stage.make_stack(name).await;
        // Some stages of the way: before it is followed, and after.
        if number != 0 {
            stage
                .until("it is followed", || script.runs() > number)
                .await;
        }
        drop(server);
    }
    let server = start_following(&stage, &script, vec![Arc::new(Stacked)]);
    // Those of the stage itself, and three.
    let stacks = stage
        .store
        .list_stacks("", Page::ALL)
        .await
        .unwrap()
        .items
        .len();
    stage.until("all ran", || script.runs() >= stacks).await;
    server.shutdown().await;
    let any = JobFilter::default();
    let jobs = stage.store.list_jobs(&any, Page::ALL).await.unwrap();
    assert_eq!(jobs.items.len(), stacks);
    assert!(stage.store.outbox().await.unwrap() > before);
}
