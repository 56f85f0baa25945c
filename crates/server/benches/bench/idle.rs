//! `idle`: what a server takes that has nothing to do, with 100 healthy instances.

use crate::{
    Options, Quick,
    boot::stage,
    figures::{Figure, Goal, Report},
    harness::exactly,
};
use anyhow::Context;
use std::time::{Duration, Instant};

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (count, seconds) = match options.quick {
        Quick::Yes => (20_u16, 30),
        Quick::No => (100, 120),
    };
    let (server, _) = stage().await?;
    server.scale("web", "web", count.into()).await?;
    server
        .settled("web", "all healthy", exactly(count.into()))
        .await?;

    let (mut rss, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.min(2) {
        let (began, before) = (Instant::now(), cpu_seconds(server.pid())?);
        // The bench itself is the passing of time.
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let used = cpu_seconds(server.pid())? - before;
        cpu.push(100.0 * used / began.elapsed().as_secs_f64());
        rss.push(rss_mib(server.pid())?);
    }
    report.add(Figure {
        bench: "idle",
        metric: "rss",
        unit: "MiB",
        ours: rss,
        floor: vec![],
        goal: Goal::AtMost(40.0),
    });
    report.add(Figure {
        bench: "idle",
        metric: "cpu",
        unit: "%",
        ours: cpu,
        floor: vec![],
        goal: Goal::AtMost(1.0),
    });
    Ok(())
}

/// User and system time of a process. proc(5): fields 14 and 15 of `stat`, in ticks, of which Linux has 100 a second.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').context("a stat without a name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = [11, 12]
        .iter()
        .filter_map(|at| fields.get(*at)?.parse::<f64>().ok())
        .sum();
    Ok(ticks / 100.0)
}

/// What a process holds of the memory of the machine.
fn rss_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
