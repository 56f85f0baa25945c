//! One instance: its sighting joined with its intents.

use super::{Nodes, Reach};
use crate::input::{PlanInput, Registration, Sighting};
use domain::{
    AppId, DeployId, Health, InstanceId, Intent, IntentKind, IntentState, NodeName, Timestamp,
    WorkerName,
    observed::{Authenticity, Phase},
};

/// One instance, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) instance: InstanceId,
    pub(crate) app: AppId,
    pub(crate) worker: &'a WorkerName,
    pub(crate) deploy: DeployId,
    pub(crate) node: &'a NodeName,
    /// Its node's place in `Nodes`. None: no pool lists it.
    pub(crate) host: Option<usize>,
    pub(crate) role: Role,
    pub(crate) presence: Presence,
    /// Whether this server is acting at it just now.
    pub(crate) busy: bool,
    pub(crate) sighting: Option<&'a Sighting>,
    pub(crate) start: Option<&'a Intent>,
    pub(crate) stop: Option<&'a Intent>,
}

/// What an instance is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// An intent to start it stands, and none to stop it.
    Standing,
    /// An intent to stop it is open.
    Condemned,
    /// It was seen, and no intent stands for it.
    Stray,
    /// It has the labels of an instance and is not that.
    Copy,
    /// Its Deploy is not in the database (rule 8).
    Foreign,
}

/// Where it is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// To be started, and not seen yet.
    Awaited,
    /// Seen to be made and not to run yet.
    Created,
    Running,
    /// Its node is about to start it again.
    Restarting,
    Exited,
    /// Its node does not answer: it may run.
    Silent,
    /// Its node has failed: it counts as gone.
    Lost,
    /// It was there, and its node does not show it any more. `settle` closes it.
    Vanished,
}

impl<'a> Member<'a> {
    pub(crate) fn handle(&self) -> Option<&'a str> {
        self.sighting.map(|sighting| sighting.seen.handle.as_str())
    }

    pub(crate) fn phase(&self) -> Option<&'a Phase> {
        self.sighting.map(|sighting| &sighting.seen.phase)
    }

    /// The host port that it holds.
    pub(crate) fn port(&self) -> Option<u16> {
        let seen = self.sighting.and_then(|sighting| sighting.seen.port);
        seen.or_else(|| self.start.or(self.stop).and_then(|intent| intent.port))
    }

    pub(crate) fn registration(&self) -> Registration {
        self.sighting
            .map_or(Registration::None, |sighting| sighting.registration)
    }

    /// Running, and seen to serve.
    pub(crate) fn is_healthy(&self) -> bool {
        self.presence == Presence::Running
            && self
                .sighting
                .is_some_and(|sighting| sighting.health.is_healthy())
    }

    /// Seen not to serve. What is unknown is not that.
    pub(crate) fn is_unhealthy(&self) -> bool {
        match self.presence {
            Presence::Running => self
                .sighting
                .is_some_and(|sighting| sighting.health.is_unhealthy()),
            Presence::Created | Presence::Restarting | Presence::Exited => true,
            Presence::Awaited | Presence::Silent | Presence::Lost | Presence::Vanished => false,
        }
    }

    /// Healthy, and where it has a port, known to the catalog: what users are served by.
    pub(crate) fn is_in_service(&self) -> bool {
        self.is_healthy() && (self.port().is_none() || self.registration() == Registration::Serving)
    }

    /// Whether it counts as running, or about to.
    pub(crate) fn counts(&self) -> bool {
        match self.presence {
            Presence::Awaited
            | Presence::Created
            | Presence::Running
            | Presence::Restarting
            | Presence::Silent => true,
            Presence::Exited | Presence::Lost | Presence::Vanished => false,
        }
    }

    /// Since when it is unhealthy, and how that is known.
    pub(crate) fn unhealthy(&self) -> Option<(&'a str, Timestamp)> {
        match &self.sighting?.health {
            Health::Unhealthy(evidence) => Some((&evidence.what, evidence.since)),
            Health::Unknown | Health::Healthy(_) => None,
        }
    }

    /// Since when it is healthy.
    pub(crate) fn healthy_since(&self) -> Option<Timestamp> {
        match &self.sighting?.health {
            Health::Healthy(evidence) => Some(evidence.since),
            Health::Unknown | Health::Unhealthy(_) => None,
        }
    }
}

/// Every instance of the input once, and every copy; in order of App, Worker and instance.
pub(crate) fn join<'a>(input: &'a PlanInput, nodes: &Nodes<'a>) -> Vec<Member<'a>> {
    let members = by_instance(input, nodes);
    let mut order: Vec<(AppId, usize)> = members
        .iter()
        .enumerate()
        .map(|(at, member)| (member.app, at))
        .collect();
    order.sort_unstable();
    for app in order.chunk_by_mut(|a, b| a.0 == b.0) {
        app.sort_by(|a, b| members[a.1].worker.cmp(members[b.1].worker));
    }
    order.into_iter().map(|(_, at)| members[at]).collect()
}

fn by_instance<'a>(input: &'a PlanInput, nodes: &Nodes<'a>) -> Vec<Member<'a>> {
    let intents = in_order(
        input.intents.iter().filter(|intent| stands(intent)),
        |intent| (intent.instance, intent.kind),
    );
    let mut sightings = in_order(input.observed.iter(), |sighting| {
        (sighting.seen.instance, sighting.seen.authenticity)
    });
    for same in sightings.chunk_by_mut(|a, b| a.seen.instance == b.seen.instance) {
        same.sort_unstable_by(|a, b| identity(a).cmp(&identity(b)));
    }
    let mut members = Vec::with_capacity(sightings.len());
    let mut intents = intents.as_slice();
    let mut sightings = sightings.as_slice();
    loop {
        let next = [
            intents.first().map(|intent| intent.instance),
            sightings.first().map(|sighting| sighting.seen.instance),
        ];
        let Some(instance) = next.into_iter().flatten().min() else {
            return members;
        };
        let mine = take(&mut intents, |intent| intent.instance == instance);
        let seen = take(&mut sightings, |sighting| {
            sighting.seen.instance == instance
        });
        Joined {
            input,
            nodes,
            mine,
            seen,
            busy: input.busy.contains(&instance),
        }
        .into_members(&mut members);
    }
}

