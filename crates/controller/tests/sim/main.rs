//! The real control loops in simulated worlds, thousands of them, each out of one seed: servers die at any call of a
//! port, nodes fall silent, containers die, people interfere, clocks jump. What may never happen is looked for at each
//! effect; what must be so in the end, once the faults are over.
//!
//! A seed that fails prints how to run it alone: `JOCKEY_SIM_SEED=… cargo test -p controller --test sim one_seed`.
//! More seeds: `JOCKEY_SIM_SEEDS=100000`.
#![cfg(test)]

mod edits;
mod faults;
mod operations;
mod patience;
mod rest;
mod run;
mod variants;
mod watch;
mod world;

use run::{SEEDS, find_violation, from_environment, run_all, run_one};
use variants::Variant;

#[test]
fn no_seed_breaks_an_invariant() {
    run_all(from_environment("JOCKEY_SIM_SEEDS").unwrap_or(SEEDS));
}

#[test]
fn one_seed() {
    run_one(from_environment("JOCKEY_SIM_SEED").unwrap_or(1));
}

#[test]
fn a_planner_that_takes_unknown_for_unhealthy_is_found() {
    find_violation(Variant::UnknownIsUnhealthy, "must stay healthy");
}

#[test]
fn a_planner_that_ignores_the_healthy_minimum_is_found() {
    find_violation(Variant::NoHealthyMinimum, "must stay healthy");
}

#[test]
fn an_effect_before_its_intent_is_found() {
    find_violation(Variant::EffectBeforeIntent, "no intent");
}
