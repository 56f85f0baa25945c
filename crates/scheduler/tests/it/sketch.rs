//! A small pure world in which plans are performed: just enough of Docker, a catalog and a store.

pub(crate) mod arbitrary;
pub(crate) mod limits;
mod perform;
pub(crate) mod scenes;

use domain::{
    AppId, DeployId, DeployState, EnvironmentId, Evidence, Health, InstanceEnd, InstanceId, Intent,
    IntentKind, IntentState, Node, NodeName, ObservedInstance, Scale, StackId, Timestamp,
    WorkerName, WorkerSpec,
    node::{Duty, NodeState},
    observed::{Authenticity, Origin, Phase, RestartPolicy},
    worker::NamedPorts,
};
use scheduler::input::{
    Answered, DesiredApp, DesiredDeploy, DesiredWorker, Load, Opening, PlanInput, Policy, PoolNode,
    Registration, RestartOnly, Sighting,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub(crate) const STACK: StackId = StackId::new(1);
pub(crate) const APP: AppId = AppId::new(1);

/// How what a Deploy starts turns out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// Healthy at the next look.
    Good,
    /// Never healthy.
    Sick,
    /// Ends at once.
    Dying,
}

#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
    pub(crate) nodes: Vec<PoolNode>,
    pub(crate) apps: Vec<DesiredApp>,
    pub(crate) containers: Vec<Sighting>,
    pub(crate) intents: Vec<Intent>,
    pub(crate) ends: Vec<InstanceEnd>,
    pub(crate) busy: BTreeSet<InstanceId>,
    pub(crate) known: BTreeSet<DeployId>,
    pub(crate) quality: BTreeMap<DeployId, Quality>,
    pub(crate) policy: Policy,
    /// How many nodes the pool had when it was last believed.
    pub(crate) remembered: u32,
    /// Of which a person says that they are gone for good, though no pool lists them.
    pub(crate) given_up: BTreeSet<NodeName>,
    /// Until when programs of nodes let singletons run.
    pub(crate) leases: BTreeMap<NodeName, Timestamp>,
    /// Those that have left the pool.
    pub(crate) left: Vec<PoolNode>,
    /// Whether the pool is to be evened out, and how many may be on the move at once.
    pub(crate) rebalance: Option<u16>,
    next: u64,
}

impl Sketch {
    pub(crate) fn new(nodes: &[&str]) -> Self {
        Self {
            now: Timestamp::EPOCH + Duration::from_secs(1_000_000),
            seed: 1,
            nodes: nodes.iter().map(|name| node(name)).collect(),
            apps: vec![DesiredApp {
                app: APP,
                name: "shop".parse().unwrap(),
                stack: STACK,
                deploy: None,
            }],
            containers: Vec::new(),
            intents: Vec::new(),
            ends: Vec::new(),
            busy: BTreeSet::new(),
            known: BTreeSet::new(),
            quality: BTreeMap::new(),
            policy: Policy::default(),
            remembered: 0,
            given_up: BTreeSet::new(),
            leases: BTreeMap::new(),
            left: Vec::new(),
            rebalance: None,
            next: 1,
        }
    }

    /// What the planner sees: nothing on a node that does not answer.
    pub(crate) fn input(&self) -> PlanInput {
        let answers = |name: &NodeName| {
            self.nodes
                .iter()
                .chain(&self.left)
                .any(|host| host.node.name == *name && host.answered == Answered::Yes)
        };
        PlanInput {
            now: self.now,
            seed: self.seed,
            environment: EnvironmentId::new(1),
            apps: self.apps.clone(),
            observed: self
                .containers
                .iter()
                .filter(|sighting| answers(&sighting.seen.node))
                .cloned()
                .collect(),
            intents: self.intents.clone(),
            busy: self.busy.clone(),
            known_deploys: self.known.clone(),
            ends: self.ends.clone(),
            pools: BTreeMap::from([(STACK, self.nodes.clone())]),
            left: self.left.clone(),
            given_up: self
                .nodes
                .iter()
                .filter(|host| host.node.duty == Duty::GivenUp)
                .map(|host| host.node.name.clone())
                .chain(self.given_up.clone())
                .collect(),
            leases: self
                .leases
                .iter()
                .map(|(node, until)| (node.clone(), until.since(self.now)))
                .collect(),
            remembered: BTreeMap::from([(STACK, self.remembered)]),
            rebalances: self
                .rebalance
                .map(|most| (STACK, most))
                .into_iter()
                .collect(),
            policy: self.policy.clone(),
        }
    }

    /// How the Deploy of the first App stands.
    pub(crate) fn verdict(&self) -> scheduler::Verdict {
        let input = self.input();
        scheduler::judge(&self.apps[0], &input, &scheduler::plan(&input).held)
    }

    pub(crate) fn want(&mut self, deploy: i64, state: DeployState, workers: Vec<DesiredWorker>) {
        let id = DeployId::new(deploy);
        self.known.insert(id);
        self.apps[0].deploy = Some(DesiredDeploy {
            id,
            also: BTreeSet::new(),
            state,
            opening: Opening::Surge,
            commit: "678d49f0".repeat(5).parse().unwrap(),
            deadline: Some(self.now + Duration::from_secs(600)),
            workers,
        });
    }

    /// With how many the Deploy that is wanted begins.
    pub(crate) fn open_with(&mut self, opening: Opening) {
        self.apps[0].deploy.as_mut().unwrap().opening = opening;
    }

