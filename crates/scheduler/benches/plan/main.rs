//! Row 6 of the performance goals: 1,000 nodes with 10,000 instances, and what an instance costs there beside one of 100 on 10
//! nodes. The floor is a plain hash diff and a placement by
//! a heap, on the same data, in turn with ours in the same run.
//!
//! `cargo bench -p scheduler --bench plan -- [--json FILE]`
//!
//! The goals are absolute, so that the floor and the ratio to it are told but not judged. A time is that of
//! the processor in this thread, which is all that a plan takes: a machine that does other things too makes it no longer.
#![expect(clippy::print_stdout, reason = "a bench prints its rows")]

mod world;

use domain::{AppId, DeployId, NodeName, WorkerName};
use rustix::time::{ClockId, clock_gettime};
use scheduler::{input::PlanInput, plan};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fs::OpenOptions,
    hint::black_box,
    io::Write,
    process::ExitCode,
};
use world::{LARGE, SCALE, SMALL, STACK, one_app, replaced};

/// How many times as much an instance may cost in the large world as in the small one, which fits into a processor's cache.
const GROWTH: f64 = 3.0;
const RUNS: usize = 41;

struct Row {
    metric: &'static str,
    goal_ms: f64,
    steps: usize,
    input: PlanInput,
}

fn main() -> std::io::Result<ExitCode> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json");
    let json = arguments.nth(1);
    let large = world::of(LARGE);
    let rows = [
        Row {
            metric: "empty",
            goal_ms: 3.0,
            steps: 0,
            input: large.clone(),
        },
        Row {
            metric: "full",
            goal_ms: 30.0,
            steps: LARGE.apps * SCALE * 2,
            input: replaced(large.clone(), LARGE),
        },
        Row {
            metric: "one-app",
            goal_ms: 1.0,
            steps: SCALE * 2,
            input: one_app(&large),
        },
    ];
    let mut missed = false;
    for row in rows {
        assert_eq!(plan(&row.input).steps.len(), row.steps, "{}", row.metric);
        let (ours, floor) = measure(&row.input);
        missed |= ours[RUNS / 10] > row.goal_ms;
        tell(&Told {
            metric: row.metric,
            unit: "ms",
            ours: ours[RUNS / 2],
            floor: floor[RUNS / 2],
            goal: row.goal_ms,
            json: json.as_deref(),
        })?;
    }
    for (metric, large, small) in [
        ("growth", large.clone(), world::of(SMALL)),
        (
            "growth-full",
            replaced(large, LARGE),
            replaced(world::of(SMALL), SMALL),
        ),
    ] {
        let (ours, floor) = growth(&large, &small);
        missed |= ours > GROWTH;
        tell(&Told {
            metric,
            unit: "x",
            ours,
            floor,
            goal: GROWTH,
            json: json.as_deref(),
        })?;
    }
    Ok(ExitCode::from(u8::from(missed)))
}

/// A line of what is told.
struct Told<'a> {
    metric: &'a str,
    unit: &'a str,
    ours: f64,
    floor: f64,
    goal: f64,
    json: Option<&'a str>,
}

fn tell(told: &Told<'_>) -> std::io::Result<()> {
    let Told {
        metric,
        unit,
        ours,
        floor,
        goal,
        json,
    } = told;
    let ratio = ours / floor;
    println!(
        "plan {metric:11} {ours:8.3} {unit:2}  floor {floor:8.3} {unit:2}  {ratio:5.1}x  goal {goal} {unit}"
    );
    if let Some(path) = json {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(
            file,
            r#"{{"bench":"plan","metric":"{metric}","ours":{ours:.3},"floor":{floor:.3},"unit":"{unit}","ratio":{ratio:.3},"runs":{RUNS},"goal":{goal}}}"#
        )?;
    }
    Ok(())
}

/// How many times as much an instance costs in one world as in another: ours and the floor's.
fn growth(large: &PlanInput, small: &PlanInput) -> (f64, f64) {
    let (ours, floor) = measure(large);
    let (small_ours, small_floor) = measure(small);
    let times = large.observed.len() as f64 / small.observed.len() as f64;
    let of = |large: &[f64], small: &[f64]| large[RUNS / 2] / small[RUNS / 2] / times;
    (of(&ours, &small_ours), of(&floor, &small_floor))
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
