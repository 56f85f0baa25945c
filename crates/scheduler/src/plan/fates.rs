//! Rules 4, 5 and 6 and restarts: which instances of the wanted Deploy stay, and which make room for a successor.

use super::{
    Why,
    draft::Draft,
    end, misplaced,
    replace_unhealthy::{self, Verdict},
    singleton,
    stop_superseded::ended,
};
use crate::{
    input::{DesiredWorker, RestartOnly},
    world::{Crew, Emptied, Member, Presence},
};
use domain::{IntentState, observed::Phase};

/// The instances of the wanted Deploy that run or are about to, told apart.
#[derive(Default)]
pub(crate) struct Fates<'w, 'a> {
    /// They stay, as far as the scale goes.
    pub(crate) staying: Vec<&'w Member<'a>>,
    /// They go when others serve in their place.
    pub(crate) leaving: Vec<(&'w Member<'a>, Why)>,
}

impl<'w, 'a> Fates<'w, 'a> {
    /// Afterwards what ended is on its way out, what cannot be seen is held and stays, and the rest is told apart.
    pub(crate) fn of(draft: &mut Draft<'_, 'a>, crew: &Crew<'w, 'a>) -> Self {
        let mut fates = Self::default();
        for member in crew.fresh() {
            wake(draft, crew, member);
            match member.presence {
                Presence::Exited => {
                    let why = ended(member).unwrap_or(Why::NeverStarted);
                    end::condemn(draft, member, why);
                }
                Presence::Created if !is_starting(member) => {
                    end::condemn(draft, member, Why::NeverStarted);
                }
                Presence::Awaited | Presence::Created => match may_start(draft, crew, member) {
                    Ok(()) => fates.staying.push(member),
                    Err(why) => end::condemn(draft, member, why),
                },
                Presence::Running | Presence::Restarting => match leaves(draft, crew, member) {
                    Some(why) => fates.leaving.push((member, why)),
                    None => fates.staying.push(member),
                },
                Presence::Silent => {
                    if !member.busy {
                        let waits = singleton::waits(draft, member);
                        let why = waits.unwrap_or_else(|| end::unseen(draft, crew));
                        draft.hold("start", member, why);
                    }
                    fates.staying.push(member);
                }
                Presence::Lost | Presence::GivenUp | Presence::Lapsed | Presence::Vanished => {}
            }
        }
        fates
    }

    /// How many stay.
    pub(crate) fn staying(&self) -> u16 {
        u16::try_from(self.staying.len()).unwrap_or(u16::MAX)
    }
}

pub(crate) fn is_starting(member: &Member<'_>) -> bool {
    member
        .start
        .is_some_and(|intent| intent.state == IntentState::Open)
}

/// Whether a start that is on record may go on, or why it is given up.
fn may_start(draft: &Draft<'_, '_>, crew: &Crew<'_, '_>, member: &Member<'_>) -> Result<(), Why> {
    if member.busy {
        return Ok(());
    }
    if !draft.world.nodes.takes_new(member.host) {
        return Err(Why::NodeDraining);
    }
    match crew.wanted().zip(member.host) {
        Some((worker, at)) => match worker.spec.unmet(&draft.world.nodes.hosts()[at].node) {
            Some(constraint) => Err(Why::Misplaced {
                constraint: constraint.clone(),
            }),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// Why an instance that runs is to make room.
fn leaves(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>, member: &Member<'_>) -> Option<Why> {
    match draft.world.nodes.is_emptied(member.host) {
        Some(Emptied::Draining) => return Some(Why::NodeDraining),
        Some(Emptied::GivenUp) => return Some(Why::NodeGivenUp),
        Some(emptied @ (Emptied::Failed | Emptied::Left)) => match end::doubt(draft, crew) {
            // It answers, and the pool is not believed when so many are called failed, or have left it.
            Some(why) => draft.hold("stop", member, why),
            None if emptied == Emptied::Left => return Some(Why::NodeLeft),
            None => return Some(Why::NodeReturned),
        },
        None => {}
    }
    let worker = crew.wanted()?;
    if let Some(why) = misplaced::leaves(draft, crew, worker, member) {
        return Some(why);
    }
    if is_to_restart(worker, member) {
        return Some(Why::Restart);
    }
    match replace_unhealthy::judge(draft, worker, member) {
        Verdict::Replace(why) => Some(why),
        Verdict::Halted(why) => {
            draft.hold("stop", member, why);
            None
        }
        Verdict::Leave => None,
    }
}

/// Told by when the start was put on record: the node's own clock may be wrong. One that was well when the restart was
/// asked for has its grace like any other.
pub(crate) fn is_to_restart(worker: &DesiredWorker, member: &Member<'_>) -> bool {
    let Some((before, start)) = worker.restart_before.zip(member.start) else {
        return false;
    };
    let was_unwell = || match member.unhealthy() {
        Some((_, since)) => since <= before,
        None => member.is_unhealthy(),
    };
    start.opened_at < before
        && match worker.restart_only {
            RestartOnly::All => true,
            RestartOnly::Unhealthy => was_unwell(),
            RestartOnly::Healthy => member.healthy_since().is_some_and(|since| since <= before),
        }
}

/// Asks to be woken when a Worker without a port has run for its settle time.
fn wake(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>, member: &Member<'_>) {
    if let (Some(Phase::Running { since, .. }), None) = (member.phase(), member.port())
        && !member.is_healthy()
    {
        draft.wake_at(*since + crew.timing().settle);
    }
}
