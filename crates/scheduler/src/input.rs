//! All that a plan is made of.

use domain::{
    AppId, AppName, ByteSize, Cause, CommitSha, CpuMillis, DeployId, DeployState, EnvironmentId,
    Health, InstanceEnd, InstanceId, Intent, Node, NodeName, ObservedInstance, Scale, StackId,
    Timestamp, WorkerSpec,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    time::Duration,
};

/// One Environment: what is wanted, what was seen, what was set out to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanInput {
    pub now: Timestamp,
    /// Source of instance ids. Another one for each plan.
    pub seed: u64,
    pub environment: EnvironmentId,
    /// In order of id. An App that nothing is wanted of is here too while instances of it are seen.
    pub apps: Vec<DesiredApp>,
    /// Every instance of this Installation and Environment that was seen. The order does not matter.
    pub observed: Vec<Sighting>,
    /// Every intent that is open, and every start that is done and whose instance is not known to be gone.
    pub intents: Vec<Intent>,
    /// Instances at which this server is acting just now: nothing is planned for them, and an open start among them
    /// counts as starting.
    pub busy: BTreeSet<InstanceId>,
    /// Those Deploys named by what was observed that are in the database. Any other is unknown (rule 8).
    pub known_deploys: BTreeSet<DeployId>,
    /// How instances ended lately: of the Deploys that are wanted, newest last. Failures follow each other at most
    /// `Policy::forget_after` apart, so reach back further than that: an hour is enough for the longest wait.
    pub ends: Vec<InstanceEnd>,
    /// The nodes of each Stack's pool in this Environment, in order of name.
    pub pools: BTreeMap<StackId, Vec<PoolNode>>,
    /// Nodes that have left every pool, on which instances of this Environment stood lately, and which answer. What is
    /// there goes once others serve in its place.
    pub left: Vec<PoolNode>,
    /// Nodes of which a person says that they are gone for good, listed or not.
    pub given_up: BTreeSet<NodeName>,
    /// For how long programs of nodes let the singletons of their hosts run yet, of those nodes that have one. Zero: the
    /// lease has run out, and what was started with a number there was stopped.
    pub leases: BTreeMap<NodeName, Duration>,
    /// How many nodes each pool had when it was last believed. One of which nothing is remembered had as many as it has.
    pub remembered: BTreeMap<StackId, u32>,
    /// Pools that a person wants evened out, each with how many of its instances may be on the move at once: 1 or more.
    pub rebalances: BTreeMap<StackId, u16>,
    pub policy: Policy,
}

/// What is wanted of one App in this Environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredApp {
    pub app: AppId,
    pub name: AppName,
    pub stack: StackId,
    /// The Deploy that is to run: the one that is `deploying`, else the one that is `deployed`. None: nothing is.
    pub deploy: Option<DesiredDeploy>,
}

/// The Deploy that is to run, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredDeploy {
    pub id: DeployId,
    /// Earlier Deploys of the same Release: their instances are as good as its own, and are not replaced.
    pub also: BTreeSet<DeployId>,
    pub state: DeployState,
    /// With how many new instances of each Worker it begins.
    pub opening: Opening,
    pub commit: CommitSha,
    /// When it has to be healthy, while it is `deploying`.
    pub deadline: Option<Timestamp>,
    /// Each Worker of the Release, with the scale it has now. In order of name.
    pub workers: Vec<DesiredWorker>,
}

/// How many new instances of a Worker a Deploy starts before one of them has shown that it gets healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Opening {
    /// As many as the surge permits.
    #[default]
    Surge,
    /// One, whatever the surge permits.
    One,
}

/// One Worker of the Release, with the scale it has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredWorker {
    pub spec: WorkerSpec,
    pub scale: Scale,
    /// Set by a restart: instances started before it are replaced. A restart is a replacement.
    pub restart_before: Option<Timestamp>,
    /// Whether a restart is of all instances, or only of those that are not healthy.
    pub restart_only: RestartOnly,
}

