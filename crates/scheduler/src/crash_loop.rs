//! Whether instances die again and again, so that nobody takes what has just been started for what works.

use crate::{
    input::PlanInput,
    plan::replace_unhealthy::{backoff, end_of, in_a_row},
    world::{Crew, World},
};
use domain::{
    AppId, DeployState, InstanceEnd, InstanceId, Timestamp, WorkerName,
    observed::{Manner, Phase},
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// From so many deaths in a row on it is a loop. One is an accident, two are bad luck.
const LOOP_AT: usize = 3;
/// A Docker Engine waits this long before it starts a process again, twice as long each further time.
const NODE_FIRST: Duration = Duration::from_millis(100);
/// And never longer than this.
const NODE_MAX: Duration = Duration::from_secs(60);

/// The deaths of one instance that its node made good by itself, as far as they were seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeRestarts {
    /// Oldest first.
    pub deaths: Vec<Timestamp>,
    /// Of the last one whose exit was seen.
    pub exit_code: Option<i64>,
}

/// What dies again and again, of a Deploy that is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashLoop {
    pub app: AppId,
    pub worker: WorkerName,
    /// The one that its node starts again each time. None: each is replaced by another one, which dies as well.
    pub instance: Option<InstanceId>,
    /// How often in a row.
    pub deaths: u32,
    /// From the first of these deaths to the last.
    pub within: Duration,
    /// Of the last one, where it is known.
    pub exit_code: Option<i64>,
    /// When it is started next. None: it runs just now, until it dies.
    pub next_try: Option<Timestamp>,
}

impl fmt::Display for CrashLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.within.as_secs().max(1);
        write!(f, "died {} times in {seconds} s", self.deaths)?;
        if let Some(code) = self.exit_code {
            write!(f, ", last with exit code {code}")?;
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
    let often = |restarts: &NodeRestarts| restarts.deaths.len() >= LOOP_AT;
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
        let found = looping(crew, input, &newest_first)?;
        Some(CrashLoop {
            instance: Some(member.instance),
            exit_code: known.exit_code,
            next_try: next.map(|last| last + node_wait(found.deaths)),
            ..found
        })
    })
}

fn by_replacement(crew: &Crew<'_, '_>, input: &PlanInput) -> Option<CrashLoop> {
    let deploy = crew.deploy()?;
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
    let found = looping(crew, input, &newest_first)?;
    Some(CrashLoop {
        exit_code: ends.first()?.exit_code,
        next_try: backoff(input, crew).as_ref().and_then(end_of),
        ..found
    })
}

/// The loop that these deaths make, if they do.
fn looping(
    crew: &Crew<'_, '_>,
    input: &PlanInput,
    newest_first: &[Timestamp],
) -> Option<CrashLoop> {
    let deaths = in_a_row(input.now, newest_first, input.policy.forget_after);
    let row = newest_first.get(..usize::try_from(deaths).ok()?)?;
    let (last, first) = (row.first()?, row.last()?);
    (row.len() >= LOOP_AT).then(|| CrashLoop {
        app: crew.app.app,
        worker: crew.worker.clone(),
        instance: None,
        deaths,
        within: last.since(*first),
        exit_code: None,
        next_try: None,
    })
}

/// How long a node waits after so many deaths in a row, each soon after its start.
fn node_wait(deaths: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(deaths.saturating_sub(1))
        .unwrap_or(u32::MAX);
    NODE_FIRST.saturating_mul(factor).min(NODE_MAX)
}
