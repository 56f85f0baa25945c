//! Random worlds: open intents, unknown health, lost and silent nodes, copies, strays and unknown Deploys in them, nodes
//! with little room, and Workers that have failed.

use super::{
    APP, Sketch, evidence, healthy,
    limits::{self, Wants, site, wants},
    named_ports, unhealthy, worker,
};
use domain::{
    DeployId, DeployState, EnvironmentId, Health, InstanceEnd, InstanceId, Intent, IntentKind,
    IntentState, NodeName, Timestamp,
    node::{Duty, NodeState},
    observed::{Authenticity, End, Manner, Phase, RestartPolicy},
    worker::Order,
};
use proptest::prelude::*;
use scheduler::input::{Answered, DesiredWorker, Opening, Registration, RestartOnly, Sighting};
use std::time::Duration;

const NODES: [&str; 4] = ["a", "b", "c", "d"];
const WORKERS: [&str; 3] = ["clock", "cron", "web"];

/// One instance, as numbers to be made sense of.
#[derive(Debug, Clone)]
struct Rough {
    worker: usize,
    deploy: i64,
    node: usize,
    phase: u8,
    health: u8,
    registration: u8,
    record: u8,
    kind: u8,
    age: u64,
    busy: bool,
}

pub(crate) fn sketch() -> impl Strategy<Value = Sketch> {
    let nodes = prop::collection::vec(((0..8_u8, 0..4_u8), 0..8_u8, site()), 1..=4);
    let workers = (rollout(0..4), rollout(0..3), rollout(0..2));
    let instances = prop::collection::vec(rough(), 0..14);
    let ends = prop::collection::vec((0..WORKERS.len(), 0..900_u64), 0..6);
    let past = ((0..6_u8, 0..120_u64), ends);
    let state = prop_oneof![
        2 => Just((DeployState::Deployed, Opening::Surge)),
        2 => Just((DeployState::Deploying, Opening::Surge)),
        1 => Just((DeployState::Deploying, Opening::One)),
    ];
    (nodes, workers, state, past, instances).prop_map(
        |(nodes, (web, clock, cron), (state, opening), (restart, ends), instances)| {
            let mut world = Sketch::new(&NODES[..nodes.len()]);
            for (host, ((state, lease), duty, site)) in world.nodes.iter_mut().zip(nodes) {
                site.limit(host);
                let until = match lease {
                    0 => None,
                    1 => Some(world.now),
                    _ => Some(world.now + Duration::from_secs(230)),
                };
                let until = until.map(|until| (host.node.name.clone(), until));
                world.leases.extend(until);
                (host.node.state, host.answered) = match state {
                    0 => (NodeState::Silent, Answered::No),
                    1 => (NodeState::Failed, Answered::No),
                    2 => (NodeState::Failed, Answered::Yes),
                    _ => (NodeState::Alive, Answered::Yes),
                };
                host.node.duty = match duty {
                    0 => Duty::Draining,
                    1 => Duty::Cordoned,
                    2 => Duty::GivenUp,
                    _ => Duty::Serving,
                };
            }
            let mut cron = named("cron", cron);
            cron.spec.singleton = true;
            let mut web = named("web", web);
            let now = world.now;
            web.restart_before = (restart.0 < 2).then_some(now + Duration::from_secs(restart.1));
            web.restart_only = match restart.0 {
                0 => RestartOnly::Unhealthy,
                1 => RestartOnly::Healthy,
                _ => RestartOnly::All,
            };
            world.now = now + Duration::from_secs(200);
            world.want(2, state, vec![named("clock", clock), cron, web]);
            world.open_with(opening);
            world.known = (1..=3).map(DeployId::new).collect();
            for (number, rough) in instances.iter().enumerate() {
                world.add(number, rough);
            }
            for (number, (worker, age)) in ends.into_iter().enumerate() {
                world.has_failed(number, WORKERS[worker], Duration::from_secs(age));
            }
            world
        },
    )
}

