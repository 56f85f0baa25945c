//! The API over a real gRPC connection in memory, before the whole controller in a simulated world.
#![cfg(test)]

mod apps;
mod attended;
mod audit;
mod browsers;
mod callers;
mod config;
mod crowded;
mod deliveries;
mod departures;
mod deploys;
mod dry_runs;
mod events;
mod filters;
mod instances;
mod long_logs;
mod named;
mod old;
mod old_plans;
mod once;
mod organisations;
mod people;
mod processes;
mod reach;
mod refusals;
mod renamed;
mod secrets;
mod sessions;
mod stage;
mod stale;
mod system;
mod tokens;
mod words;
