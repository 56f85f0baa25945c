//! `start`: from exec to the first good answer of the health service. The floor is the program that does nothing.

use crate::{
    Options,
    figures::{Figure, Goal, Report},
    harness::Jockeyd,
};
use std::{process::Command, time::Instant};

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..5 * options.rounds {
        let began = Instant::now();
        Command::new(env!("CARGO_BIN_EXE_jockeyd"))
            .arg("--version")
            .output()?;
        floor.push(began.elapsed().as_secs_f64() * 1000.0);

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
        floor,
        goal: Goal::AtMost(200.0),
    });
    Ok(())
}
