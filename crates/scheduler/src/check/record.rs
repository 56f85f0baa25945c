//! The input, looked up.

use crate::{
    input::{Answered, PlanInput, PoolNode, Registration, Sighting},
    plan::{Action, Step},
};
use domain::{
    InstanceId, Intent, IntentKind, IntentState, NodeName,
    node::NodeState,
    observed::{Authenticity, Phase},
};
use std::collections::BTreeMap;

/// The input, looked up.
pub(super) struct Record<'a> {
    pub(super) input: &'a PlanInput,
    nodes: BTreeMap<&'a NodeName, &'a PoolNode>,
    starts: BTreeMap<InstanceId, &'a Intent>,
    stops: BTreeMap<InstanceId, &'a Intent>,
    sightings: BTreeMap<InstanceId, Vec<&'a Sighting>>,
}

impl<'a> Record<'a> {
    pub(super) fn of(input: &'a PlanInput) -> Self {
        let of_kind = |kind: IntentKind| {
            input
                .intents
                .iter()
                .filter(move |intent| intent.kind == kind)
                .filter(|intent| match intent.state {
                    IntentState::Open => true,
                    IntentState::Done => intent.kind == IntentKind::Start,
                    IntentState::Failed | IntentState::Abandoned => false,
                })
                .map(|intent| (intent.instance, intent))
        };
        let mut sightings: BTreeMap<InstanceId, Vec<&Sighting>> = BTreeMap::new();
        for sighting in &input.observed {
            sightings
                .entry(sighting.seen.instance)
                .or_default()
                .push(sighting);
        }
        let nodes = input.pools.values().flatten();
        Self {
            input,
            nodes: nodes.map(|host| (&host.node.name, host)).collect(),
            starts: of_kind(IntentKind::Start).collect(),
            stops: of_kind(IntentKind::Stop).collect(),
            sightings,
        }
    }

    pub(super) fn node(&self, name: &NodeName) -> Option<&'a PoolNode> {
        self.nodes.get(name).copied()
    }

    pub(super) fn answered(&self, name: &NodeName) -> bool {
        // What stands on a node that has left serves until it is replaced.
        let left = || self.input.left.iter().find(|host| host.node.name == *name);
        let host = self.node(name).or_else(left);
        host.is_some_and(|host| host.answered == Answered::Yes)
    }

    pub(super) fn start_of(&self, instance: InstanceId) -> Option<&'a Intent> {
        self.starts.get(&instance).copied()
    }

    pub(super) fn is_condemned(&self, instance: InstanceId) -> bool {
        self.stops.contains_key(&instance)
    }

    /// Every intent that holds room on its node: one for each instance.
    pub(super) fn reservations(&self) -> impl Iterator<Item = &'a Intent> {
        let without_start = self
            .stops
            .values()
            .filter(|stop| !self.starts.contains_key(&stop.instance));
        self.starts.values().chain(without_start).copied()
    }

    /// Intents to start whose instances may run, for all that is known.
    pub(super) fn perhaps_running(&self) -> impl Iterator<Item = &'a Intent> {
        self.starts.values().copied().filter(|start| {
            let home = self.home_of(start);
            !home.is_some_and(|home| home.seen.phase.is_exited())
        })
    }

    /// Intents to start that nothing speaks against: what they started runs, as far as is known, or is about to.
    pub(super) fn running(&self) -> impl Iterator<Item = &'a Intent> {
        self.starts.values().copied().filter(|start| {
            let home = self.home_of(start);
            let known = home.is_none_or(|s| self.input.known_deploys.contains(&s.seen.deploy));
            known
                && match home.map(|sighting| &sighting.seen.phase) {
                    _ if self.has_lapsed(start) => false,
                    Some(Phase::Exited { .. }) if self.answered(&start.node) => false,
                    Some(_) => self.answered(&start.node) || !self.has_failed(&start.node),
                    None if self.answered(&start.node) => {
                        start.state == IntentState::Open
                            || self.input.busy.contains(&start.instance)
                    }
                    None => !self.has_failed(&start.node),
                }
        })
    }

    /// Intents to start of which somebody would have to say that what they started is gone: its node, the end of a lease by
    /// which it ran there, or a person.
    pub(super) fn not_shown_gone(&self) -> impl Iterator<Item = &'a Intent> {
        self.perhaps_running().filter(|start| {
            let there = self.home_of(start).is_some()
                || start.state == IntentState::Open
                || self.input.busy.contains(&start.instance);
            match self.answered(&start.node) {
                true => there,
                false => !self.input.given_up.contains(&start.node) && !self.has_lapsed(start),
            }
        })
    }

    /// Whether the program of its node has stopped what it started.
    fn has_lapsed(&self, start: &Intent) -> bool {
        start.fence.is_some()
            && !self.answered(&start.node)
            && !self.input.busy.contains(&start.instance)
            && self.input.has_lapsed(&start.node)
    }

    fn has_failed(&self, name: &NodeName) -> bool {
        let host = self.node(name);
        self.input.given_up.contains(name)
            || host.is_none_or(|host| host.node.state == NodeState::Failed)
    }

    /// The sighting that an intent is about.
    pub(super) fn home_of(&self, intent: &Intent) -> Option<&'a Sighting> {
        self.sightings_of(intent.instance).find(|sighting| {
            sighting.seen.node == intent.node && sighting.seen.authenticity == Authenticity::Genuine
        })
    }

    pub(super) fn sightings_of(&self, instance: InstanceId) -> impl Iterator<Item = &'a Sighting> {
        self.sightings.get(&instance).into_iter().flatten().copied()
    }

    /// What a step acts at, where that was seen: the original, though the step names it by another node that shows it.
    pub(super) fn sighting(&self, step: &Step) -> Option<&'a Sighting> {
        let mut sightings = self.sightings_of(step.instance);
        let named = sightings.find(|sighting| {
            sighting.seen.node == step.node && Some(&sighting.seen.handle) == step.handle.as_ref()
        })?;
        Some(self.original_of(named).unwrap_or(named))
    }

    /// The original of a sighting that is the same container, seen at its own node: itself, or that of which it is a twin.
    pub(super) fn original_of(&self, sighting: &Sighting) -> Option<&'a Sighting> {
        let instance = sighting.seen.instance;
        let intent = self
            .starts
            .get(&instance)
            .or_else(|| self.stops.get(&instance))?;
        let same = |home: &&Sighting| {
            sighting.seen.authenticity == Authenticity::Genuine
                && home.seen.handle == sighting.seen.handle
        };
        self.home_of(intent).filter(same)
    }

    /// Whether it serves users: an instance that is meant to, runs, is healthy, and is known where it has a port.
    pub(super) fn serves(&self, sighting: &Sighting) -> bool {
        let seen = &sighting.seen;
        let meant = self
            .start_of(seen.instance)
            .is_some_and(|start| start.node == seen.node);
        meant
            && !self.is_condemned(seen.instance)
            && seen.authenticity == Authenticity::Genuine
            && self.input.known_deploys.contains(&seen.deploy)
            && self.answered(&seen.node)
            && seen.phase.is_running()
            && sighting.health.is_healthy()
            && (seen.port.is_none() || sighting.registration == Registration::Serving)
    }
}

/// A start that is not on record yet.
pub(super) fn is_new_start(step: &Step, record: &Record<'_>) -> bool {
    matches!(step.action, Action::Start { .. }) && record.start_of(step.instance).is_none()
}
