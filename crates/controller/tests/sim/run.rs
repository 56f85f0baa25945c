//! Runs seeds.

use crate::{database::Make, variants::Variant, world::World};
use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use testkit::sim::Tracing;
use tokio::task::LocalSet;

/// How many seeds a broken variant has to be found in.
const SEARCH: u64 = 300;
/// After so many seeds that break something, no more are tried.
const BAD_MAX: usize = 20;
/// After so many seeds it is said how far it has come: about each minute.
const ROUND: u64 = 10_000;
/// How many of the last lines of a trace are shown.
const SHOWN: usize = 200;
/// How long the world is given to come to rest, in virtual time: longer than the longest backoff, the longest patience
/// and all retries together.
const REST: Duration = Duration::from_secs(3_600);

/// How long it has to stay at rest: several leases, and several slow ticks.
const AFTERWARDS: Duration = Duration::from_secs(45);

/// How many of a thousand worlds may end waiting for a person.
const HALTED_MAX: u64 = 10;

/// What came of one seed.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    violation: Option<String>,
    end: End,
    hash: u64,
    points: u64,
    lines: Vec<String>,
}

/// How a world ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    AtRest,
    /// So many instances had turned bad that what is left to do waits for a person.
    Halted,
    Broken,
}

/// What has come of all seeds so far.
#[derive(Debug, Default)]
struct Tally {
    points: AtomicU64,
    halted: AtomicU64,
    /// Those that have broken something.
    bad: Mutex<BTreeSet<u64>>,
}

impl Tally {
    fn has_enough(&self) -> bool {
        self.bad.lock().unwrap().len() >= BAD_MAX
    }
}

/// A number that whoever runs the tests has set.
pub(crate) fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
    )
}

/// The seeds that whoever runs the tests has asked for: as many as the variable of this name says, from `JOCKEY_SIM_FROM`
/// on. Without them, the usual number from the first one on.
pub(crate) fn seeds_asked_for(name: &str, usual: u64) -> Range<u64> {
    let first = from_environment("JOCKEY_SIM_FROM").unwrap_or(1);
    let count = from_environment(name).unwrap_or(usual);
    first..first.saturating_add(count)
}

/// Runs seeds in worlds with one kind of database.
#[derive(Clone, Copy)]
pub(crate) struct Runner {
    pub(crate) database: Make,
    pub(crate) variant: Variant,
    /// Every such seed is run twice, and must leave the same trace. None: what this database wakes, it wakes in no order.
    pub(crate) twice: Option<u64>,
    /// The command that runs one seed again.
    pub(crate) again: &'static str,
}

impl Runner {
    /// Runs these seeds, on all cores, and says what each of them broke that broke something, until there are enough of those.
    pub(crate) fn run_all(self, seeds: Range<u64>) {
        let tally = Tally::default();
        let mut left = seeds.clone();
        while !left.is_empty() && !tally.has_enough() {
            if left.start > seeds.start {
                println!("all seeds before {} have run", left.start);
            }
            let end = left.end.min(left.start.saturating_add(ROUND));
            self.run_round(left.start..end, &tally);
            left.start = end;
        }
        let (points, halted) = (tally.points.into_inner(), tally.halted.into_inner());
        let (first, count) = (seeds.start, seeds.end - seeds.start);
        println!("{count} seeds from {first} on, {points} points, {halted} halted");
        let bad = tally.bad.into_inner().unwrap();
        if let Some(seed) = bad.first() {
            self.run_one(*seed);
            panic!("seed {seed} broke something among others, and nothing when it ran again");
        }
        // Little is asked of those: were they many, the others would say little.
        assert!(
            halted * 1_000 <= count * HALTED_MAX + 1_000,
            "{halted} of {count} worlds wait for a person in the end"
        );
    }

