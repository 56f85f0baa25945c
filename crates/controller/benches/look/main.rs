//! What a turn of the loop costs that finds nothing to do, but for what the outside world takes: the database's view, a look at
//! each node, and the plan, over fakes in memory. For 1,000 nodes with 10,000 instances, and for 10 with 100.
//!
//! `cargo bench -p controller --bench look -- [--json FILE]`
//!
//! A time is that of the processor in this thread, which is all that runs: the fakes' share of it is in.
#![expect(clippy::print_stdout, reason = "a bench prints its rows")]

mod world;

use rustix::time::{ClockId, clock_gettime};
use std::{fs::OpenOptions, io::Write, process::ExitCode};
use world::{LARGE, SMALL, World};

const RUNS: usize = 21;
/// Milliseconds. A loop looks each ten seconds at the latest, and whenever something happens.
const GOAL: f64 = 250.0;
/// How many times as much an instance may cost in the large world as in the small one: twice, for ordered maps are twice as deep
/// there, and twice again, for the small one fits into a processor's cache.
const GROWTH: f64 = 4.0;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json");
    let json = arguments.nth(1);
    let large = measure(&World::of(LARGE)?)?;
    let small = measure(&World::of(SMALL)?)?;
    let times = f64::from(LARGE.instances()) / f64::from(SMALL.instances());
    let growth = large / small / times;
    for (metric, ours, unit, goal) in [("turn", large, "ms", GOAL), ("growth", growth, "x", GROWTH)]
    {
        println!("look {metric:6} {ours:8.3} {unit:2}  goal {goal} {unit}");
        if let Some(path) = &json {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            writeln!(
                file,
                r#"{{"bench":"look","metric":"{metric}","ours":{ours:.3},"floor":null,"unit":"{unit}","ratio":null,"runs":{RUNS},"goal":{goal}}}"#
            )?;
        }
    }
    Ok(ExitCode::from(u8::from(large > GOAL || growth > GROWTH)))
}

/// Milliseconds of a look, the middle one of all runs.
fn measure(world: &World) -> anyhow::Result<f64> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let start = processor_ms();
        let steps = world.look()?;
        runs.push(processor_ms() - start);
        anyhow::ensure!(steps == 0, "there is nothing to do, and yet {steps} steps");
    }
    runs.sort_by(f64::total_cmp);
    Ok(runs[RUNS / 2])
}

/// How long the processor has worked for this thread.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