/// Instances of two Workers that serve, and changed variables under way.
pub(crate) fn change() -> impl Strategy<Value = Sketch> {
    (rollout(0..5), rollout(0..4)).prop_map(|(web, clock)| {
        let mut world = Sketch::new(&NODES);
        let mut workers = vec![named("clock", clock), named("web", web)];
        for worker in &mut workers {
            // Each node may have them.
            worker.spec.constraints.clear();
        }
        for worker in &workers {
            for number in 0..usize::from(worker.scale.get()) {
                world.run(worker, 1, NODES[number % NODES.len()]);
            }
        }
        world.want(2, DeployState::Deploying, workers);
        world.open_with(Opening::One);
        world
    })
}

fn rough() -> impl Strategy<Value = Rough> {
    let place = (0..3_usize, 1..=4_i64, 0..NODES.len());
    let seen = (0..10_u8, 0..8_u8, 0..6_u8);
    (place, seen, 0..10_u8, 0..14_u8, 0..200_u64, 0..10_u8).prop_map(
        |((worker, deploy, node), (phase, health, registration), record, kind, age, busy)| Rough {
            worker,
            deploy,
            node,
            phase,
            health,
            registration,
            record,
            kind,
            age,
            busy: busy == 0,
        },
    )
}

type Change = (u16, Option<u16>, u16, bool, Wants);

fn rollout(scale: std::ops::Range<u16>) -> impl Strategy<Value = Change> {
    (
        scale,
        prop::option::of(0..3_u16),
        prop_oneof![3 => 0..2_u16, 1 => 2..5_u16],
        prop::bool::weighted(0.2),
        wants(),
    )
}

fn named(name: &str, (scale, surge, unavailable, stop_first, wants): Change) -> DesiredWorker {
    let mut worker = worker(name, scale);
    wants.ask(&mut worker);
    worker.spec.rollout.max_surge = surge;
    worker.spec.rollout.max_unavailable = unavailable;
    if stop_first {
        worker.spec.rollout.order = Order::StopFirst;
    }
    worker
}

impl Rough {
    fn restart(&self) -> RestartPolicy {
        match self.age % 2 {
            0 => RestartPolicy::No,
            _ => RestartPolicy::UnlessStopped,
        }
    }

    fn phase(&self, born: Timestamp) -> Phase {
        match self.phase {
            0 => Phase::Created,
            1 => Phase::Restarting {
                restarts: 1,
                code: 1,
                end: End::Exit,
            },
            2 => Phase::Exited {
                code: 1,
                end: End::Exit,
                at: born,
            },
            _ => Phase::Running {
                since: born,
                restarts: 0,
                check: None,
            },
        }
    }

    fn health(&self, born: Timestamp, now: Timestamp) -> Health {
        match self.health {
            0 | 1 => Health::Unknown,
            2 => unhealthy(born),
            3 => Health::Unhealthy(evidence("timed out", now)),
            _ => healthy(born),
        }
    }
}

impl Sketch {
    fn add(&mut self, number: usize, rough: &Rough) {
        let desired = self.apps[0].deploy.as_ref().unwrap().workers[rough.worker].clone();
        let instance = InstanceId::from_bits(1000 + number as u64);
        let born = self.now - Duration::from_secs(rough.age);
        let node = NODES[rough.node].parse().unwrap();
        let deploy = DeployId::new(rough.deploy);
        let count = u16::try_from(number).unwrap();
        let port = desired.spec.port.map(|_| 20_000 + count);
        let ports = named_ports(&desired.spec, 30_000 + 10 * count);
        let name = &desired.spec.name;
        let intent = |kind, state| Intent {
            instance,
            kind,
            app: APP,
            environment: EnvironmentId::new(1),
            deploy,
            worker: name.clone(),
            node: NODES[rough.node].parse().unwrap(),
            port,
            ports: ports.clone(),
            resources: desired.spec.resources,
            state,
            why: String::new(),
            opened_at: born,
            fence: (desired.spec.singleton && !rough.age.is_multiple_of(4)).then_some(1),
            closed_at: None,
        };
        match rough.record {
            0 => {}
            1 => self
                .intents
                .push(intent(IntentKind::Start, IntentState::Open)),
            2 => {
                self.intents
                    .push(intent(IntentKind::Start, IntentState::Done));
                self.intents
                    .push(intent(IntentKind::Stop, IntentState::Open));
            }
            _ => self
                .intents
                .push(intent(IntentKind::Start, IntentState::Done)),
        }
        if rough.busy {
            self.busy.insert(instance);
        }
        if rough.kind == 0 {
            return;
        }
        let mut seen = self.container(instance, deploy, name, &node, port, rough.restart());
        seen.handle = format!("c-{number}");
        seen.ports = ports.clone();
        seen.phase = rough.phase(born);
        let health = rough.health(born, self.now);
        let registration = match (port, rough.registration) {
            (_, 0) => Registration::None,
            (Some(_), 1) => Registration::Maintenance,
            (_, _) => Registration::Serving,
        };
        let sighting = Sighting {
            seen,
            health,
            registration,
        };
        if rough.kind == 1 {
            let mut copy = sighting.clone();
            copy.seen.authenticity = Authenticity::Copy;
            copy.seen.handle = format!("copy-{number}");
            self.containers.push(copy);
        }
        self.containers.push(sighting);
    }