    /// An instance that runs and serves, on record.
    pub(crate) fn run(&mut self, worker: &DesiredWorker, deploy: i64, node: &str) -> InstanceId {
        let instance = InstanceId::from_bits(self.next);
        self.next += 1;
        let deploy = DeployId::new(deploy);
        self.known.insert(deploy);
        let node: NodeName = node.parse().unwrap();
        let port = worker
            .spec
            .port
            .map(|_| 20_000 + u16::try_from(self.next).unwrap());
        let ports = named_ports(
            &worker.spec,
            30_000 + 10 * u16::try_from(self.next).unwrap(),
        );
        self.intents.push(Intent {
            instance,
            kind: IntentKind::Start,
            app: APP,
            environment: EnvironmentId::new(1),
            deploy,
            worker: worker.spec.name.clone(),
            node: node.clone(),
            port,
            ports: ports.clone(),
            resources: worker.spec.resources,
            state: IntentState::Done,
            why: String::new(),
            opened_at: self.now,
            fence: worker.spec.singleton.then_some(1),
            closed_at: Some(self.now),
        });
        let restart = match worker.spec.singleton {
            true => RestartPolicy::No,
            false => RestartPolicy::UnlessStopped,
        };
        let mut seen = self.container(instance, deploy, &worker.spec.name, &node, port, restart);
        seen.ports = ports;
        let registration = Registration::Serving;
        self.containers.push(Sighting {
            health: healthy(self.now),
            registration,
            seen,
        });
        instance
    }

    pub(crate) fn container(
        &self,
        instance: InstanceId,
        deploy: DeployId,
        worker: &WorkerName,
        node: &NodeName,
        port: Option<u16>,
        restart: RestartPolicy,
    ) -> ObservedInstance {
        ObservedInstance {
            instance,
            handle: format!("c-{instance}"),
            authenticity: Authenticity::Genuine,
            node: node.clone(),
            app: APP,
            environment: EnvironmentId::new(1),
            deploy,
            worker: worker.clone(),
            config: None,
            image: None,
            commit: None,
            phase: Phase::Running {
                since: self.now,
                restarts: 0,
                check: None,
            },
            restart,
            port,
            ports: NamedPorts::default(),
            created_at: self.now,
            origin: Origin::default(),
        }
    }

    pub(crate) fn worker_mut(&mut self, name: &str) -> &mut DesiredWorker {
        let deploy = self.apps[0].deploy.as_mut().unwrap();
        let found = deploy
            .workers
            .iter_mut()
            .find(|worker| worker.spec.name.as_str() == name);
        found.unwrap()
    }

    pub(crate) fn node_mut(&mut self, name: &str) -> &mut PoolNode {
        let found = self
            .nodes
            .iter_mut()
            .find(|host| host.node.name.as_str() == name);
        found.unwrap()
    }

    pub(crate) fn seen_mut(&mut self, instance: InstanceId) -> &mut Sighting {
        let found = self
            .containers
            .iter_mut()
            .find(|sighting| sighting.seen.instance == instance);
        found.unwrap()
    }

    /// Instances of a Worker and Deploy that are there or about to be, and not on their way out.
    pub(crate) fn begun(&self, worker: &str, deploy: i64) -> usize {
        let of = |kind: IntentKind| {
            let mine = self.intents.iter().filter(move |intent| {
                intent.kind == kind
                    && intent.worker.as_str() == worker
                    && intent.deploy == DeployId::new(deploy)
            });
            mine.map(|intent| intent.instance).collect::<BTreeSet<_>>()
        };
        of(IntentKind::Start)
            .difference(&of(IntentKind::Stop))
            .count()
    }

    /// Instances of a Worker and Deploy that run, are healthy, and serve where they have a port.
    pub(crate) fn serving(&self, worker: &str, deploy: i64) -> usize {
        let mine = |seen: &&Sighting| {
            seen.seen.worker.as_str() == worker
                && seen.seen.deploy == DeployId::new(deploy)
                && self.is_serving(seen)
        };
        self.containers.iter().filter(mine).count()
    }

    pub(crate) fn is_serving(&self, sighting: &Sighting) -> bool {
        let seen = &sighting.seen;
        seen.authenticity == Authenticity::Genuine
            && seen.phase.is_running()
            && sighting.health.is_healthy()
            && (seen.port.is_none() || sighting.registration == Registration::Serving)
    }
}

pub(crate) fn node(name: &str) -> PoolNode {
    PoolNode {
        node: Node {
            name: name.parse().unwrap(),
            address: "127.0.0.1".to_owned(),
            state: NodeState::Alive,
            duty: Duty::Serving,
            meta: BTreeMap::new(),
            memory: None,
            cpu: None,
        },
        answered: Answered::Yes,
        others: Load::default(),
        taken_ports: BTreeSet::new(),
    }
}

pub(crate) fn worker(name: &str, scale: u16) -> DesiredWorker {
    DesiredWorker {
        spec: WorkerSpec::named(name.parse().unwrap()),
        scale: Scale::new(i64::from(scale), 100).unwrap(),
        restart_before: None,
        restart_only: RestartOnly::All,
    }
}

pub(crate) fn healthy(now: Timestamp) -> Health {
    Health::Healthy(evidence("GET / answered 200", now))
}

pub(crate) fn unhealthy(since: Timestamp) -> Health {
    Health::Unhealthy(evidence("connection refused", since))
}

fn evidence(what: &str, since: Timestamp) -> Evidence {
    Evidence {
        what: what.to_owned(),
        since,
        seen_at: since,
    }
}

/// Host ports for its named ports, from this one on.
pub(crate) fn named_ports(spec: &WorkerSpec, first: u16) -> NamedPorts {
    let names = spec.ports.iter().map(|(name, _)| name.clone());
    names.zip(first..).collect()
}
