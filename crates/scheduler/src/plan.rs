//! A plan: what to do now, what may not be done yet, and why.
//!
//! One rule of the design, one file here. They are applied to each Worker in turn, in the order of `crew`.

mod draft;
mod end;
mod fates;
mod hold_unknown;
mod keep_healthy;
mod misplaced;
mod one_first;
mod prove_first;
mod rebalance;
mod render;
pub(crate) mod replace_unhealthy;
mod serve;
mod singleton;
mod start_missing;
mod stop_superseded;
mod stop_surplus;
mod sweep_strays;
mod why;

use crate::{
    input::PlanInput,
    place::Placed,
    world::{Crew, World},
};
use domain::{
    AppId, ByteSize, DeployId, InstanceId, NodeName, Scale, StackId, Timestamp, WorkerName,
    observed::RestartPolicy,
    worker::{Constraint, NamedPorts},
};
use draft::Draft;
use fates::Fates;
use keep_healthy::KeepHealthy;
use prove_first::Proof;
use std::{collections::BTreeSet, time::Duration};

/// What to do now, and what is held back. Empty when the world matches (rule 10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Steps that may be performed at once and in any order. The world is observed and planned again after each.
    pub steps: Vec<Step>,
    /// What it would do but may not yet.
    pub held: Vec<Held>,
    /// When to plan again though nothing happens: a drain, a settle time or a backoff ends then.
    pub wake_at: Option<Timestamp>,
    /// Those pools of `PlanInput::rebalances` in which nothing moves and nothing is left to move.
    pub even: BTreeSet<StackId>,
}

impl Plan {
    /// Whether there is nothing to do and nothing held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.held.is_empty()
    }
}

/// What to do now. Pure: same input, same plan, in whichever order its lists are.
#[must_use]
pub fn plan(input: &PlanInput) -> Plan {
    let world = World::new(input);
    let mut draft = Draft::new(&world);
    for squad in world.squads() {
        let proof = Proof::of(&world, squad);
        if let Some(deadline) = squad.deadline() {
            draft.wake_at(deadline);
        }
        for crew in world.crews(squad) {
            plan_crew(&mut draft, crew, &proof);
        }
    }
    draft.finish()
}

/// The steps for one Worker. Nothing is condemned but within what `KeepHealthy` has left, so that the steps may be
/// performed in any order; each rule may rely on what those before it have spent.
fn plan_crew<'a>(draft: &mut Draft<'_, 'a>, crew: Crew<'_, 'a>, proof: &Proof) {
    let mut healthy = KeepHealthy::of(&crew);
    hold_unknown::apply(draft, &crew);
    end::apply(draft, &crew);
    sweep_strays::apply(draft, &crew, &mut healthy);
    stop_superseded::apply(draft, &crew, &mut healthy, proof);
    let fates = Fates::of(draft, &crew);
    stop_surplus::apply(draft, &crew, &mut healthy, &fates);
    start_missing::apply(draft, &crew, &fates);
    rebalance::apply(draft, &crew);
    serve::apply(draft, &crew);
}

/// One thing to do to one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    pub instance: InstanceId,
    /// What the node calls the instance, where it has been seen. A copy of an instance's labels is told apart by it.
    pub handle: Option<String>,
    pub node: NodeName,
    pub app: AppId,
    pub worker: WorkerName,
    pub deploy: DeployId,
    pub why: Why,
    /// Of a start that is put somewhere by this plan: what spoke for its node.
    pub placed: Option<Placed>,
}

impl Step {
    /// Why it is done, and of a start why there: what goes on record with its intent.
    #[must_use]
    pub fn reasons(&self) -> String {
        match &self.placed {
            Some(placed) => format!("{}; {placed}", self.why),
            None => self.why.to_string(),
        }
    }
}

/// What to do. The intent that goes on record with it is in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Pull the image where it is missing, create, start. [opens a start, or takes up an open one]
    Start {
        port: Option<u16>,
        /// Host ports for the named ports of its Worker.
        ports: NamedPorts,
        restart: RestartPolicy,
    },
    /// Make it known to the catalog. No port: it listens nowhere, and is only known to be there.
    Register { port: Option<u16> },
    /// Take it out of the ingress and the catalog's answers; its drain begins. [opens a stop]
    Maintenance,
    /// Make the catalog forget it. [opens a stop, where there is none]
    Deregister,
    /// Signal it to stop, and kill it when its stop time has passed. [opens a stop, where there is none]
    Stop,
    /// Keep its last words and take it away. [opens a stop, where there is none]
    Remove,
    /// Let its node start it again after a reboot, now that its Deploy is deployed.
    Keep,
    /// Give up an open start that was seen not to have happened. [closes it]
    Abandon,
}

