//! `start`: from exec to the first good answer of the health service. The floor is the program that does nothing.

use crate::{
    Options,
    figures::{Figure, Goal, Report},
    harness::Jockeyd,
};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use std::{process::Command, time::Instant};

/// A history of 100,000 Deploys, with ten events to each.
const FILL: &str = include_str!("../../tests/it/scale/fill.sql");

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    measure("serving", &mut server, options, report).await?;
    fill(&mut server, Length::ATenth)?;
    server.resume().await?;
    measure("of 10,000", &mut server, options, report).await
}

/// How much of a long history.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Whole,
    ATenth,
}

/// Ends a server, and writes a history into its database.
pub(crate) fn fill(server: &mut Jockeyd, length: Length) -> anyhow::Result<()> {
    server.terminate()?;
    let (all, tenth) = ("i < 99999", "i < 9999");
    anyhow::ensure!(FILL.contains(all), "the history is made otherwise");
    let path = server.file("jockey.db").display().to_string();
    let mut connection = SqliteConnection::establish(&path)?;
    connection.batch_execute("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    connection.batch_execute(&match length {
        Length::Whole => FILL.to_owned(),
        Length::ATenth => FILL.replace(all, tenth),
    })?;
    Ok(())
}

async fn measure(
    metric: &'static str,
    server: &mut Jockeyd,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
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
        metric,
        unit: "ms",
        ours,
        floor,
        goal: Goal::AtMost(200.0),
    });
    Ok(())
}
