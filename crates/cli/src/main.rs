//! `jockey`: the command line client. A command makes a request value, sends it, and renders the
//! answer, once for people and once for `-o json`.
//!
//! It never decides anything about apps, deploys or nodes, and never checks what the server checks:
//! all logic lives behind the API.

#![forbid(unsafe_code)]

mod cli;
mod client;
mod clock;
mod commands;
mod context;
mod exit;
mod follow;
mod habits;
mod render;
mod session;
mod states;
mod usage;
mod values;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

fn main() -> ExitCode {
    let arguments = std::env::args_os().collect();
    let arguments = habits::spelled(&mut cli::Cli::command(), arguments);
    let cli = match cli::Cli::try_parse_from(arguments.clone()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && usage::asks_for_json(&arguments) => {
            let error = usage::error(&error);
            render::Out::of_json().error(&error);
            return ExitCode::from(error.exit().code());
        }
        Err(error) => {
            // A reader that has gone away is not worth a word.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                exit::Exit::Usage.code()
            } else {
                exit::Exit::Success.code()
            });
        }
    };
    let out = render::Out::new(&cli.global);
    match run(cli, &out) {
        Ok(()) => ExitCode::from(exit::Exit::Success.code()),
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.exit().code())
        }
    }
}

fn run(cli: cli::Cli, out: &render::Out) -> Result<(), exit::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(exit::Error::Runtime)?;
    runtime.block_on(commands::run(cli, out.clone()))
}
