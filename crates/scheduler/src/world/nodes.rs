//! The nodes of all pools, each once.

use super::slots::Slots;
use crate::{
    input::{Answered, PlanInput, PoolNode},
    plan::RefusalReason,
    seed,
};
use domain::{
    AppId, NodeName, StackId,
    node::{Duty, NodeState},
};
use std::collections::BTreeMap;

/// Whether what stands on a node can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It answered: what was not seen on it is not there.
    Answers,
    /// It did not: what stands on it is unknown (rule 5).
    Silent,
    /// It has failed: what stands on it is lost (rule 4).
    Lost,
    /// It does not answer, and a person says that it is gone for good: nothing stands on it any more.
    GivenUp,
}

/// How many nodes of a pool answer and are not called failed, of those that it has, or had when it was last believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turnout {
    pub(crate) answering: u32,
    pub(crate) known: u32,
    pub(crate) believed: bool,
}

/// The nodes of all pools, and those that have left them, in order of name. On one machine it is one node that is in every
/// pool.
pub(crate) struct Nodes<'a> {
    hosts: Vec<&'a PoolNode>,
    /// Where each is in `hosts`, by a hash of its name: every instance is looked up here.
    places: Slots,
    /// Those that have left every pool.
    left: &'a [PoolNode],
    turnouts: BTreeMap<StackId, Turnout>,
}

impl<'a> Nodes<'a> {
    pub(crate) fn new(input: &'a PlanInput) -> Self {
        let mut hosts: Vec<&PoolNode> = input.pools.values().flatten().chain(&input.left).collect();
        hosts.sort_by(|a, b| a.node.name.cmp(&b.node.name));
        hosts.dedup_by(|a, b| a.node.name == b.node.name);
        let believe = input.policy.believe_percent;
        let turnouts = input
            .pools
            .iter()
            .map(|(stack, pool)| {
                let remembered = input.remembered.get(stack).copied().unwrap_or(0);
                (*stack, Turnout::of(pool, remembered, believe))
            })
            .collect();
        let mut places = Slots::for_at_most(hosts.len());
        for (at, host) in hosts.iter().enumerate() {
            places.insert(seed::hash(host.node.name.as_str()), at);
        }
        Self {
            hosts,
            places,
            left: &input.left,
            turnouts,
        }
    }

    pub(crate) fn find(&self, name: &NodeName) -> Option<usize> {
        self.places
            .having(seed::hash(name.as_str()))
            .find(|at| self.hosts[*at].node.name == *name)
    }

    pub(crate) fn hosts(&self) -> &[&'a PoolNode] {
        &self.hosts
    }

    /// What can be seen of a node that an instance of this App stands on. One that the pool does not list is as lost as
    /// one that failed; but a pool of which too few answer is not believed when it says so.
    pub(crate) fn reach(
        &self,
        input: &PlanInput,
        app: AppId,
        name: &NodeName,
        host: Option<usize>,
    ) -> Reach {
        let host = host.map(|at| self.hosts[at]);
        let failed = match host {
            Some(host) if host.answered == Answered::Yes => return Reach::Answers,
            Some(_) | None if input.given_up.contains(name) => return Reach::GivenUp,
            Some(host) => host.node.state == NodeState::Failed,
            None => true,
        };
        let app = input.app(app).filter(|_| failed);
        if app.is_some_and(|app| self.turnout(app.stack).believed) {
            Reach::Lost
        } else {
            Reach::Silent
        }
    }

    pub(crate) fn turnout(&self, stack: StackId) -> Turnout {
        self.turnouts
            .get(&stack)
            .copied()
            .unwrap_or_else(|| Turnout::of(&[], 0, 100))
    }

    /// Whether new instances may go there.
    pub(crate) fn takes_new(&self, host: Option<usize>) -> bool {
        host.is_some_and(|at| refusal(self.hosts[at]).is_none() && !self.has_left(self.hosts[at]))
    }

    fn has_left(&self, host: &PoolNode) -> bool {
        self.left
            .iter()
            .any(|left| left.node.name == host.node.name)
    }

    /// Whether those that are there are to go elsewhere. One that the catalog calls failed, or tells of no more, and that
    /// answers all the same, is not trusted with them any longer.
    pub(crate) fn is_emptied(&self, host: Option<usize>) -> Option<Emptied> {
        let host = self.hosts[host?];
        if self.has_left(host) {
            return Some(Emptied::Left);
        }
        let node = &host.node;
        match (node.duty, node.state) {
            (Duty::Draining, _) => Some(Emptied::Draining),
            (Duty::GivenUp, _) => Some(Emptied::GivenUp),
            (_, NodeState::Failed) => Some(Emptied::Failed),
            (Duty::Serving | Duty::Cordoned, NodeState::Alive | NodeState::Silent) => None,
        }
    }
}

/// Why a node is to be emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emptied {
    Draining,
    Failed,
    Left,
    GivenUp,
}

/// Why a node takes nothing new, whatever it is. None: it does.
pub(crate) fn refusal(host: &PoolNode) -> Option<RefusalReason> {
    match (host.node.state, host.node.duty, host.answered) {
        (_, Duty::GivenUp, _) => Some(RefusalReason::GivenUp),
        (NodeState::Failed, _, _) => Some(RefusalReason::Failed),
        (_, Duty::Draining, _) => Some(RefusalReason::Draining),
        (_, Duty::Cordoned, _) => Some(RefusalReason::Cordoned),
        (NodeState::Silent, _, _) | (_, _, Answered::No) => Some(RefusalReason::Silent),
        (NodeState::Alive, Duty::Serving, Answered::Yes) => None,
    }
}

impl Turnout {
    /// `remembered`: how many nodes the pool had when it was last believed.
    fn of(pool: &[PoolNode], remembered: u32, believe_percent: u32) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // A catalog that calls most of a pool failed is doubted, too, whether those answer or not.
        let answering = number(
            pool.iter()
                .filter(|host| {
                    host.answered == Answered::Yes
                        && host.node.state != NodeState::Failed
                        && host.node.duty != Duty::GivenUp
                })
                .count(),
        );
        // One that is gone for good is missed by nobody.
        let gone = pool.iter().filter(|host| host.node.duty == Duty::GivenUp);
        let known = number(pool.len()).max(remembered) - number(gone.count());
        let believed = known > 0
            && u64::from(answering) * 100 >= u64::from(known) * u64::from(believe_percent);
        Self {
            answering,
            known,
            believed,
        }
    }
}
