//! Whether instances die again and again, so that nobody takes what has just been started for what works.

use crate::{
    input::PlanInput,
    plan::replace_unhealthy::{accidents, backoff, end_of, in_a_row},
    world::{Crew, World},
};
use domain::{
    AppId, DeployState, InstanceEnd, InstanceId, Timestamp, WorkerName,
    observed::{End, KILLED_FOR_MEMORY, Manner, Phase},
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// From so many deaths in a row on it is a loop. One is an accident, two are bad luck.
const LOOP_AT: usize = 3;
/// A Docker Engine waits this long before it starts a process again, twice as long each further time.
const NODE_FIRST: Duration = Duration::from_millis(100);
/// And never longer than this.
const NODE_MAX: Duration = Duration::from_secs(60);

/// So many deaths that nobody has seen make a loop, with one that was, however long they may have taken: what ran on for
/// days between them would not be found dying by chance.
const UNSEEN_LOOP_AT: u32 = 10;

/// The deaths of one instance that its node made good by itself, as far as they were seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeRestarts {
    /// Oldest first.
    pub deaths: Vec<Timestamp>,
    /// Those before the first of these, which its node has counted and nobody has seen.
    pub unseen: Unseen,
    /// How the last one ended whose exit was seen.
    pub last: Option<(i64, End)>,
}

/// Deaths at times that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unseen {
    pub count: u32,
    /// When the instance was made: none is older.
    pub since: Timestamp,
}

/// What dies again and again, of a Deploy that is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashLoop {
    pub app: AppId,
    pub worker: WorkerName,
    /// The one that its node starts again each time. None: each is replaced by another one, which dies as well.
    pub instance: Option<InstanceId>,
    /// How often in a row. Those that came at once, of several instances, are one.
    pub deaths: u32,
    /// From the first of these accidents to the last.
    pub within: Duration,
    /// Of the last one, where it is known.
    pub exit_code: Option<i64>,
    /// What ended the last one, where it is known.
    pub end: Option<End>,
    /// When it is started next. None: it runs just now, until it dies.
    pub next_try: Option<Timestamp>,
}

impl fmt::Display for CrashLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.within.as_secs().max(1);
        write!(f, "died {} times in {seconds} s", self.deaths)?;
        match (self.end, self.exit_code) {
            (Some(End::OutOfMemory), _) => write!(f, ", last {KILLED_FOR_MEMORY}")?,
            (Some(End::Exit) | None, Some(code)) => write!(f, ", last with exit code {code}")?,
            (Some(End::Exit) | None, None) => {}
        }
        match self.next_try {
            Some(at) => write!(f, "; it is tried again at {at}"),
            None => Ok(()),
        }
    }
}

/// The loops that there are now, in order of App and Worker. `restarts` is what nodes have started again.
#[must_use]
pub fn crash_loops(
    input: &PlanInput,
    restarts: &BTreeMap<InstanceId, NodeRestarts>,
) -> Vec<CrashLoop> {
    let died = input.ends.iter().filter(|end| end.manner == Manner::Died);
    let often =
        |restarts: &NodeRestarts| restarts.deaths.len() + restarts.unseen.count as usize >= LOOP_AT;
    if died.count() < LOOP_AT && !restarts.values().any(often) {
        return Vec::new();
    }
    let world = World::new(input);
    let mut loops = Vec::new();
    for squad in world.squads() {
        for crew in world.crews(squad) {
            let deployed = crew.deploy().map(|deploy| deploy.state) == Some(DeployState::Deployed);
            if deployed {
                loops.extend(by_its_node(&crew, input, restarts));
                loops.extend(by_replacement(&crew, input));
            }
        }
    }
    loops
}

fn by_its_node<'l>(
    crew: &'l Crew<'_, '_>,
    input: &'l PlanInput,
    restarts: &'l BTreeMap<InstanceId, NodeRestarts>,
) -> impl Iterator<Item = CrashLoop> + 'l {
    crew.fresh().filter_map(|member| {
        let known = restarts.get(&member.instance)?;
        let newest_first: Vec<Timestamp> = known.deaths.iter().rev().copied().collect();
        let next = match member.phase()? {
            Phase::Restarting { .. } => newest_first.first().copied(),
            Phase::Created
            | Phase::Running { .. }
            | Phase::Paused { .. }
            | Phase::Exited { .. } => None,
        };
        let found = looping(crew, input, &newest_first, known.unseen)?;
        let (exit_code, end) = known.last.unzip();
        Some(CrashLoop {
            instance: Some(member.instance),
            exit_code,
            end,
            next_try: next.map(|last| last + node_wait(found.deaths)),
            ..found
        })
    })
}

fn by_replacement(crew: &Crew<'_, '_>, input: &PlanInput) -> Option<CrashLoop> {
    let deploy = crew.deploy()?;
    // Nothing is tried again of which none is wanted. It goes on when some are.
    if crew.scale() == 0 {
        return None;
    }
    let mut ends: Vec<&InstanceEnd> = input
        .ends
        .iter()
        .filter(|end| {
            end.manner == Manner::Died
                && end.app == crew.app.app
                && end.worker == *crew.worker
                && deploy.covers(end.deploy)
        })
        .collect();
    ends.sort_by_key(|end| std::cmp::Reverse(end.at));
    let newest_first: Vec<Timestamp> = ends.iter().map(|end| end.at).collect();
    let newest_first = accidents(input, &newest_first);
    let found = looping(crew, input, &newest_first, Unseen::default())?;
    let last = ends.first()?;
    Some(CrashLoop {
        exit_code: last.exit_code,
        end: (last.what == KILLED_FOR_MEMORY).then_some(End::OutOfMemory),
        next_try: backoff(input, crew).as_ref().and_then(end_of),
        ..found
    })
}

/// The loop that these deaths make, if they do. Those that nobody has seen belong to it when all that were seen do.
fn looping(
    crew: &Crew<'_, '_>,
    input: &PlanInput,
    newest_first: &[Timestamp],
    unseen: Unseen,
) -> Option<CrashLoop> {
    let quiet = input.policy.forget_after;
    let mut deaths = in_a_row(input.now, newest_first, quiet);
    let row = newest_first.get(..usize::try_from(deaths).ok()?)?;
    let (last, mut first) = (*row.first()?, *row.last()?);
    if row.len() == newest_first.len() && goes_on(first, unseen, quiet) {
        deaths += unseen.count;
        first = first.min(unseen.since);
    }
    (deaths as usize >= LOOP_AT).then(|| CrashLoop {
        app: crew.app.app,
        worker: crew.worker.clone(),
        instance: None,
        deaths,
        within: last.since(first),
        exit_code: None,
        end: None,
        next_try: None,
    })
}

/// Whether what was seen from this death on had gone on before: they came one soon after the other, on average, or are so
/// many that nothing else is likely.
fn goes_on(first: Timestamp, unseen: Unseen, quiet: Duration) -> bool {
    let soon = || first.since(unseen.since) < quiet.saturating_mul(unseen.count);
    unseen.count >= UNSEEN_LOOP_AT || (unseen.count > 0 && soon())
}

/// How long a node waits after so many deaths in a row, each soon after its start.
fn node_wait(deaths: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(deaths.saturating_sub(1))
        .unwrap_or(u32::MAX);
    NODE_FIRST.saturating_mul(factor).min(NODE_MAX)
}
