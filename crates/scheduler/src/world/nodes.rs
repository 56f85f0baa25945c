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
}

/// How many nodes of a pool answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turnout {
    pub(crate) answering: u32,
    pub(crate) known: u32,
    pub(crate) believed: bool,
}

/// The nodes of all pools, in order of name. On one machine it is one node that is in every pool.
pub(crate) struct Nodes<'a> {
    hosts: Vec<&'a PoolNode>,
    /// Where each is in `hosts`, by a hash of its name: every instance is looked up here.
    places: Slots,
    turnouts: BTreeMap<StackId, Turnout>,
}

impl<'a> Nodes<'a> {
    pub(crate) fn new(input: &'a PlanInput) -> Self {
        let mut hosts: Vec<&PoolNode> = input.pools.values().flatten().collect();
        hosts.sort_by(|a, b| a.node.name.cmp(&b.node.name));
        hosts.dedup_by(|a, b| a.node.name == b.node.name);
        let believe = input.policy.believe_percent;
        let turnouts = input
            .pools
            .iter()
            .map(|(stack, pool)| (*stack, Turnout::of(pool, believe)))
            .collect();
        let mut places = Slots::for_at_most(hosts.len());
        for (at, host) in hosts.iter().enumerate() {
            places.insert(seed::hash(host.node.name.as_str()), at);
        }
        Self {
            hosts,
            places,
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
    pub(crate) fn reach(&self, input: &PlanInput, app: AppId, host: Option<usize>) -> Reach {
        let host = host.map(|at| self.hosts[at]);
        let failed = match host {
            Some(host) if host.answered == Answered::Yes => return Reach::Answers,
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
            .unwrap_or_else(|| Turnout::of(&[], 100))
    }

    /// Whether new instances may go there.
    pub(crate) fn takes_new(&self, host: Option<usize>) -> bool {
        host.is_some_and(|at| refusal(self.hosts[at]).is_none())
    }

    /// Whether those that are there are to go elsewhere. One that the catalog calls failed, and that answers all the
    /// same, is not trusted with them any longer.
    pub(crate) fn is_emptied(&self, host: Option<usize>) -> Option<Emptied> {
        let node = &self.hosts[host?].node;
        match (node.duty, node.state) {
            (Duty::Draining, _) => Some(Emptied::Draining),
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
}

/// Why a node takes nothing new, whatever it is. None: it does.
pub(crate) fn refusal(host: &PoolNode) -> Option<RefusalReason> {
    match (host.node.state, host.node.duty, host.answered) {
        (NodeState::Failed, _, _) => Some(RefusalReason::Failed),
        (_, Duty::Draining, _) => Some(RefusalReason::Draining),
        (_, Duty::Cordoned, _) => Some(RefusalReason::Cordoned),
        (NodeState::Silent, _, _) | (_, _, Answered::No) => Some(RefusalReason::Silent),
        (NodeState::Alive, Duty::Serving, Answered::Yes) => None,
    }
}

impl Turnout {
    fn of(pool: &[PoolNode], believe_percent: u32) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let answering = number(
            pool.iter()
                .filter(|host| host.answered == Answered::Yes)
                .count(),
        );
        let known = number(pool.len());
        let believed = known > 0
            && u64::from(answering) * 100 >= u64::from(known) * u64::from(believe_percent);
        Self {
            answering,
            known,
            believed,
        }
    }
}
