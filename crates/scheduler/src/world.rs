//! The input, joined: each instance once, with its sighting and its intents, in the Worker it belongs to.

mod join;
mod member;
mod nodes;
mod slots;

pub(crate) use member::{Member, Presence, Role};
pub(crate) use nodes::{Emptied, Nodes, Reach, refusal};

use crate::input::{DesiredApp, DesiredDeploy, DesiredWorker, PlanInput};
use crate::seed::Ids;
use domain::{DeployState, InstanceId, Timestamp, WorkerName, worker::Timing};
use std::ops::Range;

/// Everything that `plan` looks at.
pub(crate) struct World<'a> {
    pub(crate) input: &'a PlanInput,
    pub(crate) nodes: Nodes<'a>,
    members: Vec<Member<'a>>,
    squads: Vec<Squad<'a>>,
}

/// One App with its Workers.
pub(crate) struct Squad<'a> {
    pub(crate) app: &'a DesiredApp,
    crews: Vec<Found<'a>>,
}

/// A Worker of an App, as it is wanted, and where its instances are among all.
struct Found<'a> {
    worker: &'a WorkerName,
    wanted: Option<&'a DesiredWorker>,
    members: Range<usize>,
}

/// The instances of one Worker, of whichever Deploy, and what is wanted of it.
#[derive(Clone, Copy)]
pub(crate) struct Crew<'w, 'a> {
    pub(crate) app: &'a DesiredApp,
    pub(crate) worker: &'a WorkerName,
    pub(crate) members: &'w [Member<'a>],
    wanted: Option<&'a DesiredWorker>,
}

impl Squad<'_> {
    /// When its Deploy has to be healthy, while it is `deploying`.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let deploy = self.app.deploy.as_ref()?;
        match deploy.state {
            DeployState::Deploying => deploy.deadline,
            DeployState::Created
            | DeployState::Building
            | DeployState::Deployed
            | DeployState::Stopped
            | DeployState::Failed
            | DeployState::Cancelled => None,
        }
    }
}

impl<'a> World<'a> {
    pub(crate) fn new(input: &'a PlanInput) -> Self {
        debug_assert!(input.apps.is_sorted_by_key(|app| app.app), "in order of id");
        debug_assert!(
            input
                .apps
                .iter()
                .all(|app| workers(app).is_sorted_by_key(|worker| &worker.spec.name)),
            "in order of name"
        );
        let nodes = Nodes::new(input);
        let (members, ranges) = join::join(input, &nodes);
        let squads = squads(input, &members, ranges);
        Self {
            input,
            nodes,
            members,
            squads,
        }
    }

    /// Each App that is spoken of, in order of id.
    pub(crate) fn squads(&self) -> &[Squad<'a>] {
        &self.squads
    }

    /// Each Worker of an App, wanted or seen, in order of name.
    pub(crate) fn crews<'w>(&'w self, squad: &'w Squad<'a>) -> impl Iterator<Item = Crew<'w, 'a>> {
        squad.crews.iter().map(|found| Crew {
            app: squad.app,
            worker: found.worker,
            members: &self.members[found.members.clone()],
            wanted: found.wanted,
        })
    }

    /// Every instance that is known, those of Apps that are not spoken of included.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        &self.members
    }
}

/// `ranges`: of each Worker's members, in order.
fn squads<'a>(
    input: &'a PlanInput,
    members: &[Member<'a>],
    ranges: Vec<Range<usize>>,
) -> Vec<Squad<'a>> {
    let mut ranges = ranges.into_iter().peekable();
    let mut squads = Vec::with_capacity(input.apps.len());
    for app in &input.apps {
        while ranges
            .next_if(|range| members[range.start].app < app.app)
            .is_some()
        {}
        let mut crews: Vec<Found<'_>> = Vec::new();
        let mut wanted = workers(app).iter().peekable();
        let unseen = |worker: &'a DesiredWorker| Found {
            worker: &worker.spec.name,
            wanted: Some(worker),
            members: 0..0,
        };
        while let Some(range) = ranges.next_if(|range| members[range.start].app == app.app) {
            let name = members[range.start].worker;
            while let Some(worker) = wanted.next_if(|worker| worker.spec.name < *name) {
                crews.push(unseen(worker));
            }
            crews.push(Found {
                worker: name,
                wanted: wanted.next_if(|worker| worker.spec.name == *name),
                members: range,
            });
        }
        crews.extend(wanted.map(unseen));
        squads.push(Squad { app, crews });
    }
    squads
}

fn workers(app: &DesiredApp) -> &[DesiredWorker] {
    app.deploy.as_ref().map_or(&[], |deploy| &deploy.workers)
}

impl<'w, 'a> Crew<'w, 'a> {
    /// The Deploy that is to run.
    pub(crate) fn deploy(&self) -> Option<&'a DesiredDeploy> {
        self.app.deploy.as_ref()
    }

    /// The Worker as that Deploy has it. None: it has no such Worker.
    pub(crate) fn wanted(&self) -> Option<&'a DesiredWorker> {
        self.wanted
    }

    /// How many are wanted. A singleton is never more than one.
    pub(crate) fn scale(&self) -> u16 {
        self.wanted()
            .map_or(0, |worker| match worker.spec.singleton {
                true => worker.scale.get().min(1),
                false => worker.scale.get(),
            })
    }

    pub(crate) fn timing(&self) -> Timing {
        self.wanted()
            .map_or_else(Timing::default, |worker| worker.spec.timing)
    }

    pub(crate) fn is_singleton(&self) -> bool {
        self.wanted().is_some_and(|worker| worker.spec.singleton)
    }

    /// An id that none of its instances has, should the seed be one that was used before.
    pub(crate) fn unused(&self, ids: &mut Ids) -> InstanceId {
        loop {
            let id = ids.next();
            if self.members.iter().all(|member| member.instance != id) {
                return id;
            }
        }
    }

    /// Those that are neither condemned nor strays, of the Deploy that is to run, or of one that is
    /// alike.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &'w Member<'a>> + use<'w, 'a> {
        let deploy = self.deploy();
        self.standing()
            .filter(move |member| deploy.is_some_and(|deploy| deploy.covers(member.deploy)))
    }

    /// Those that are neither condemned nor strays, of any other Deploy.
    pub(crate) fn old(&self) -> impl Iterator<Item = &'w Member<'a>> + use<'w, 'a> {
        let deploy = self.deploy();
        self.standing()
            .filter(move |member| deploy.is_none_or(|deploy| !deploy.covers(member.deploy)))
    }

    /// Those that are neither condemned nor strays.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &'w Member<'a>> + use<'w, 'a> {
        self.with(Role::Standing)
    }

    pub(crate) fn with(&self, role: Role) -> impl Iterator<Item = &'w Member<'a>> + use<'w, 'a> {
        self.members
            .iter()
            .filter(move |member| member.role == role)
    }
}

/// How many of something, as a plan says it. A count beyond what a scale can be is as good as that.
pub(crate) fn count<T>(these: impl Iterator<Item = T>) -> u16 {
    u16::try_from(these.count()).unwrap_or(u16::MAX)
}
