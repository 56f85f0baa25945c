//! The API over a real gRPC connection in memory, before the whole controller in a simulated world.
#![cfg(test)]

mod apps;
mod audit;
mod browsers;
mod callers;
mod config;
mod deploys;
mod dry_runs;
mod events;
mod instances;
mod once;
mod people;
mod processes;
mod reach;
mod refusals;
mod sessions;
mod stage;
mod system;
mod tokens;
mod words;
