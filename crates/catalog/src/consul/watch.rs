//! Follows pools by blocking queries, and tells when one has changed.

use super::{
    client::{Base, Client, Index, ServiceEntry},
    lock,
};
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::watch::Sender,
    task::JoinSet,
    time::{Instant, sleep},
};

/// How long a query waits for a change. Consul's own default is 5 min; a shorter one finds a connection that is dead.
const WAIT: Duration = Duration::from_secs(60);
/// How long after a change the next one is asked for: many hosts that join at once are told in a few answers.
const PAUSE: Duration = Duration::from_millis(100);
/// After a query that failed; twice as long after each further one.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(15);
/// A pool that nobody has asked for this long is followed no more: its Environment is gone, or kept by another server.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// One query a pool. Ends with this value.
#[derive(Debug)]
pub(super) struct Watches {
    client: Client,
    base: Base,
    changes: Sender<u64>,
    asked: Asked,
    tasks: Mutex<JoinSet<()>>,
}

/// When each pool was asked for last.
type Asked = Arc<Mutex<BTreeMap<String, Instant>>>;

impl Watches {
    pub(super) fn new(client: Client, base: Base, changes: Sender<u64>) -> Self {
        Self {
            client,
            base,
            changes,
            asked: Asked::default(),
            tasks: Mutex::default(),
        }
    }

    /// Follows the pool of this service from now on: what differs from these rows is told.
    pub(super) fn follow(&self, service: &str, rows: &[ServiceEntry]) {
        let before = lock(&self.asked).insert(service.to_owned(), Instant::now());
        if before.is_some() {
            return;
        }
        let follower = Follower {
            client: self.client.clone(),
            base: self.base.clone(),
            changes: self.changes.clone(),
            asked: Arc::clone(&self.asked),
            service: service.to_owned(),
        };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(follower.run(rows.to_vec()));
    }
}

struct Follower {
    client: Client,
    base: Base,
    changes: Sender<u64>,
    asked: Asked,
    service: String,
}

/// Whether the last query was answered.
enum Line {
    Stands,
    Lost { failures: u32 },
}

impl Follower {
    async fn run(self, mut seen: Vec<ServiceEntry>) {
        let (mut index, mut line) = (Index::default(), Line::Stands);
        while self.is_asked_for() {
            let answer = self
                .client
                .service_health_after(&self.base, &self.service, index, WAIT)
                .await;
            match answer {
                Ok(answer) => {
                    index = index.after(answer.index);
                    let is_back = matches!(line, Line::Lost { .. });
                    line = Line::Stands;
                    // Consul may answer without a change: an index is not of one service alone.
                    let differs = seen != answer.value;
                    seen = answer.value;
                    if differs || is_back {
                        self.changes.send_modify(|count| *count += 1);
                    }
                    sleep(jittered(PAUSE)).await;
                }
                Err(fault) => {
                    let failures = match line {
                        Line::Stands => 0,
                        Line::Lost { failures } => failures + 1,
                    };
                    tracing::debug!(%fault, pool = self.service, failures, "the watch is lost; trying again");
                    line = Line::Lost { failures };
                    index = Index::default();
                    sleep(jittered(again_after(failures))).await;
                }
            }
        }
    }

    /// And takes it off the list where it is not.
    fn is_asked_for(&self) -> bool {
        let mut asked = lock(&self.asked);
        let late = asked
            .get(&self.service)
            .is_none_or(|at| at.elapsed() > FORGOTTEN);
        if late {
            asked.remove(&self.service);
        }
        !late
    }
}

/// How long to wait after one more failure than these.
fn again_after(failures: u32) -> Duration {
    AGAIN.saturating_mul(1 << failures.min(10)).min(AGAIN_MAX)
}

/// Between half of it and the whole, so that servers which lost an agent together do not come back together.
fn jittered(wait: Duration) -> Duration {
    let chance = RandomState::new().hash_one(0) % 1024;
    wait / 2 + wait / 2 * u32::try_from(chance).unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests;
