//! What is planned for.

use domain::{
    AppId, ByteSize, CpuMillis, DeployId, DeployState, EnvironmentId, Evidence, Health, InstanceId,
    Intent, IntentKind, IntentState, Node, NodeName, ObservedInstance, Scale, StackId, Timestamp,
    WorkerName, WorkerSpec,
    node::{Duty, NodeState},
    observed::{Authenticity, Origin, Phase, RestartPolicy},
    worker::{NamedPorts, Resources},
};
use scheduler::input::{
    Answered, DesiredApp, DesiredDeploy, DesiredWorker, Load, Opening, PlanInput, Policy, PoolNode,
    Registration, RestartOnly, Sighting,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How large a world is.
#[derive(Clone, Copy)]
pub(super) struct Size {
    nodes: usize,
    pub(super) apps: usize,
}

pub(super) const LARGE: Size = Size {
    nodes: 1_000,
    apps: 500,
};
pub(super) const SMALL: Size = Size { nodes: 10, apps: 5 };
pub(super) const SCALE: usize = 10;
const WORKERS: [&str; 2] = ["clock", "web"];
pub(super) const STACK: StackId = StackId::new(1);

/// A world of this size, in which all runs that is wanted.
pub(super) fn of(size: Size) -> PlanInput {
    let Size { nodes, apps } = size;
    let now = Timestamp::EPOCH + Duration::from_secs(1_000_000);
    let mut input = PlanInput {
        now,
        seed: 7,
        environment: EnvironmentId::new(1),
        apps: (0..apps).map(app).collect(),
        observed: Vec::new(),
        intents: Vec::new(),
        busy: BTreeSet::new(),
        known_deploys: (0..2 * apps).map(deploy_id).collect(),
        ends: Vec::new(),
        pools: BTreeMap::from([(STACK, (0..nodes).map(node).collect())]),
        left: Vec::new(),
        given_up: BTreeSet::new(),
        leases: BTreeMap::new(),
        remembered: BTreeMap::new(),
        rebalances: BTreeMap::new(),
        policy: Policy::default(),
    };
    for number in 0..apps * WORKERS.len() * SCALE {
        let (seen, start) = instance(number, nodes, now);
        let registration = Registration::Serving;
        let health = Health::Healthy(Evidence {
            what: "GET / answered 200".to_owned(),
            since: now,
            seen_at: now,
        });
        input.observed.push(Sighting {
            seen,
            health,
            registration,
        });
        input.intents.push(start);
    }
    input
}

fn deploy_id(app: usize) -> DeployId {
    DeployId::new(i64::try_from(app).unwrap_or(0) + 1)
}

fn app_id(app: usize) -> AppId {
    AppId::new(i64::try_from(app).unwrap_or(0) + 1)
}

fn app(number: usize) -> DesiredApp {
    let worker = |name: &&str| {
        let mut spec = WorkerSpec::named(name.parse().expect("a good name"));
        spec.resources = resources();
        DesiredWorker {
            spec,
            scale: Scale::new(10, 100).expect("a good scale"),
            restart_before: None,
            restart_only: RestartOnly::All,
        }
    };
    DesiredApp {
        app: app_id(number),
        name: format!("app-{number}").parse().expect("a good name"),
        stack: STACK,
        deploy: Some(DesiredDeploy {
            id: deploy_id(number),
            also: BTreeSet::new(),
            state: DeployState::Deployed,
            opening: Opening::Surge,
            commit: "678d49f0".repeat(5).parse().expect("a commit"),
            deadline: None,
            workers: WORKERS.iter().map(worker).collect(),
        }),
    }
}

fn resources() -> Resources {
    Resources {
        memory: Some(ByteSize::bytes(64 << 20)),
        cpu: Some(CpuMillis::new(100)),
    }
}

fn node(number: usize) -> PoolNode {
    PoolNode {
        node: Node {
            name: format!("node-{number:04}").parse().expect("a good name"),
            address: "127.0.0.1".to_owned(),
            state: NodeState::Alive,
            duty: Duty::Serving,
            meta: BTreeMap::from([("zone".to_owned(), format!("zone-{}", number % 3))]),
            memory: Some(ByteSize::bytes(16 << 30)),
            cpu: Some(CpuMillis::new(16_000)),
        },
        answered: Answered::Yes,
        others: Load::default(),
        taken_ports: BTreeSet::new(),
    }
}

/// The instances of one Worker are spread over nodes, and ids are in no order.
fn instance(number: usize, nodes: usize, now: Timestamp) -> (ObservedInstance, Intent) {
    let app = number / (WORKERS.len() * SCALE);
    let worker: WorkerName = WORKERS[number / SCALE % WORKERS.len()]
        .parse()
        .expect("a good name");
    let name: NodeName = format!("node-{:04}", number * 7 % nodes)
        .parse()
        .expect("a good name");
    let bits = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let id = InstanceId::from_bits(bits);
    let port =
        (worker.as_str() == "web").then(|| 20_000 + u16::try_from(number / nodes).unwrap_or(0));
    let seen = ObservedInstance {
        instance: id,
        handle: format!("{bits:064x}"),
        authenticity: Authenticity::Genuine,
        node: name.clone(),
        app: app_id(app),
        environment: EnvironmentId::new(1),
        deploy: deploy_id(app),
        worker: worker.clone(),
        config: None,
        image: None,
        commit: None,
        phase: Phase::Running {
            since: now,
            restarts: 0,
            check: None,
        },
        restart: RestartPolicy::UnlessStopped,
        port,
        ports: NamedPorts::default(),
        created_at: now,
        origin: Origin::default(),
    };
    let start = Intent {
        instance: id,
        kind: IntentKind::Start,
        app: app_id(app),
        environment: EnvironmentId::new(1),
        deploy: deploy_id(app),
        worker,
        node: name,
        port,
        ports: NamedPorts::default(),
        resources: resources(),
        state: IntentState::Done,
        why: String::new(),
        opened_at: now,
        fence: None,
        closed_at: Some(now),
    };
    (seen, start)
}

/// A new Deploy of every App.
pub(super) fn replaced(mut input: PlanInput, size: Size) -> PlanInput {
    for (number, app) in input.apps.iter_mut().enumerate() {
        if let Some(deploy) = &mut app.deploy {
            deploy.id = deploy_id(size.apps + number);
            deploy.state = DeployState::Deploying;
        }
    }
    input
}

/// What is asked when one App changes: it alone, in the same pool, the rest as load.
pub(super) fn one_app(world: &PlanInput) -> PlanInput {
    let mut input = replaced(world.clone(), LARGE);
    let app = app_id(LARGE.apps / 2);
    input.apps.retain(|desired| desired.app == app);
    input.observed.retain(|sighting| sighting.seen.app == app);
    input.intents.retain(|intent| intent.app == app);
    for host in input.pools.values_mut().flatten() {
        host.others.instances = 10;
        host.others.memory = ByteSize::bytes(640 << 20);
        host.taken_ports = (20_000..20_010).collect();
    }
    input
}
