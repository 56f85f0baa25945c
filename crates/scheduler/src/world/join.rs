//! Joins what was seen with what is on record: each instance once.

use super::{Member, Nodes, Presence, Reach, Role, slots::Slots};
use crate::{
    input::{PlanInput, Sighting},
    seed,
};
use domain::{
    DeployId, InstanceId, Intent, IntentKind, IntentState, NodeName, WorkerName,
    observed::{Authenticity, Phase},
};
use std::ops::Range;

/// Every instance of the input once, and every copy and twin; in order of App, Worker and instance. With the range of each Worker.
pub(crate) fn join<'a>(
    input: &'a PlanInput,
    nodes: &Nodes<'a>,
) -> (Vec<Member<'a>>, Vec<Range<usize>>) {
    let members = by_instance(input, nodes);
    let mut order: Vec<_> = members
        .iter()
        .enumerate()
        .map(|(at, member)| {
            let worker = (member.app, initials(member.worker));
            (worker, member.instance, at)
        })
        .collect();
    order.sort_unstable();
    let (mut ranges, mut from) = (Vec::new(), 0);
    for alike in order.chunk_by_mut(|a, b| a.0 == b.0) {
        let name = |at: usize| members[at].worker;
        if alike
            .iter()
            .all(|(_, _, at)| name(*at).as_str().len() <= INITIALS)
        {
            ranges.push(from..from + alike.len());
        } else {
            alike.sort_by(|a, b| name(a.2).cmp(name(b.2)));
            let mut within = from;
            for same in alike.chunk_by(|a, b| name(a.2) == name(b.2)) {
                ranges.push(within..within + same.len());
                within += same.len();
            }
        }
        from += alike.len();
    }
    let members = order.into_iter().map(|(_, _, at)| members[at]).collect();
    (members, ranges)
}

const INITIALS: usize = 8;

/// The beginning of a name, which decides nearly every comparison without a look at the name itself: that lies far away.
fn initials(name: &WorkerName) -> [u8; INITIALS] {
    let mut initials = [0; INITIALS];
    let bytes = name.as_str().as_bytes();
    let length = bytes.len().min(INITIALS);
    initials[..length].copy_from_slice(&bytes[..length]);
    initials
}

/// What the input has of one instance id.
struct Known<'a> {
    instance: InstanceId,
    start: Option<&'a Intent>,
    stop: Option<&'a Intent>,
    seen: Option<&'a Sighting>,
}

/// What the input has of each instance id, in the order in which it has them: it is large, and dear to jump about in.
struct Gathered<'a> {
    known: Vec<Known<'a>>,
    slots: Slots,
    /// Further sightings of one that was seen before: copies. There are few, if any.
    twins: Vec<&'a Sighting>,
}

impl<'a> Gathered<'a> {
    fn of(input: &'a PlanInput) -> Self {
        let most = input.intents.len() + input.observed.len();
        let mut all = Self {
            known: Vec::with_capacity(input.intents.len()),
            slots: Slots::for_at_most(most),
            twins: Vec::new(),
        };
        for intent in input.intents.iter().filter(|intent| stands(intent)) {
            let known = all.entry(intent.instance);
            match intent.kind {
                IntentKind::Start => known.start = known.start.or(Some(intent)),
                IntentKind::Stop => known.stop = known.stop.or(Some(intent)),
            }
        }
        for sighting in &input.observed {
            let known = all.entry(sighting.seen.instance);
            match known.seen {
                None => known.seen = Some(sighting),
                Some(_) => all.twins.push(sighting),
            }
        }
        all
    }

    fn entry(&mut self, instance: InstanceId) -> &mut Known<'a> {
        let hash = seed::scatter(instance);
        let known = &self.known;
        let found = self
            .slots
            .having(hash)
            .find(|at| known[*at].instance == instance);
        let at = found.unwrap_or_else(|| {
            self.slots.insert(hash, self.known.len());
            self.known.push(Known {
                instance,
                start: None,
                stop: None,
                seen: None,
            });
            self.known.len() - 1
        });
        &mut self.known[at]
    }

    /// All sightings of one that was seen several times, in order; none of another.
    fn twins(&self, known: &Known<'a>) -> Vec<&'a Sighting> {
        let others = self.twins.iter().copied();
        let mut twins: Vec<_> = others
            .filter(|twin| twin.seen.instance == known.instance)
            .collect();
        if !twins.is_empty() {
            twins.extend(known.seen);
            twins.sort_unstable_by(|a, b| identity(a).cmp(&identity(b)));
        }
        twins
    }
}

