//! What clients see from outside: those that Consul lists as passing are asked, and how many answer is counted.

use super::world::{SERVICE, World};
use crate::{harness::PATIENCE, network::get_at};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How often Consul is asked.
const EACH: Duration = Duration::from_millis(100);
/// How old a list may be that an instance is taken from: less than the drain time of 4 s by a good margin.
const FRESH: Duration = Duration::from_millis(500);
/// The drain time, as the manifest has it: whoever has the address of an old instance for longer may find it stopped, and
/// rightly.
const DRAIN: Duration = Duration::from_secs(4);
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(20);
const CLIENTS: usize = 4;
/// How often it is counted who answers, and how long one may take to.
const COUNTED: Duration = Duration::from_millis(250);
const ANSWERS: Duration = Duration::from_secs(8);

#[derive(Default)]
struct State {
    listed_at: Option<Instant>,
    passing: Vec<String>,
    /// Every address that was ever listed.
    known: BTreeSet<String>,
    answering: BTreeSet<String>,
    seen: Seen,
}

/// What came of it.
#[derive(Default, Clone)]
pub(super) struct Seen {
    pub(super) asked: usize,
    /// Address and reason of each request that failed.
    pub(super) lost: Vec<(String, String)>,
    /// How many were refused only because this machine came too late with them.
    late: usize,
    /// The fewest that answered at once.
    pub(super) fewest: usize,
    /// How many answered, each time that this changed, since the beginning.
    pub(super) course: Vec<(Duration, usize)>,
}

pub(super) struct Watch {
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Watch {
    pub(super) fn start(world: &World) -> Self {
        let mut watch = Self {
            state: Arc::default(),
            over: Arc::default(),
            tasks: JoinSet::new(),
        };
        let (state, over) = (Arc::clone(&watch.state), Arc::clone(&watch.over));
        watch.tasks.spawn(list(world.consul(), state, over));
        let (state, over) = (Arc::clone(&watch.state), Arc::clone(&watch.over));
        watch.tasks.spawn(count(state, over));
        for number in 0..CLIENTS {
            let (state, over) = (Arc::clone(&watch.state), Arc::clone(&watch.over));
            watch.tasks.spawn(ask(number, state, over));
        }
        watch
    }

    /// Waits until so many answer. What was before does not count.
    pub(super) async fn sees(&self, count: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            {
                let mut state = lock(&self.state);
                if state.answering.len() == count {
                    state.seen = Seen {
                        fewest: count,
                        ..Seen::default()
                    };
                    return Ok(());
                }
                let answering = &state.answering;
                ensure!(Instant::now() < deadline, "{answering:?} are not {count}");
            }
            tokio::time::sleep(EACH).await;
        }
    }

    /// How many answer at this address.
    pub(super) fn ready_at(&self, host: Option<Ipv4Addr>) -> usize {
        let state = lock(&self.state);
        let at = |address: &&String| is_at(address, host);
        state.answering.iter().filter(at).count()
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<Seen> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        let seen = lock(&self.state).seen.clone();
        ensure!(
            seen.late * 100 <= seen.asked,
            "{} of {} requests came too late to prove anything",
            seen.late,
            seen.asked
        );
        Ok(seen)
    }
}

impl Seen {
    /// The failures but for those at this host.
    pub(super) fn lost_not_at(&self, host: Option<Ipv4Addr>) -> Vec<&(String, String)> {
        let elsewhere = |lost: &&(String, String)| !is_at(&lost.0, host);
        self.lost.iter().filter(elsewhere).collect()
    }
}

fn is_at(address: &str, host: Option<Ipv4Addr>) -> bool {
    host.is_some_and(|host| address.starts_with(&format!("{host}:")))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics with it")
}

async fn list(consul: String, state: Arc<Mutex<State>>, over: Arc<AtomicBool>) {
    let mut ticks = tokio::time::interval(EACH);
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let asked = Instant::now();
        if let Ok(passing) = passing(&consul).await {
            let mut state = lock(&state);
            state.known.extend(passing.iter().cloned());
            state.listed_at = Some(asked);
            state.passing = passing;
        }
    }
}

/// The addresses of the service's instances whose checks pass.
async fn passing(consul: &str) -> anyhow::Result<Vec<String>> {
    let path = format!("/v1/health/service/{SERVICE}?passing");
    let told: Value = serde_json::from_str(&get_at(consul, &path).await?)?;
    let rows = told.as_array().context("a list")?;
    let address = |row: &Value| {
        let service = &row["Service"];
        let host = service["Address"].as_str().unwrap_or_default();
        format!("{host}:{}", service["Port"])
    };
    Ok(rows.iter().map(address).collect())
}

async fn ask(number: usize, state: Arc<Mutex<State>>, over: Arc<AtomicBool>) {
    for turn in number.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let chosen = {
            let state = lock(&state);
            let fresh = state.listed_at.filter(|at| at.elapsed() < FRESH);
            let at = turn % state.passing.len().max(1);
            fresh.zip(state.passing.get(at).cloned())
        };
        if let Some((listed_at, address)) = chosen {
            let answer = get_at(&address, "/").await;
            let mut state = lock(&state);
            state.seen.asked += 1;
            match answer {
                Err(error) if listed_at.elapsed() >= DRAIN && !is_silent(&error) => {
                    state.seen.late += 1;
                }
                Err(error) => state.seen.lost.push((address, format!("{error:#}"))),
                Ok(_) => {}
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether nobody said anything, which is no late client's fault.
fn is_silent(error: &anyhow::Error) -> bool {
    error.is::<tokio::time::error::Elapsed>()
}

async fn count(state: Arc<Mutex<State>>, over: Arc<AtomicBool>) {
    let began = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let known = lock(&state).known.clone();
        let mut asking = JoinSet::new();
        for address in known {
            asking.spawn(async move {
                let answer = tokio::time::timeout(ANSWERS, get_at(&address, "/")).await;
                matches!(answer, Ok(Ok(_))).then_some(address)
            });
        }
        let answering: BTreeSet<String> = asking.join_all().await.into_iter().flatten().collect();
        {
            let mut state = lock(&state);
            let now = answering.len();
            state.seen.fewest = state.seen.fewest.min(now);
            if state
                .seen
                .course
                .last()
                .is_none_or(|(_, last)| *last != now)
            {
                state.seen.course.push((began.elapsed(), now));
            }
            state.answering = answering;
        }
        tokio::time::sleep(COUNTED).await;
    }
}
