//! `noop`: a deploy of what already runs, 100 instances. Nothing is written to Docker.

use crate::{
    Options, Quick,
    boot::stage,
    figures::{Figure, Goal, Report, quantile},
    harness::exactly,
    seen::Seen,
};
use std::{collections::BTreeSet, time::Instant};

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let count: u16 = match options.quick {
        Quick::Yes => 20,
        Quick::No => 100,
    };
    let (server, _) = stage().await?;
    server.scale("web", "web", count.into()).await?;
    let before = server
        .settled("web", "all healthy", exactly(count.into()))
        .await?;
    let commit = before[0].commit.clone();

    let mut seen = Seen::of(&server, "web", "deploy").await?;
    let mut ours = Vec::new();
    for _ in 0..20 * options.rounds {
        let began = Instant::now();
        let deploy = server.ask_deploy("web", &commit).await?;
        seen.deployed(&deploy.id).await?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let ids = |instances: &[proto::v1::Instance]| -> BTreeSet<String> {
        instances
            .iter()
            .map(|instance| instance.container.clone())
            .collect()
    };
    let after = server
        .settled("web", "all healthy", exactly(count.into()))
        .await?;
    anyhow::ensure!(
        ids(&before) == ids(&after),
        "a deploy of what runs replaced instances"
    );
    let p99 = vec![quantile(&ours, 0.99)];
    let p50 = vec![quantile(&ours, 0.5)];
    report.add(Figure {
        bench: "noop",
        metric: "p50",
        unit: "ms",
        ours: p50,
        floor: vec![],
        goal: Goal::AtMost(10.0),
    });
    report.add(Figure {
        bench: "noop",
        metric: "p99",
        unit: "ms",
        ours: p99,
        floor: vec![],
        goal: Goal::AtMost(50.0),
    });
    Ok(())
}
