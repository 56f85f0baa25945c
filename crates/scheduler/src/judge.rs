//! How a Deploy stands that is `deploying`.

mod told;

use crate::{
    input::{DesiredApp, DesiredDeploy, PlanInput},
    plan::{Held, Why},
    world::{Crew, Presence, Role, Squad, World, count},
};
use domain::{
    DeployId, DeployState, InstanceEnd,
    deploy::FailedInstance,
    observed::{Manner, Phase, WAS_NOT_HEALTHY},
};

/// How a Deploy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its instances start, or old ones drain.
    InProgress {
        healthy: u16,
        wanted: u16,
        /// For people: `web 1 of 2 healthy; clock 0 of 1 healthy, settling`.
        step: String,
    },
    /// Every instance of every Worker at its scale is healthy, the old ones are drained and gone.
    Done,
    /// It will not get there.
    Failed {
        /// A sentence that names the instance, and its exit code or failing probe.
        reason: String,
        /// The instance that tells why, where there is one.
        culprit: Option<FailedInstance>,
    },
}

/// How the Deploy that is wanted of an App stands. One that is not `deploying` is `Done`, and so is none.
///
/// `held` is what the plan for this input holds back: it says what a Worker waits for of which nothing starts.
#[must_use]
pub fn judge(app: &DesiredApp, input: &PlanInput, held: &[Held]) -> Verdict {
    let Some(deploy) = &app.deploy else {
        return Verdict::Done;
    };
    let world = World::new(input);
    let Some(squad) = world.squads().iter().find(|squad| squad.app.app == app.app) else {
        return Verdict::Done;
    };
    let standing = Standing::of(&world, squad, held);
    let time = match deploy.deadline {
        Some(deadline) if deadline <= input.now => Time::Up,
        Some(_) | None => Time::Left,
    };
    if standing.is_done(time) || deploy.state != DeployState::Deploying {
        return Verdict::Done;
    }
    if let Some(failed) = failure(&world, squad, deploy, &standing) {
        return failed;
    }
    Verdict::InProgress {
        healthy: standing.healthy,
        wanted: standing.wanted,
        step: standing.step(),
    }
}

/// Whether the deadline has passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    Left,
    Up,
}

/// How far it is.
#[derive(Default)]
struct Standing {
    healthy: u16,
    wanted: u16,
    /// Old ones that are not gone.
    leaving: u16,
    /// Workers that are not there yet: a clause for each.
    lacking: Vec<String>,
}

impl Standing {
    fn of(world: &World<'_>, squad: &Squad<'_>, held: &[Held]) -> Self {
        let mut all = Self::default();
        for crew in world.crews(squad) {
            let (healthy, wanted) = (
                count(crew.fresh().filter(|m| m.is_in_service())),
                crew.scale(),
            );
            all.healthy = all.healthy.saturating_add(healthy.min(wanted));
            all.wanted = all.wanted.saturating_add(wanted);
            all.leaving = all.leaving.saturating_add(leaving(&crew));
            if healthy < wanted {
                let mut clause = format!("{} {healthy} of {wanted} healthy", crew.worker);
                for what in doing(&crew, world.input)
                    .into_iter()
                    .chain(waiting(&crew, held))
                {
                    clause.push_str(", ");
                    clause.push_str(&what);
                }
                all.lacking.push(clause);
            }
        }
        all
    }

    /// What is healthy in time does not fail for an old instance that cannot be seen or drains for long: it goes later.
    fn is_done(&self, time: Time) -> bool {
        self.lacking.is_empty() && (self.leaving == 0 || time == Time::Up)
    }

    fn step(&self) -> String {
        if self.lacking.is_empty() {
            return match self.leaving {
                1 => format!(
                    "all {} healthy; 1 old instance drains and stops",
                    self.wanted
                ),
                old => format!(
                    "all {} healthy; {old} old instances drain and stop",
                    self.wanted
                ),
            };
        }
        self.lacking.join("; ")
    }
}

/// Those that have to be gone before the Deploy is done. What is on a node that has failed does not keep it.
fn leaving(crew: &Crew<'_, '_>) -> u16 {
    let old = crew.old().chain(crew.with(Role::Condemned));
    count(old.filter(|member| match member.presence {
        Presence::Awaited
        | Presence::Created
        | Presence::Running
        | Presence::Restarting
        | Presence::Exited
        | Presence::Silent => true,
        Presence::Lost | Presence::GivenUp | Presence::Lapsed | Presence::Vanished => false,
    }))
}