impl Action {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Register { .. } => "register",
            Self::Maintenance => "maintenance",
            Self::Deregister => "deregister",
            Self::Stop => "stop",
            Self::Remove => "remove",
            Self::Keep => "keep",
            Self::Abandon => "abandon",
        }
    }

    /// The host port that it is about.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Start { port, .. } | Self::Register { port } => *port,
            Self::Maintenance
            | Self::Deregister
            | Self::Stop
            | Self::Remove
            | Self::Keep
            | Self::Abandon => None,
        }
    }

    /// Whether it begins or goes on with the end of the instance.
    #[must_use]
    pub const fn condemns(&self) -> bool {
        matches!(
            self,
            Self::Maintenance | Self::Deregister | Self::Stop | Self::Remove
        )
    }
}

/// Something that would be done but may not be yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The word for what would be done: `start`, `stop`.
    pub action: &'static str,
    pub app: AppId,
    pub worker: WorkerName,
    pub deploy: Option<DeployId>,
    pub instance: Option<InstanceId>,
    pub node: Option<NodeName>,
    pub why: Why,
}

/// Why a step is in the plan, or is held back. One variant per rule; `Display` is the sentence users read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    // Starts.
    /// Fewer run than are wanted.
    BelowScale { running: u16, scale: Scale },
    /// An intent to start it is on record.
    TakenUp,
    /// Another instance is to be replaced, and its successor comes first.
    Successor { of: InstanceId },
    /// A person wants the pool evened out: it takes the place of one on a node that has more.
    Evens {
        of: InstanceId,
        from: NodeName,
        has: u32,
        /// How many its own node has.
        fewest: u32,
    },
    // Going on.
    /// It is healthy and not in the catalog.
    Ready,
    /// Its Deploy is deployed.
    Proven,
    /// An intent to stop it is on record.
    Condemned,
    // Stops.
    /// A later Deploy takes its place.
    Superseded { by: DeployId },
    /// Its Deploy failed, was cancelled, or nothing of its App is wanted here.
    NotWanted,
    /// More run than are wanted.
    AboveScale { running: u16, scale: Scale },
    /// It is unhealthy for longer than its grace.
    Unhealthy { what: String },
    /// It ended.
    Ended { code: i64 },
    /// It was made and never started, and no intent wants it.
    NeverStarted,
    /// A restart was asked for.
    Restart,
    /// Its node is being drained.
    NodeDraining,
    /// Its node's meta is not what its Worker asks for.
    Misplaced { constraint: Constraint },
    /// Its node came back after its instances were started elsewhere.
    NodeReturned,
    /// Its node answers though a person has said that it is gone for good.
    NodeGivenUp,
    /// Its node has left the pool.
    NodeLeft,
    /// No intent stands for it: it was started late, and has nothing to do here any more.
    Stray,
    /// It has the labels of an instance and is not that one. **No intent is opened for a step with this reason**: the
    /// instance's id belongs to another. It is told apart by the step's `handle`.
    Copy,
    /// The catalog knows it, its node does not. No plan says so: what is not on a node is not seen by the planner, and
    /// whoever reads the catalog clears it.
    Stale,
    // Holds.
    /// Rule 1: that many must stay healthy.
    KeepHealthy { healthy: u16, needed: u16 },
    /// Not before every Worker of the new Deploy has shown that it gets healthy.
    ProveFirst {
        worker: WorkerName,
        healthy: u16,
        needed: u16,
    },
    /// Rule 2: that many may run at the most.
    Surge { running: u16, at_most: u16 },
    /// Rule 3: no node can take it.
    NoRoom { refusals: Vec<Refusal> },
    /// Rule 5: its node does not answer.
    NodeSilent,
    /// Rule 5: too few nodes of the pool answer to be believed.
    PoolDoubted { answering: u32, known: u32 },
    /// Rule 6: it failed before, and waits.
    Backoff { failures: u32, until: Timestamp },
    /// Rule 6: so many are unhealthy that replacing would make it worse.
    Halted { unhealthy: u32, of: u32 },
    /// Rule 8: its Deploy is not in the database.
    UnknownDeploy,
    /// Rule 9: the other one has not been seen to be gone.
    Overlap { other: InstanceId },
    /// Rule 9: the other one may run on a node that cannot be seen, for as long as its program lets it.
    Leased {
        other: InstanceId,
        node: NodeName,
        left: Duration,
    },
    /// Rule 9: the program of its node would stop it.
    Unleased { node: NodeName },
    /// It is out of the catalog and its drain time runs.
    Draining { until: Timestamp },
}

/// Why one node was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub node: NodeName,
    pub reason: RefusalReason,
}

/// What speaks against a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    Cordoned,
    Draining,
    GivenUp,
    Failed,
    Silent,
    Memory {
        free: ByteSize,
        wanted: ByteSize,
    },
    Cpu {
        free_millis: u32,
        wanted_millis: u32,
    },
    NoPort,
    /// Of a singleton: its program has let its lease run out, and would stop it.
    Unleased,
    /// What its meta says is not what the Worker asks for. `said`: what it says of the constraint's key.
    Unmet {
        constraint: Constraint,
        said: Option<String>,
    },
}
