//! The real control loops in simulated worlds, thousands of them, each out of one seed: servers die at any call of a
//! port, nodes fall silent, are lost and come back, containers die, people interfere, clocks jump. What may never happen is looked for at each
//! effect; what must be so in the end, once the faults are over.
//!
//! A seed that fails prints how to run it alone: `JOCKEY_SIM_SEED=… cargo test -p controller --test sim one_seed`.
//! More seeds: `JOCKEY_SIM_SEEDS=100000`; others than the first: `JOCKEY_SIM_FROM=100001`.
#![cfg(test)]

mod callers;
mod database;
mod decided;
mod edits;
mod faults;
mod in_memory;
mod membership;
mod operations;
mod patience;
mod programs;
mod replay;
mod rest;
mod run;
mod shares;
mod variants;
mod watch;
mod ways;
mod world;

use mimalloc::MiMalloc;
use run::{Runner, from_environment, seeds_asked_for};
use variants::Variant;

/// A fifth of the time of all worlds goes to memory that is taken and given back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many seeds a plain run of the tests takes.
const SEEDS: u64 = 20_000;

const RUNNER: Runner = Runner {
    database: in_memory::make,
    variant: Variant::AsItIs,
    twice: Some(100),
    again: "cargo test -p controller --test sim one_seed",
};

#[test]
fn no_seed_breaks_an_invariant() {
    RUNNER.run_all(seeds_asked_for("JOCKEY_SIM_SEEDS", SEEDS));
}

#[test]
fn one_seed() {
    RUNNER.run_one(from_environment("JOCKEY_SIM_SEED").unwrap_or(1));
}

#[test]
fn a_planner_that_takes_unknown_for_unhealthy_is_found() {
    RUNNER.find_violation(Variant::UnknownIsUnhealthy, "must stay healthy");
}

#[test]
fn a_planner_that_ignores_the_healthy_minimum_is_found() {
    RUNNER.find_violation(Variant::NoHealthyMinimum, "must stay healthy");
}

#[test]
fn a_planner_that_waits_for_no_lease_is_found() {
    RUNNER.find_violation(Variant::NoLease, "overlaps");
}

#[test]
fn a_planner_that_stops_what_is_registered_is_found() {
    RUNNER.find_violation(Variant::StopsRegistered, "which the catalog still has");
}

#[test]
fn an_effect_before_its_intent_is_found() {
    RUNNER.find_violation(Variant::EffectBeforeIntent, "no intent");
}