fn by_instance<'a>(input: &'a PlanInput, nodes: &Nodes<'a>) -> Vec<Member<'a>> {
    let known_deploys: Vec<DeployId> = input.known_deploys.iter().copied().collect();
    let all = Gathered::of(input);
    let mut members = Vec::with_capacity(all.known.len());
    for known in &all.known {
        let twins = all.twins(known);
        let joined = Joined {
            input,
            nodes,
            known_deploys: &known_deploys,
            start: known.start,
            stop: known.stop,
            seen: if twins.is_empty() {
                known.seen.as_slice()
            } else {
                &twins
            },
            busy: input.busy.contains(&known.instance),
        };
        joined.into_members(&mut members);
    }
    members
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

fn identity(sighting: &Sighting) -> (InstanceId, Authenticity, &NodeName, &str) {
    let seen = &sighting.seen;
    (seen.instance, seen.authenticity, &seen.node, &seen.handle)
}

/// All that is known of one instance id.
struct Joined<'i, 'a> {
    input: &'a PlanInput,
    nodes: &'i Nodes<'a>,
    /// In order: every sighting is looked up here.
    known_deploys: &'i [DeployId],
    start: Option<&'a Intent>,
    stop: Option<&'a Intent>,
    seen: &'i [&'a Sighting],
    busy: bool,
}

impl<'a> Joined<'_, 'a> {
    fn into_members(self, members: &mut Vec<Member<'a>>) {
        let (start, stop) = (self.start, self.stop);
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
                (false, false) if self.is_twin(sighting, original) => Role::Twin,
                (false, false) => Role::Copy,
            };
            members.push(self.unintended(sighting, role));
        }
    }

    fn is_foreign(&self, sighting: &Sighting) -> bool {
        self.known_deploys
            .binary_search(&sighting.seen.deploy)
            .is_err()
    }

    /// Whether one that is not the original is the same container all the same, as the other node's name for it says. While
    /// the original's own node is silent, nobody knows.
    fn is_twin(&self, sighting: &Sighting, original: Option<usize>) -> bool {
        let same = match original {
            Some(at) => self.seen[at].seen.handle == sighting.seen.handle,
            None => self.start.or(self.stop).is_some_and(|intent| {
                let host = self.nodes.find(&intent.node);
                self.nodes.reach(self.input, intent.app, &intent.node, host) == Reach::Silent
            }),
        };
        same && sighting.seen.authenticity == Authenticity::Genuine
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
            presence: match self.nodes.reach(self.input, seen.app, &seen.node, host) {
                Reach::Answers | Reach::Lost | Reach::GivenUp => presence_of(&seen.phase),
                Reach::Silent => Presence::Silent,
            },
            busy: self.busy,
            sighting: Some(sighting),
            start: None,
            stop: None,
        }
    }

    /// Whether the program of its node, could it be seen, has stopped it. Not one that this server is about to start there:
    /// that may come late.
    fn has_lapsed(&self) -> bool {
        let numbered = self.start.filter(|start| start.fence.is_some());
        !self.busy && numbered.is_some_and(|start| self.input.has_lapsed(&start.node))
    }

    fn presence(
        &self,
        intent: &Intent,
        host: Option<usize>,
        sighting: Option<&Sighting>,
    ) -> Presence {
        let reach = self.nodes.reach(self.input, intent.app, &intent.node, host);
        match (reach, sighting) {
            (Reach::Answers, Some(sighting)) => presence_of(&sighting.seen.phase),
            (Reach::Answers, None) => match (intent.kind, intent.state) {
                (IntentKind::Start, IntentState::Open) => Presence::Awaited,
                // Looked at in the middle of an act, it may be there in a moment.
                (IntentKind::Start | IntentKind::Stop, _) if self.busy => Presence::Silent,
                (IntentKind::Start | IntentKind::Stop, _) => Presence::Vanished,
            },
            (Reach::Silent | Reach::Lost, _) if self.has_lapsed() => Presence::Lapsed,
            (Reach::Silent, _) => Presence::Silent,
            (Reach::Lost, _) => Presence::Lost,
            (Reach::GivenUp, _) => Presence::GivenUp,
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
