//! What a seed decides.

use super::Line;
use crate::fake::ids::Random;
use std::{
    collections::BTreeSet,
    fmt,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How often out of ten thousand points something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Odds {
    pub delay: u64,
    pub fail: u64,
    pub crash: u64,
}

/// So many points within one second are a loop that waits for nothing: a busy second of a simulation has hundreds.
const SECOND_MAX: u64 = 3_000;
/// The longest that a call is delayed.
const DELAY_MAX: u64 = 4_000;

/// The fate of one simulated world. Clones are the same.
#[derive(Clone)]
pub struct Fate {
    inner: Arc<Mutex<Inner>>,
    crashed: Arc<Notify>,
    begun: Instant,
}

struct Inner {
    random: Random,
    odds: Odds,
    alive: BTreeSet<u64>,
    /// Over everything that happened and when: equal for two runs of one seed.
    hash: u64,
    points: u64,
    /// The second that this is, and how many points were passed in it.
    second: (u64, u64),
    lines: Option<Vec<String>>,
}

/// Whether lines are kept of what happens, which costs more than the simulation itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    Lines,
    Hash,
}

impl Fate {
    /// The fate of this seed.
    #[must_use]
    pub fn of(seed: u64, tracing: Tracing) -> Self {
        let inner = Inner {
            random: Random::seeded(seed),
            odds: Odds::default(),
            alive: BTreeSet::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            points: 0,
            second: (0, 0),
            lines: (tracing == Tracing::Lines).then(Vec::new),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            crashed: Arc::new(Notify::new()),
            begun: Instant::now(),
        }
    }

    /// Sets how often things go wrong from now on.
    pub fn set_odds(&self, odds: Odds) {
        self.lock().odds = odds;
    }

    /// The points that the calls of this server pass. It lives until it crashes or is ended.
    #[must_use]
    pub fn points_of(&self, server: u64) -> Points {
        self.lock().alive.insert(server);
        Points {
            fate: self.clone(),
            server,
            line: Line::default(),
        }
    }

    /// Whether a server has not crashed.
    #[must_use]
    pub fn lives(&self, server: u64) -> bool {
        self.lock().alive.contains(&server)
    }

    /// Ends a server: none of its calls returns any more.
    pub fn end(&self, server: u64) {
        self.lock().alive.remove(&server);
    }

    /// Waits until a server crashes. Look which at once, and again after each time.
    pub async fn crashed(&self) {
        self.crashed.notified().await;
    }

    /// Notes that something happened.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let at = self.begun.elapsed();
        let what = what.to_string();
        let mut inner = self.lock();
        inner.mix(at, &[&what]);
        inner.keep(at, what);
    }

    /// A number over all that happened so far: equal for two runs of one seed.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.lock().hash
    }

    /// Whether a server was stopped because it did more and more in no time.
    #[must_use]
    pub fn ran_away(&self) -> bool {
        self.lock().second.1 >= SECOND_MAX
    }

    /// How many points were passed.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.lock().points
    }

    /// All that happened, a line each. Empty unless lines are kept.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone().unwrap_or_default()
    }

    /// None: the server is dead.
    fn decide(&self, server: u64, call: &str, when: &str) -> Option<Decision> {
        let at = self.begun.elapsed();
        let mut inner = self.lock();
        if !inner.alive.contains(&server) {
            return None;
        }
        let decision = if inner.runs_away(at) {
            Decision::Crash
        } else {
            inner.decide()
        };
        let word = match decision {
            Decision::GoOn => "",
            Decision::Delay(_) => " is delayed",
            Decision::Fail => " fails",
            Decision::Crash => " kills the server",
        };
        inner.mix(at, &[call, when, word]);
        if inner.lines.is_some() {
            inner.keep(at, format!("server {server} {when} {call}{word}"));
        }
        if matches!(decision, Decision::Crash) {
            inner.alive.remove(&server);
        }
        Some(decision)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// FNV-1a over the time and the words.
    fn mix(&mut self, at: Duration, words: &[&str]) {
        let words = words.iter().flat_map(|word| word.as_bytes());
        for byte in at.as_micros().to_le_bytes().iter().chain(words) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn keep(&mut self, at: Duration, what: String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.3} s  {what}", at.as_secs_f64()));
        }
    }

    fn runs_away(&mut self, at: Duration) -> bool {
        let (then, count) = self.second;
        if count < SECOND_MAX {
            let now = at.as_secs();
            self.second = if then == now {
                (then, count + 1)
            } else {
                (now, 0)
            };
        }
        self.second.1 >= SECOND_MAX
    }

    fn decide(&mut self) -> Decision {
        self.points += 1;
        let die = self.random.below(10_000);
        let Odds { delay, fail, crash } = self.odds;
        if die < crash {
            Decision::Crash
        } else if die < crash + fail {
            Decision::Fail
        } else if die < crash + fail + delay {
            Decision::Delay(Duration::from_millis(1 + self.random.below(DELAY_MAX)))
        } else {
            Decision::GoOn
        }
    }
}

enum Decision {
    GoOn,
    Delay(Duration),
    Fail,
    Crash,
}

/// The points that the calls of one server pass.
#[derive(Clone)]
pub struct Points {
    fate: Fate,
    server: u64,
    line: Line,
}

/// A call that is to fail for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault;

impl Points {
    /// The points of calls that go over this line.
    #[must_use]
    pub fn over(self, line: &Line) -> Self {
        Self {
            line: line.clone(),
            ..self
        }
    }

    /// Passes one point of a call: `when` is `before` or `after` its effect. Never returns in a server that is dead.
    ///
    /// # Errors
    /// `Fault` when the call is to fail here, or its line is cut.
    pub async fn pass(&self, call: &str, when: &str) -> Result<(), Fault> {
        let Some(decision) = self.fate.decide(self.server, call, when) else {
            return pending().await;
        };
        match decision {
            Decision::GoOn => {}
            Decision::Delay(time) => tokio::time::sleep(time).await,
            Decision::Fail => return Err(Fault),
            Decision::Crash => {
                self.fate.crashed.notify_one();
                return pending().await;
            }
        }
        match self.line.is_cut() {
            true => Err(Fault),
            false => Ok(()),
        }
    }
}
