//! `jockeyd`: puts the adapters, the control loops and the API together, and serves them. No logic of its own.

mod args;
mod authority;
mod callbacks;
mod commands;
mod fleet;
mod listen;
mod logging;
mod machine;
mod membership;
mod metrics;
mod node;
mod people;
mod seed;
mod state;
mod wiring;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&anyhow::Error::new(error).context("the async runtime cannot start"));
        }
    };
    let done = runtime.block_on(async {
        match args.command {
            Command::Serve(serve) => commands::serve::run(*serve).await,
            Command::Token(token) => commands::token::run(token).await,
            Command::Keys(keys) => commands::keys::run(keys).await,
            Command::Audit(audit) => commands::audit::run(audit).await,
            Command::Seed(seed) => commands::seed::run(seed).await,
            Command::Migrate(migrate) => commands::migrate::run(migrate).await,
            Command::Backup(backup) => commands::copy::back_up(backup).await,
            Command::Restore(restore) => commands::copy::restore(restore).await,
            Command::Import(import) => commands::copy::import(import).await,
            Command::Node(node) => commands::node::run(*node).await,
            Command::Check(check) => commands::check::run(*check).await,
        }
    });
    // A blocked thread of an adapter must not keep a server that has shut down from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// What happened, why, and what to do next, on one line each.
#[expect(
    clippy::print_stderr,
    reason = "the last word of the process, with or without a log"
)]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("jockeyd: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
    ExitCode::FAILURE
}