/// Which instances a restart replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartOnly {
    /// Every one.
    #[default]
    All,
    /// Those that were unhealthy when it was asked for, and are.
    Unhealthy,
    /// Those that were healthy when it was asked for, and are.
    Healthy,
}

/// One instance that was seen, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub seen: ObservedInstance,
    pub health: Health,
    pub registration: Registration,
}

/// Whether the catalog sends traffic to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Registration {
    /// It does not know it.
    #[default]
    None,
    /// It knows it and sends no traffic.
    Maintenance,
    /// It sends traffic.
    Serving,
}

/// One node of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolNode {
    pub node: Node,
    /// Whether its instances are in `observed`. What stands on a node that did not answer is unknown (rule 5).
    pub answered: Answered,
    /// What instances of other Environments take of it.
    pub others: Load,
    /// Host ports that may not be chosen: of other Environments' instances, and those found taken by strangers.
    pub taken_ports: BTreeSet<u16>,
}

/// Whether a node answered when it was asked for its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Yes,
    No,
}

/// What instances take of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    pub instances: u32,
    pub memory: ByteSize,
    pub cpu: CpuMillis,
}

/// Limits that are settings of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Host ports to choose from. Default 20000 to 29999, below the range from which Linux takes ephemeral ports.
    pub ports: RangeInclusive<u16>,
    /// How many of a Deploy's instances may die while it is deploying, before it fails, those that die at once each counted.
    /// Default 3, at least 1.
    pub deaths_allowed: u32,
    /// Wait before a start after a failure; it doubles with each further one. Default 1 s.
    pub backoff_first: Duration,
    /// The longest such wait. Default 5 min.
    pub backoff_max: Duration,
    /// A Worker that has not failed for this long has its failures forgotten. Default 10 min, longer than
    /// `backoff_max`: the wait for the next attempt is no such quiet.
    pub forget_after: Duration,
    /// When more than this share of the Environment's instances, in percent, is unhealthy at once, replacing halts
    /// (rule 6). Default 50. Counts only where at least `halt_at_least` are unhealthy.
    pub halt_above_percent: u32,
    /// Default 3.
    pub halt_at_least: u32,
    /// Pools of whose nodes fewer than this share, in percent, answer are not believed: nothing is moved. Default 50.
    /// Counted of the nodes that the pool shows, or of those that it had when it was last believed, if they were more.
    pub believe_percent: u32,
    /// How long a pool has to show too few nodes to be believed after all. Default 5 min: longer than a catalog takes to
    /// come back with its state, and soon enough for who has taken most of a pool away. One that shows none never is.
    pub believe_after: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ports: 20_000..=29_999,
            deaths_allowed: 3,
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            forget_after: Duration::from_secs(600),
            halt_above_percent: 50,
            halt_at_least: 3,
            believe_percent: 50,
            believe_after: Duration::from_secs(300),
        }
    }
}

impl Opening {
    /// That of a Deploy with this cause: what a changed variable does shows in one instance as well as in all.
    #[must_use]
    pub const fn of(cause: Cause) -> Self {
        match cause {
            Cause::Config => Self::One,
            Cause::Commit | Cause::Worker | Cause::Rollback | Cause::Push => Self::Surge,
        }
    }
}

impl DesiredDeploy {
    /// Whether an instance of this Deploy runs what is wanted.
    #[must_use]
    pub fn covers(&self, deploy: DeployId) -> bool {
        self.id == deploy || self.also.contains(&deploy)
    }
}

impl PlanInput {
    /// The desired App of this id.
    #[must_use]
    pub fn app(&self, id: AppId) -> Option<&DesiredApp> {
        self.apps
            .binary_search_by_key(&id, |app| app.app)
            .ok()
            .map(|at| &self.apps[at])
    }

    /// Whether a node's program has had a lease, and let it run out.
    #[must_use]
    pub fn has_lapsed(&self, node: &NodeName) -> bool {
        self.leases.get(node).is_some_and(Duration::is_zero)
    }

    /// The node of this name, in whichever pool.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&PoolNode> {
        self.pools
            .values()
            .flatten()
            .find(|pool_node| pool_node.node.name == *name)
    }
}
