//! `jockeyd seed`.

use crate::{
    args,
    machine::SystemClock,
    seed,
    state::{self, Make},
};
use anyhow::Context;
use ports::Clock;
use std::process::ExitCode;

pub(crate) async fn run(args: args::Seed) -> anyhow::Result<ExitCode> {
    let store = state::open(&args.state, Make::Never).await?;
    let now = SystemClock.now();
    let mut made = seed::seed(&store, now).await?;
    if let Some(repo) = &args.sample_app {
        let sample = seed::sample(&store, repo, now).await;
        made.extend(sample.context("the sample app was not made; what came before it was")?);
    }
    print(&made);
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stdout,
    reason = "what was made is this command's output"
)]
fn print(made: &[String]) {
    for one in made {
        println!("made the {one}");
    }
    if made.is_empty() {
        println!("everything was there");
    }
}