    /// Runs these seeds, each on the next core that is free.
    fn run_round(self, seeds: Range<u64>, tally: &Tally) {
        let seeds = Mutex::new(seeds);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !tally.has_enough() {
                        let next = seeds.lock().unwrap().next();
                        let Some(seed) = next else { return };
                        self.run_and_count(seed, tally);
                    }
                });
            }
        });
    }

    fn run_and_count(self, seed: u64, tally: &Tally) {
        let Tally {
            points,
            halted,
            bad,
        } = tally;
        let outcome = self.run(seed, Tracing::Hash);
        points.fetch_add(outcome.points, Ordering::Relaxed);
        halted.fetch_add(u64::from(outcome.end == End::Halted), Ordering::Relaxed);
        let differs = self.twice.is_some_and(|every| seed.is_multiple_of(every))
            && self.run(seed, Tracing::Hash) != outcome;
        let violation = outcome.violation.filter(|_| !differs);
        if violation.is_some() || differs {
            let what = violation.unwrap_or_else(|| "runs differ".to_owned());
            println!("seed {seed}: {what}");
            bad.lock().unwrap().insert(seed);
        }
    }

    /// Runs one seed, twice where that leaves the same trace, and says all that is known of it when it breaks something.
    pub(crate) fn run_one(self, seed: u64) {
        let first = self.run(seed, Tracing::Lines);
        if let Some(violation) = &first.violation {
            let call = |line: &&String| !line.contains(" before ") && !line.contains(" after ");
            let story: Vec<&str> = first
                .lines
                .iter()
                .filter(call)
                .map(String::as_str)
                .collect();
            let last = &first.lines[first.lines.len().saturating_sub(SHOWN)..];
            panic!(
                "{}\n\nthe story:\n{}\n\nseed {seed}: {violation}\nrun it again: {}",
                last.join("\n"),
                story.join("\n"),
                self.command(seed)
            );
        }
        if self.twice.is_none() {
            return;
        }
        let second = self.run(seed, Tracing::Lines);
        let same = first
            .lines
            .iter()
            .zip(&second.lines)
            .take_while(|(one, other)| one == other);
        let same = same.count();
        assert_eq!(
            first.hash,
            second.hash,
            "seed {seed} ran differently the second time: after {:#?} came {:?}, then {:?}\nrun it again: {}",
            &first.lines[same.saturating_sub(20)..same],
            first.lines.get(same),
            second.lines.get(same),
            self.command(seed)
        );
    }

    /// What somebody types to see a seed alone.
    fn command(self, seed: u64) -> String {
        format!("JOCKEY_SIM_SEED={seed} {}", self.again)
    }

    /// Runs a broken variant until it is found out.
    pub(crate) fn find_violation(self, variant: Variant, expected: &str) {
        let broken = Self { variant, ..self };
        let mut others = Vec::new();
        for seed in 1..=SEARCH {
            match broken.run(seed, Tracing::Hash).violation {
                Some(violation) if violation.contains(expected) => return,
                Some(violation) => others.push(violation),
                None => {}
            }
        }
        panic!("{variant:?} is not found in {SEARCH} seeds; what was found: {others:?}");
    }

    fn run(self, seed: u64, tracing: Tracing) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs only memory");
        LocalSet::new().block_on(&runtime, self.live(seed, tracing))
    }

    async fn live(self, seed: u64, tracing: Tracing) -> Outcome {
        let mut world = World::of(seed, self.variant, tracing, (self.database)());
        world.place_strangers();
        let ended = course(&mut world).await;
        let (violation, end) = match ended {
            Ok(end) => (None, end),
            Err(violation) => (Some(violation), End::Broken),
        };
        Outcome {
            violation,
            end,
            hash: world.fate.hash(),
            points: world.fate.points(),
            lines: world.fate.lines(),
        }
    }
}

/// The life of a world, until something is broken or it has come to its end.
async fn course(world: &mut World) -> Result<End, String> {
    let (app, repo) = world.apps[0].clone();
    let environment = world.environments[0];
    world.deploy_commit(app, environment, &repo).await;
    for _ in 0..4 + world.random.below(12) {
        if world.random.in_thousand(250) {
            world.choose_odds();
        }
        if world.random.in_thousand(600) {
            world.ask().await;
        } else {
            world.befall().await;
        }
        let pause = if world.random.in_thousand(150) {
            150_000
        } else {
            15_000
        };
        let pause = Duration::from_millis(world.random.below(pause));
        world.pass(pause).await;
        if let Some(violation) = world.watch.violations().into_iter().next() {
            return Err(violation);
        }
    }
    world.heal();
    rest(world).await
}

async fn rest(world: &mut World) -> Result<End, String> {
    let step = Duration::from_secs(5);
    let mut unrest = None;
    for _ in 0..REST.as_secs() / step.as_secs() {
        world.pass(step).await;
        if let Some(violation) = world.watch.violations().into_iter().next() {
            return Err(violation);
        }
        unrest = world.unrest();
        if unrest.is_none() {
            // It stays so, also after the leases of dead servers have run out and others have looked for themselves.
            let leases = world.leases();
            world.pass(AFTERWARDS).await;
            world.database.run_out(&leases);
            let disturbed = world
                .watch
                .violations()
                .into_iter()
                .next()
                .or_else(|| world.unrest())
                .or_else(|| world.unshared());
            return match disturbed {
                Some(what) => Err(what),
                None => shut_down(world, End::AtRest).await,
            };
        }
    }
    if world.is_halted() {
        return match world.unrest_beside_halted() {
            Some(what) => Err(format!("halted, and {what}")),
            None => shut_down(world, End::Halted).await,
        };
    }
    let why = unrest.unwrap_or_default();
    Err(format!("not at rest after {} s: {why}", REST.as_secs()))
}

/// Whoever ends in good order leaves no lease behind.
async fn shut_down(world: &mut World, end: End) -> Result<End, String> {
    world.shut_servers_down().await;
    world.left_leases().map_or(Ok(end), Err)
}
