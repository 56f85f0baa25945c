//! Rule 3 in random worlds: every start goes where a look at each node in turn says that it has to.

use crate::sketch::{
    Sketch,
    limits::{Site, Wants, site, wants},
    worker,
};
use domain::{
    Node, ObservedInstance, WorkerSpec,
    node::{Duty, NodeState},
};
use proptest::prelude::*;
use scheduler::{
    Plan,
    input::{Answered, PoolNode},
    place::Placed,
    plan,
    plan::{Action, Step},
};

const NODES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A node as numbers: its state, its duty, what limits it, and how many of the first ports of the range are taken.
type Rough = (u8, u8, Site, u16);
/// A Worker as numbers: how many are missing, where others of it stand, and what it asks for.
type Crew = (u16, Vec<usize>, Wants);

/// Three Workers with an instance here and there, and others missing.
fn world() -> impl Strategy<Value = Sketch> {
    let nodes = prop::collection::vec((0..8_u8, 0..6_u8, site(), 0..5_u16), 1..=NODES.len());
    let standing = prop::collection::vec(0..NODES.len(), 0..4);
    let workers = prop::collection::vec((0..5_u16, standing, wants()), 3);
    (nodes, workers).prop_map(|(nodes, workers)| sketch(&nodes, &workers))
}

fn sketch(nodes: &[Rough], workers: &[Crew]) -> Sketch {
    let mut world = Sketch::new(&NODES[..nodes.len()]);
    world.policy.ports = 20_000..=20_005;
    for (host, (state, duty, site, taken)) in world.nodes.iter_mut().zip(nodes) {
        (host.node.state, host.answered) = match state {
            0 => (NodeState::Silent, Answered::No),
            1 => (NodeState::Failed, Answered::Yes),
            2 => (NodeState::Alive, Answered::No),
            _ => (NodeState::Alive, Answered::Yes),
        };
        host.node.duty = match duty {
            0 => Duty::Draining,
            1 => Duty::Cordoned,
            _ => Duty::Serving,
        };
        host.taken_ports.extend(20_000..20_000 + taken);
        site.limit(host);
    }
    let mut wanted = Vec::new();
    for (name, (missing, standing, wants)) in ["clock", "mail", "web"].iter().zip(workers) {
        let mut one = worker(name, 0);
        wants.ask(&mut one);
        let mut stand = 0;
        for at in standing {
            let host = &world.nodes[at % nodes.len()];
            if stays(host, &one.spec) {
                let name = host.node.name.clone();
                world.run(&one, 1, name.as_str());
                stand += 1;
            }
        }
        one.scale = domain::Scale::new(stand + i64::from(*missing), 100).unwrap();
        wanted.push(one);
    }
    world.want(1, domain::DeployState::Deployed, wanted);
    world
}

/// Whether what stands there is left where it is.
fn stays(host: &PoolNode, spec: &WorkerSpec) -> bool {
    host.answered == Answered::Yes
        && host.node.state == NodeState::Alive
        && host.node.duty != Duty::Draining
        && spec.unmet(&host.node).is_none()
}

/// One node, and what stands on it.
struct Spot {
    node: Node,
    takes_new: bool,
    free_ports: usize,
    instances: u32,
    memory: u64,
    cpu: u32,
    /// The Worker of each instance.
    workers: Vec<String>,
}

impl Spot {
    fn of(host: &PoolNode, world: &Sketch) -> Self {
        let ports = world.policy.ports.clone();
        let seen = || {
            let all = world.containers.iter().map(|sighting| &sighting.seen);
            all.filter(|seen| seen.node == host.node.name)
        };
        let is_free = |port: &u16| {
            let is_held = |s: &ObservedInstance| s.host_ports().any(|held| held == *port);
            !host.taken_ports.contains(port) && !seen().any(is_held)
        };
        let mut spot = Self {
            node: host.node.clone(),
            takes_new: host.node.duty == Duty::Serving
                && host.node.state == NodeState::Alive
                && host.answered == Answered::Yes,
            free_ports: ports.filter(is_free).count(),
            instances: host.others.instances,
            memory: host.others.memory.as_bytes(),
            cpu: host.others.cpu.get(),
            workers: Vec::new(),
        };
        for one in seen() {
            spot.hold(spec(world, one.worker.as_str()));
        }
        spot
    }