/// What an instance that is not healthy yet is at, for people.
fn doing(crew: &Crew<'_, '_>, input: &PlanInput) -> Option<String> {
    let member = crew.fresh().find(|member| !member.is_in_service())?;
    if let Some((what, _)) = member.unhealthy() {
        return Some(what.to_owned());
    }
    Some(match (member.presence, member.phase()) {
        (Presence::Awaited | Presence::Created, _) => "starting".to_owned(),
        (Presence::Running, _) if member.is_healthy() => "registering".to_owned(),
        (Presence::Running, Some(Phase::Running { since, .. }))
            if member.port().is_none() && *since + crew.timing().settle > input.now =>
        {
            "settling".to_owned()
        }
        (Presence::Silent, _) => format!("{} does not answer", member.node),
        _ => "waiting for its check".to_owned(),
    })
}

/// What the next start of a Worker waits for, for people. That old instances have to make room first is no news, nor that
/// one is tried before the others.
fn waiting(crew: &Crew<'_, '_>, held: &[Held]) -> Option<String> {
    let starts = held.iter().filter(|held| {
        held.action == "start"
            && held.instance.is_none()
            && held.app == crew.app.app
            && held.worker == *crew.worker
    });
    let mut waits =
        starts.filter(|held| !matches!(held.why, Why::Surge { .. } | Why::ProveFirst { .. }));
    waits.next().map(|held| held.why.to_string())
}

fn failure(
    world: &World<'_>,
    squad: &Squad<'_>,
    deploy: &DesiredDeploy,
    standing: &Standing,
) -> Option<Verdict> {
    let input = world.input;
    let deaths = || deaths(input, deploy.id);
    let number = deaths().count();
    if number >= usize::try_from(input.policy.deaths_allowed.max(1)).unwrap_or(usize::MAX) {
        let last = deaths().last()?;
        let how = told::how(deploy, last);
        return Some(Verdict::Failed {
            reason: match number {
                1 => format!(
                    "{} of {} on {} {how}",
                    last.instance, last.worker, last.node
                ),
                _ => format!(
                    "{}; the last, {} of {} on {}, {how}",
                    told::counted(deaths()),
                    last.instance,
                    last.worker,
                    last.node
                ),
            },
            culprit: Some(culprit_of(last)),
        });
    }
    deploy
        .deadline
        .filter(|deadline| *deadline <= input.now)
        .map(|_| out_of_time(world, squad, deploy, standing))
}

fn out_of_time(
    world: &World<'_>,
    squad: &Squad<'_>,
    deploy: &DesiredDeploy,
    standing: &Standing,
) -> Verdict {
    let unwell = world
        .crews(squad)
        .flat_map(|crew| crew.fresh())
        .find(|member| !member.is_in_service() && member.sighting.is_some());
    if let Some(member) = unwell {
        let what = member
            .unhealthy()
            .map_or("its check has not passed".to_owned(), |(what, _)| {
                told::seen(deploy, member.worker, what)
            });
        return Verdict::Failed {
            reason: format!(
                "not healthy in time ({}); {} of {} on {}: {what}",
                standing.step(),
                member.instance,
                member.worker,
                member.node
            ),
            culprit: Some(FailedInstance {
                id: member.instance,
                worker: member.worker.clone(),
                node: member.node.clone(),
                exit_code: exit_code(member.phase()),
                probe: member
                    .unhealthy()
                    .map_or(String::new(), |(what, _)| what.to_owned()),
            }),
        };
    }
    let last = deaths(world.input, deploy.id).last();
    let told = last.map_or(String::new(), |end| {
        let how = told::how(deploy, end);
        format!("; {} of {} on {} {how}", end.instance, end.worker, end.node)
    });
    Verdict::Failed {
        reason: format!("not healthy in time ({}){told}", standing.step()),
        culprit: last.map(culprit_of),
    }
}

fn deaths(input: &PlanInput, deploy: DeployId) -> impl Iterator<Item = &InstanceEnd> {
    input
        .ends
        .iter()
        .filter(move |end| end.deploy == deploy && end.manner == Manner::Died)
}

fn culprit_of(end: &InstanceEnd) -> FailedInstance {
    let probe = end.what.strip_prefix(WAS_NOT_HEALTHY).unwrap_or_default();
    FailedInstance {
        id: end.instance,
        worker: end.worker.clone(),
        node: end.node.clone(),
        exit_code: end.exit_code,
        probe: probe.to_owned(),
    }
}

fn exit_code(phase: Option<&Phase>) -> Option<i64> {
    match phase? {
        Phase::Exited { code, .. } | Phase::Restarting { code, .. } => Some(*code),
        Phase::Created | Phase::Running { .. } | Phase::Paused { .. } => None,
    }
}
