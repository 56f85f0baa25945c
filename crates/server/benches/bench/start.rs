//! `start`: from exec to the first good answer of the health service.

use crate::{
    Options,
    figures::{Figure, Goal, Report},
    harness::Jockeyd,
};
use std::time::Instant;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    let mut ours = Vec::new();
    for _ in 0..5 * options.rounds {
        server.terminate()?;
        let began = Instant::now();
        server.resume().await?;
        server.serving().await?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    report.add(Figure {
        bench: "start",
        metric: "serving",
        unit: "ms",
        ours,
        floor: vec![],
        goal: Goal::AtMost(200.0),
    });
    Ok(())
}
