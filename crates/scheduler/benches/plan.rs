//! Row 6 of the performance goals: 1,000 nodes with 10,000 instances. The floor is a plain hash diff and a placement by
//! a heap, on the same data, in turn with ours in the same run.
//!
//! `cargo bench -p scheduler --bench plan -- [--json FILE]`
//!
//! The goals are absolute, so that the floor and the ratio to it are told but not judged. A time is that of
//! the processor in this thread, which is all that a plan takes: a machine that does other things too makes it no longer.
#![expect(clippy::print_stdout, reason = "a bench prints its rows")]

use domain::{
    AppId, ByteSize, CpuMillis, DeployId, DeployState, EnvironmentId, Evidence, Health, InstanceId,
    Intent, IntentKind, IntentState, Node, NodeName, ObservedInstance, Scale, StackId, Timestamp,
    WorkerName, WorkerSpec,
    node::{Duty, NodeState},
    observed::{Authenticity, Origin, Phase, RestartPolicy},
    worker::Resources,
};
use rustix::time::{ClockId, clock_gettime};
use scheduler::{
    input::{
        Answered, DesiredApp, DesiredDeploy, DesiredWorker, Load, Opening, PlanInput, Policy,
        PoolNode, Registration, RestartOnly, Sighting,
    },
    plan,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    fs::OpenOptions,
    hint::black_box,
    io::Write,
    process::ExitCode,
    time::Duration,
};

const NODES: usize = 1_000;
const APPS: usize = 500;
const SCALE: usize = 10;
const WORKERS: [&str; 2] = ["clock", "web"];
const RUNS: usize = 41;
const STACK: StackId = StackId::new(1);

struct Row {
    metric: &'static str,
    goal_ms: f64,
    steps: usize,
    input: PlanInput,
}

fn main() -> std::io::Result<ExitCode> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json");
    let json = arguments.nth(1);
    let world = world();
    let rows = [
        Row {
            metric: "empty",
            goal_ms: 3.0,
            steps: 0,
            input: world.clone(),
        },
        Row {
            metric: "full",
            goal_ms: 30.0,
            steps: APPS * SCALE * 2,
            input: replaced(world.clone()),
        },
        Row {
            metric: "one-app",
            goal_ms: 1.0,
            steps: SCALE * 2,
            input: one_app(&world),
        },
    ];
    let mut missed = false;
    for row in rows {
        assert_eq!(plan(&row.input).steps.len(), row.steps, "{}", row.metric);
        let (ours, floor) = measure(&row.input);
        let (middle, floor) = (ours[RUNS / 2], floor[RUNS / 2]);
        missed |= ours[RUNS / 10] > row.goal_ms;
        let (metric, goal, ratio) = (row.metric, row.goal_ms, middle / floor);
        println!(
            "plan {metric:8} {middle:8.3} ms  floor {floor:8.3} ms  {ratio:5.1}x  goal {goal} ms"
        );
        if let Some(path) = &json {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            writeln!(
                file,
                r#"{{"bench":"plan","metric":"{metric}","ours":{middle:.3},"floor":{floor:.3},"unit":"ms","ratio":{ratio:.3},"runs":{RUNS},"goal":{goal}}}"#
            )?;
        }
    }
    Ok(ExitCode::from(u8::from(missed)))
}

/// Milliseconds of each run, in order of size: ours and the floor's, run in turn.
fn measure(input: &PlanInput) -> (Vec<f64>, Vec<f64>) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(timed(|| plan(input).steps.len()));
        floor.push(timed(|| plain(input)));
    }
    ours.sort_by(f64::total_cmp);
    floor.sort_by(f64::total_cmp);
    (ours, floor)
}

fn timed(run: impl FnOnce() -> usize) -> f64 {
    let start = processor_ms();
    black_box(run());
    processor_ms() - start
}

/// How long the processor has worked for this thread.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// What runs of what is wanted, by a hash; a heap for where the rest goes.
fn plain(input: &PlanInput) -> usize {
    let mut running: HashMap<(AppId, &WorkerName, DeployId), usize> = HashMap::new();
    let mut load: HashMap<&NodeName, u32> = HashMap::new();
    for sighting in &input.observed {
        let seen = &sighting.seen;
        *running
            .entry((seen.app, &seen.worker, seen.deploy))
            .or_default() += 1;
        *load.entry(&seen.node).or_default() += 1;
    }
    let mut missing = Vec::new();
    for app in &input.apps {
        let Some(deploy) = &app.deploy else { continue };
        for worker in &deploy.workers {
            let have = running
                .get(&(app.app, &worker.spec.name, deploy.id))
                .copied()
                .unwrap_or(0);
            missing.extend((have..usize::from(worker.scale.get())).map(|_| (app.app, worker)));
        }
    }
    if missing.is_empty() {
        return 0;
    }
    let nodes = input.pools[&STACK].iter().map(|host| &host.node.name);
    let mut heap: BinaryHeap<_> = nodes
        .map(|name| Reverse((load.get(name).copied().unwrap_or(0), name)))
        .collect();
    let mut steps: Vec<(AppId, WorkerName, NodeName)> = Vec::new();
    for (app, worker) in missing {
        if let Some(Reverse((count, name))) = heap.pop() {
            steps.push((app, worker.spec.name.clone(), name.clone()));
            heap.push(Reverse((count + 1, name)));
        }
    }
    steps.len()
}

fn world() -> PlanInput {
    let now = Timestamp::EPOCH + Duration::from_secs(1_000_000);
    let mut input = PlanInput {
        now,
        seed: 7,
        environment: EnvironmentId::new(1),
        apps: (0..APPS).map(app).collect(),
        observed: Vec::new(),
        intents: Vec::new(),
        busy: BTreeSet::new(),
        known_deploys: (1..=2 * APPS).map(|number| deploy_id(number - 1)).collect(),
        ends: Vec::new(),
        pools: BTreeMap::from([(STACK, (0..NODES).map(node).collect())]),
        left: Vec::new(),
        given_up: BTreeSet::new(),
        leases: BTreeMap::new(),
        remembered: BTreeMap::new(),
        rebalances: BTreeMap::new(),
        policy: Policy::default(),
    };
    for number in 0..APPS * WORKERS.len() * SCALE {
        let (seen, start) = instance(number, now);
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
fn instance(number: usize, now: Timestamp) -> (ObservedInstance, Intent) {
    let app = number / (WORKERS.len() * SCALE);
    let worker: WorkerName = WORKERS[number / SCALE % WORKERS.len()]
        .parse()
        .expect("a good name");
    let name: NodeName = format!("node-{:04}", number * 7 % NODES)
        .parse()
        .expect("a good name");
    let bits = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let id = InstanceId::from_bits(bits);
    let port =
        (worker.as_str() == "web").then(|| 20_000 + u16::try_from(number / NODES).unwrap_or(0));
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
fn replaced(mut input: PlanInput) -> PlanInput {
    for (number, app) in input.apps.iter_mut().enumerate() {
        if let Some(deploy) = &mut app.deploy {
            deploy.id = deploy_id(APPS + number);
            deploy.state = DeployState::Deploying;
        }
    }
    input
}

/// What is asked when one App changes: it alone, in the same pool, the rest as load.
fn one_app(world: &PlanInput) -> PlanInput {
    let mut input = replaced(world.clone());
    let app = app_id(APPS / 2);
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
