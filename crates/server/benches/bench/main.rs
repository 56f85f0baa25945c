//! Figures of a whole server beside their floors, measured in one interleaved run.
//!
//! `scripts/bench [NAME…] [--rounds N] [--json FILE]`. A ratio is a cost, ours over the floor; a bench fails when even the
//! lower end of its spread is above its goal. Each checks its effect: an instance counts when it answers over HTTP.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its table, and what it is doing"
)]

mod api;
mod boot;
mod builds;
mod cluster;
mod crash;
mod engine;
mod events;
mod figures;
#[path = "../../tests/it/harness.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod harness;
mod history;
mod idle;
mod logs;
mod noop;
mod roll;
mod seen;
mod start;
mod web;

use anyhow::{Context, bail};
use figures::Report;
use std::{path::PathBuf, process::ExitCode};

/// What is measured, by name.
const BENCHES: [&str; 14] = [
    "start",
    "boot20",
    "scale",
    "roll10",
    "noop",
    "idle",
    "build-same",
    "build-small",
    "crash",
    "logs",
    "events",
    "api",
    "history",
    "cluster",
];

/// How to measure.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// Fewer seconds where a bench watches for a time.
    pub(crate) quick: Quick,
}

/// Whether a bench that watches for a time may watch for less.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quick {
    Yes,
    No,
}

fn main() -> anyhow::Result<ExitCode> {
    let (names, options, json) = arguments()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut report = Report::default();
    let ran = names.into_iter().try_for_each(|name| {
        eprintln!("{name}: {} rounds", options.rounds);
        let run = run(&name, &options, &mut report);
        runtime
            .block_on(run)
            .with_context(|| format!("bench {name}"))
    });
    // Also what was measured before something failed.
    print!("{report}");
    let kept = json.map_or(Ok(()), |file| report.append_to(&file));
    ran?;
    kept?;
    let missed = report.missed();
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("missed: {}", missed.join(", "));
    Ok(ExitCode::FAILURE)
}

async fn run(name: &str, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    match name {
        "start" => start::run(options, report).await,
        "boot20" => boot::boot20(options, report).await,
        "scale" => boot::scale(options, report).await,
        "roll10" => roll::run(options, report).await,
        "noop" => noop::run(options, report).await,
        "idle" => idle::run(options, report).await,
        "build-same" => builds::same(options, report).await,
        "build-small" => builds::small(options, report).await,
        "crash" => crash::run(options, report).await,
        "logs" => logs::run(options, report).await,
        "events" => events::run(options, report).await,
        "api" => api::run(options, report).await,
        "history" => history::run(options, report).await,
        "cluster" => cluster::run(options, report).await,
        unknown => bail!(
            "there is no bench `{unknown}`; there are {}",
            BENCHES.join(", ")
        ),
    }
}

fn arguments() -> anyhow::Result<(Vec<String>, Options, Option<PathBuf>)> {
    let mut names = Vec::new();
    let mut options = Options {
        rounds: 3,
        quick: Quick::No,
    };
    let mut json = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => {
                options.rounds = arguments
                    .next()
                    .context("--rounds wants a number")?
                    .parse()?
            }
            "--json" => json = Some(arguments.next().context("--json wants a file")?.into()),
            "--quick" => options.quick = Quick::Yes,
            // Given by `cargo bench` itself.
            "--bench" => {}
            name => names.push(name.to_owned()),
        }
    }
    if names.is_empty() || names == ["all"] {
        names = BENCHES.iter().map(ToString::to_string).collect();
    }
    Ok((names, options, json))
}