/// Whether an intent says something of an instance that may be there.
fn stands(intent: &Intent) -> bool {
    match (intent.kind, intent.state) {
        (IntentKind::Start | IntentKind::Stop, IntentState::Open)
        | (IntentKind::Start, IntentState::Done) => true,
        (IntentKind::Stop, IntentState::Done)
        | (_, IntentState::Failed | IntentState::Abandoned) => false,
    }
}

/// In order of a small key, which is kept beside the reference: what it refers to is large, and far away.
fn in_order<'a, T, K: Ord + Copy>(
    these: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> Vec<&'a T> {
    let mut keyed: Vec<(K, &T)> = these.map(|this| (key(this), this)).collect();
    keyed.sort_unstable_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, this)| this).collect()
}

fn identity(sighting: &Sighting) -> (InstanceId, Authenticity, &NodeName, &str) {
    let seen = &sighting.seen;
    (seen.instance, seen.authenticity, &seen.node, &seen.handle)
}

fn take<'s, T>(from: &mut &'s [T], is_mine: impl Fn(&T) -> bool) -> &'s [T] {
    let length = from.iter().take_while(|item| is_mine(item)).count();
    let (mine, rest) = from.split_at(length);
    *from = rest;
    mine
}

/// All that is known of one instance id.
struct Joined<'i, 'a> {
    input: &'a PlanInput,
    nodes: &'i Nodes<'a>,
    mine: &'i [&'a Intent],
    seen: &'i [&'a Sighting],
    busy: bool,
}

impl<'a> Joined<'_, 'a> {
    fn into_members(self, members: &mut Vec<Member<'a>>) {
        let start = self
            .mine
            .iter()
            .copied()
            .find(|intent| intent.kind == IntentKind::Start);
        let stop = self
            .mine
            .iter()
            .copied()
            .find(|intent| intent.kind == IntentKind::Stop);
        let home = start.or(stop).map(|intent| &intent.node);
        let original = self.seen.iter().position(|sighting| {
            sighting.seen.authenticity == Authenticity::Genuine
                && home.is_none_or(|node| *node == sighting.seen.node)
        });
        if let Some(intent) = start.or(stop) {
            let sighting = original.map(|at| self.seen[at]);
            let host = self.nodes.find(&intent.node);
            let presence = self.presence(intent, host, sighting);
            let role = match (sighting, start, stop) {
                (Some(sighting), _, _) if self.is_foreign(sighting) => Role::Foreign,
                (_, _, Some(_)) => Role::Condemned,
                (_, _, None) => Role::Standing,
            };
            members.push(Member {
                instance: intent.instance,
                app: intent.app,
                worker: &intent.worker,
                deploy: intent.deploy,
                node: &intent.node,
                host,
                role,
                presence,
                busy: self.busy,
                sighting,
                start,
                stop,
            });
        }
        for (at, sighting) in self.seen.iter().enumerate() {
            let is_original = original == Some(at);
            if is_original && home.is_some() {
                continue;
            }
            let role = match (self.is_foreign(sighting), is_original) {
                (true, _) => Role::Foreign,
                (false, true) => Role::Stray,
                (false, false) => Role::Copy,
            };
            members.push(self.unintended(sighting, role));
        }
    }

    fn is_foreign(&self, sighting: &Sighting) -> bool {
        !self.input.known_deploys.contains(&sighting.seen.deploy)
    }

    fn unintended(&self, sighting: &'a Sighting, role: Role) -> Member<'a> {
        let seen = &sighting.seen;
        let host = self.nodes.find(&seen.node);
        Member {
            instance: seen.instance,
            app: seen.app,
            worker: &seen.worker,
            deploy: seen.deploy,
            node: &seen.node,
            host,
            role,
            presence: match self.nodes.reach(self.input, seen.app, host) {
                Reach::Answers | Reach::Lost => presence_of(&seen.phase),
                Reach::Silent => Presence::Silent,
            },
            busy: self.busy,
            sighting: Some(sighting),
            start: None,
            stop: None,
        }
    }

    fn presence(
        &self,
        intent: &Intent,
        host: Option<usize>,
        sighting: Option<&Sighting>,
    ) -> Presence {
        let reach = self.nodes.reach(self.input, intent.app, host);
        match (reach, sighting) {
            (Reach::Answers, Some(sighting)) => presence_of(&sighting.seen.phase),
            (Reach::Answers, None) => match (intent.kind, intent.state) {
                (IntentKind::Start, IntentState::Open) => Presence::Awaited,
                // Looked at in the middle of an act, it may be there in a moment.
                (IntentKind::Start | IntentKind::Stop, _) if self.busy => Presence::Silent,
                (IntentKind::Start | IntentKind::Stop, _) => Presence::Vanished,
            },
            (Reach::Silent, _) => Presence::Silent,
            (Reach::Lost, _) => Presence::Lost,
        }
    }
}

fn presence_of(phase: &Phase) -> Presence {
    match phase {
        Phase::Created => Presence::Created,
        // It is there and takes its room; that it does not serve, its health says.
        Phase::Running { .. } | Phase::Paused { .. } => Presence::Running,
        Phase::Restarting { .. } => Presence::Restarting,
        Phase::Exited { .. } => Presence::Exited,
    }
}
