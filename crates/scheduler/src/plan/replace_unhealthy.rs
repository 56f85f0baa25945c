//! Rule 6: unhealthy past its grace is replaced, start-first, within rule 1, with backoff from the history of failures;
//! when most of a pool turns bad at once, replacing halts and says so.

use super::{Why, draft::Draft};
use crate::{
    input::{DesiredWorker, PlanInput},
    world::{Crew, Member, Presence, Role, World},
};
use domain::{
    DeployState, InstanceId, Timestamp,
    observed::{Manner, Phase},
};
use std::{collections::BTreeMap, time::Duration};

/// Whether so many are unhealthy that replacing would make it worse.
pub(crate) struct Halt {
    unhealthy: u32,
    of: u32,
    halted: bool,
}

impl Halt {
    /// Counted are those that would be replaced: past their grace, since a successor that has only just started is no sign
    /// of a bad pool, and of no Deploy that is still proving itself, since a bad Release is none either.
    pub(crate) fn of(world: &World<'_>) -> Self {
        let (mut unhealthy, mut of) = (0, 0);
        for squad in world.squads() {
            let proving = squad
                .app
                .deploy
                .as_ref()
                .filter(|deploy| deploy.state == DeployState::Deploying)
                .map(|deploy| deploy.id);
            let crews = world.crews(squad);
            let members = crews.flat_map(|crew| crew.standing().map(move |m| (crew, m)));
            for (crew, member) in members {
                let counts = match member.presence {
                    Presence::Running | Presence::Restarting => Some(member.deploy) != proving,
                    Presence::Awaited
                    | Presence::Created
                    | Presence::Exited
                    | Presence::Silent
                    | Presence::Lost
                    | Presence::GivenUp
                    | Presence::Lapsed
                    | Presence::Vanished => false,
                };
                of += u32::from(counts);
                let late = member
                    .unhealthy()
                    .is_some_and(|(_, since)| since + crew.timing().grace <= world.input.now);
                unhealthy += u32::from(counts && late);
            }
        }
        let policy = &world.input.policy;
        let halted = unhealthy >= policy.halt_at_least
            && u64::from(unhealthy) * 100 > u64::from(of) * u64::from(policy.halt_above_percent);
        Self {
            unhealthy,
            of,
            halted,
        }
    }
}

/// What is to be done about an instance's health.
pub(crate) enum Verdict {
    /// Nothing: it is healthy, or unknown, or has its grace left.
    Leave,
    Replace(Why),
    Halted(Why),
}

/// Unknown is never a reason (rule 5).
pub(crate) fn judge(
    draft: &mut Draft<'_, '_>,
    worker: &DesiredWorker,
    member: &Member<'_>,
) -> Verdict {
    let Some((what, since)) = member.unhealthy() else {
        return Verdict::Leave;
    };
    let end_of_grace = since + worker.spec.timing.grace;
    if draft.now() < end_of_grace {
        draft.wake_at(end_of_grace);
        return Verdict::Leave;
    }
    let proving = draft.is_proving(member);
    if draft.halt.halted && !proving {
        return Verdict::Halted(Why::Halted {
            unhealthy: draft.halt.unhealthy,
            of: draft.halt.of,
        });
    }
    Verdict::Replace(Why::Unhealthy {
        what: what.to_owned(),
    })
}

impl Draft<'_, '_> {
    fn is_proving(&self, member: &Member<'_>) -> bool {
        self.world
            .input
            .app(member.app)
            .and_then(|app| app.deploy.as_ref())
            .is_some_and(|deploy| {
                deploy.id == member.deploy && deploy.state == DeployState::Deploying
            })
    }
}

/// How long the next start of a Worker waits, after the failures of its Deploy that are not forgotten. One that is seen
/// to have died counts before its end is on record, and all that died at once count as one.
pub(crate) fn backoff(input: &PlanInput, crew: &Crew<'_, '_>) -> Option<Why> {
    let deploy = crew.deploy()?;
    let policy = &input.policy;
    let recorded = input.ends.iter().filter(|end| {
        end.manner == Manner::Died
            && end.app == crew.app.app
            && end.worker == *crew.worker
            && deploy.covers(end.deploy)
    });
    let mut deaths: BTreeMap<InstanceId, Timestamp> = crew
        .members
        .iter()
        .filter(|member| deploy.covers(member.deploy))
        .filter_map(|member| Some((member.instance, died_at(member)?.min(input.now))))
        .collect();
    deaths.extend(recorded.map(|end| (end.instance, end.at)));
    let mut times: Vec<Timestamp> = deaths.into_values().collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    let last = *times.first()?;
    let failures = in_a_row(input.now, &accidents(input, &times), policy.forget_after);
    let until = last + wait(policy.backoff_first, policy.backoff_max, failures);
    (failures > 0 && input.now < until).then_some(Why::Backoff { failures, until })
}

/// When the accidents were that these deaths of different instances come from, newest first both. A host that goes takes
/// all that it has with it, at once: that says no more of the Worker than one death does.
///
/// An accident has an end: nothing new is started until `backoff_first` after the last death that is known. So no successor is
/// among those of one, but for one that was started before that death was: of what somebody else removed, of what was seen to
/// have ended only after the wait, and of what was unhealthy and outlived by it.
pub(crate) fn accidents(input: &PlanInput, deaths: &[Timestamp]) -> Vec<Timestamp> {
    let mut later = None;
    let apart = deaths.iter().copied().filter(|&at| {
        let before = later.replace(at);
        before.is_none_or(|before: Timestamp| before.since(at) >= input.policy.backoff_first)
    });
    apart.collect()
}

/// How many of these times, newest first, follow each other without the quiet that makes them forgotten.
pub(crate) fn in_a_row(now: Timestamp, times: &[Timestamp], quiet: Duration) -> u32 {
    let mut later = now;
    let row = times.iter().take_while(|&&at| {
        let near = later.since(at) < quiet;
        later = at;
        near
    });
    u32::try_from(row.count()).unwrap_or(u32::MAX)
}

/// When an instance ended that nobody had set out to stop.
fn died_at(member: &Member<'_>) -> Option<Timestamp> {
    let Phase::Exited { at, .. } = member.phase()? else {
        return None;
    };
    let own = match member.role {
        Role::Standing => true,
        Role::Condemned => member.stop.is_some_and(|stop| *at < stop.opened_at),
        Role::Stray | Role::Copy | Role::Twin | Role::Foreign => false,
    };
    own.then_some(*at)
}

/// Doubles with each failure after the first.
fn wait(first: Duration, max: Duration, failures: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(max)
}

/// The time that a backoff ends.
pub(crate) fn end_of(why: &Why) -> Option<Timestamp> {
    if let Why::Backoff { until, .. } = why {
        Some(*until)
    } else {
        None
    }
}