    /// An instance of the wanted Deploy died this long ago, and that is on record.
    fn has_failed(&mut self, number: usize, worker: &str, ago: Duration) {
        self.ends.push(InstanceEnd {
            instance: InstanceId::from_bits(2000 + number as u64),
            app: APP,
            environment: EnvironmentId::new(1),
            deploy: DeployId::new(2),
            worker: worker.parse().unwrap(),
            node: self.nodes[0].node.name.clone(),
            manner: Manner::Died,
            exit_code: Some(1),
            what: "exited with code 1".to_owned(),
            log_tail: Vec::new(),
            at: self.now - ago,
        });
        self.ends.sort_by_key(|end| end.at);
    }

    /// Everything answers, and nobody acts: from here on the planner is alone with the world. One node takes anything.
    pub(crate) fn repair(&mut self) {
        self.policy.halt_at_least = u32::MAX;
        self.busy.clear();
        self.apps[0].deploy.as_mut().unwrap().deadline = None;
        self.known.insert(DeployId::new(4));
        let names: Vec<_> = self
            .nodes
            .iter()
            .map(|host| host.node.name.clone())
            .collect();
        for host in &mut self.nodes {
            host.answered = Answered::Yes;
            host.node.state = NodeState::Alive;
        }
        // Their programs have leases again, where there are any.
        self.leases.clear();
        self.nodes[0].node.duty = Duty::Serving;
        limits::unlimit(&mut self.nodes[0]);
        self.containers
            .retain(|seen| names.contains(&seen.seen.node));
        self.intents.retain(|intent| names.contains(&intent.node));
    }

    /// The last node is silent from here on, and the catalog calls it failed. None: too few would be left to believe that.
    pub(crate) fn lose_one(&mut self) -> Option<NodeName> {
        self.remembered = 0;
        if self.nodes.len() < 3 {
            return None;
        }
        let host = self.nodes.last_mut()?;
        host.answered = Answered::No;
        host.node.state = NodeState::Failed;
        Some(host.node.name.clone())
    }

    /// Something happens to the world, as these bits say.
    pub(crate) fn disturb(&mut self, bits: u64) {
        let at = |length: usize| usize::try_from(bits >> 8).unwrap() % length.max(1);
        let now = self.now;
        match bits % 7 {
            0 => {
                let node = at(self.nodes.len());
                self.nodes[node].answered = Answered::No;
                self.nodes[node].node.state = NodeState::Silent;
            }
            1 => {
                let node = at(self.nodes.len());
                self.nodes[node].answered = Answered::Yes;
                self.nodes[node].node.state = NodeState::Alive;
            }
            2 | 3 if !self.containers.is_empty() => {
                let which = at(self.containers.len());
                self.containers[which].health = match bits % 7 {
                    2 => Health::Unknown,
                    _ => unhealthy(now),
                };
            }
            4 if !self.containers.is_empty() => {
                let which = at(self.containers.len());
                self.containers[which].health = Health::Unknown;
                self.containers[which].seen.phase = Phase::Exited {
                    code: 9,
                    end: End::Exit,
                    at: now,
                };
            }
            5 if !self.containers.is_empty() => {
                let which = at(self.containers.len());
                self.containers.remove(which);
            }
            _ => {
                let scale = i64::try_from(bits >> 16 & 3).unwrap();
                self.worker_mut("web").scale = domain::Scale::new(scale, 100).unwrap();
            }
        }
    }
}