    fn hold(&mut self, spec: &WorkerSpec) {
        self.instances += 1;
        self.memory += spec.resources.memory.unwrap_or_default().as_bytes();
        self.cpu += spec.resources.cpu.unwrap_or_default().get();
        self.workers.push(spec.name.to_string());
    }

    fn can_take(&self, spec: &WorkerSpec) -> bool {
        let (all, wanted) = (&self.node, spec.resources);
        let fits_memory = all
            .memory
            .zip(wanted.memory)
            .is_none_or(|(all, wanted)| self.memory + wanted.as_bytes() <= all.as_bytes());
        let fits_cpu = all
            .cpu
            .zip(wanted.cpu)
            .is_none_or(|(all, wanted)| self.cpu + wanted.get() <= all.get());
        let has_port = self.free_ports >= host_ports(spec);
        let is_as_asked = spec.constraints.iter().all(|one| one.allows(&self.node));
        self.takes_new && fits_memory && fits_cpu && has_port && is_as_asked
    }

    fn has(&self, spec: &WorkerSpec) -> bool {
        self.count(spec) > 0
    }

    fn count(&self, spec: &WorkerSpec) -> usize {
        let alike = self.workers.iter().filter(|one| *one == spec.name.as_str());
        alike.count()
    }
}

fn spec<'w>(world: &'w Sketch, worker: &str) -> &'w WorkerSpec {
    let workers = &world.apps[0].deploy.as_ref().unwrap().workers;
    let mut specs = workers.iter().map(|worker| &worker.spec);
    specs.find(|spec| spec.name.as_str() == worker).unwrap()
}

/// How many host ports an instance of it takes.
fn host_ports(spec: &WorkerSpec) -> usize {
    usize::from(spec.port.is_some()) + spec.ports.len()
}

/// Where one more goes, and what speaks for it. None: nowhere.
fn choose(spots: &[Spot], spec: &WorkerSpec) -> Option<(usize, Placed)> {
    let can_take: Vec<usize> = (0..spots.len())
        .filter(|at| spots[*at].can_take(spec))
        .collect();
    let without: Vec<usize> = can_take
        .iter()
        .copied()
        .filter(|at| !spots[*at].has(spec))
        .collect();
    let in_zone = |at: usize| -> usize {
        let zone = |spot: &Spot| spot.node.meta.get("zone").cloned();
        let beside = spots
            .iter()
            .filter(|spot| spot.takes_new && zone(spot) == zone(&spots[at]));
        beside.map(|spot| spot.count(spec)).sum()
    };
    let candidates = if without.is_empty() {
        &can_take
    } else {
        &without
    };
    let best = candidates.iter().copied().min_by_key(|at| {
        let spot = &spots[*at];
        (spot.instances, in_zone(*at), spot.node.name.clone())
    })?;
    let instances = spots[best].instances;
    let placed = match (without.is_empty(), spots.iter().any(|spot| spot.has(spec))) {
        (true, _) => Placed::Crowded { instances },
        (false, true) => Placed::Apart { instances },
        (false, false) => Placed::Fewest { instances },
    };
    Some((best, placed))
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn every_start_goes_where_a_look_at_each_node_says(world in world()) {
        let plan = plan(&world.input());
        let mut spots: Vec<Spot> =
            world.nodes.iter().map(|host| Spot::of(host, &world)).collect();
        for worker in &world.apps[0].deploy.as_ref().unwrap().workers {
            let spec = &worker.spec;
            let standing: usize = spots.iter().map(|spot| spot.count(spec)).sum();
            let mut starts = starts(&plan, spec);
            for _ in standing..worker.scale.get().into() {
                let want = choose(&spots, spec);
                let got = starts.next();
                let told = |at: usize| spots[at].node.name.clone();
                prop_assert_eq!(
                    got.map(|step| (step.node.clone(), step.placed)),
                    want.map(|(at, placed)| (told(at), Some(placed))),
                    "{} in\n{}", spec.name, plan
                );
                let Some((at, _)) = want else { break };
                spots[at].hold(spec);
                spots[at].free_ports -= host_ports(spec);
            }
            prop_assert!(starts.next().is_none(), "more of {}:\n{}", spec.name, plan);
        }
    }
}

fn starts<'p>(plan: &'p Plan, spec: &WorkerSpec) -> impl Iterator<Item = &'p Step> {
    let name = spec.name.clone();
    plan.steps
        .iter()
        .filter(move |step| matches!(step.action, Action::Start { .. }) && step.worker == name)
}
