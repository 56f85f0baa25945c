//! The simulation of `controller/tests/sim` with the real SQLite store behind the ports, and the same invariants: what
//! the fake store keeps is kept by the real one too.
//!
//! A seed that fails prints how to run it alone; it may take several runs, for the store wakes in no fixed order those who
//! wait for what is written. More seeds: `JOCKEY_SIM_SQLITE_SEEDS=10000`.
#![cfg(test)]

#[path = "../../../controller/tests/sim/callers.rs"]
mod callers;
#[path = "../../../controller/tests/sim/database.rs"]
mod database;
#[path = "../../../controller/tests/sim/decided.rs"]
mod decided;
#[path = "../../../controller/tests/sim/edits.rs"]
mod edits;
#[path = "../../../controller/tests/sim/faults.rs"]
mod faults;
#[path = "../../../controller/tests/sim/membership.rs"]
mod membership;
#[path = "../../../controller/tests/sim/operations.rs"]
mod operations;
#[path = "../../../controller/tests/sim/patience.rs"]
mod patience;
#[path = "../../../controller/tests/sim/programs.rs"]
mod programs;
#[path = "../../../controller/tests/sim/rest.rs"]
mod rest;
#[path = "../../../controller/tests/sim/run.rs"]
mod run;
#[path = "../../../controller/tests/sim/shares.rs"]
mod shares;
mod sqlite;
#[expect(
    dead_code,
    reason = "one broken planner takes more than a hundred seeds to be found"
)]
#[path = "../../../controller/tests/sim/variants.rs"]
mod variants;
#[path = "../../../controller/tests/sim/watch.rs"]
mod watch;
#[path = "../../../controller/tests/sim/ways.rs"]
mod ways;
#[path = "../../../controller/tests/sim/world.rs"]
mod world;

use run::{Runner, from_environment, seeds_asked_for};
use variants::Variant;

/// How many seeds a plain run of the tests takes. Each writes some thousand transactions.
const SEEDS: u64 = 200;

const RUNNER: Runner = Runner {
    database: sqlite::make,
    variant: Variant::AsItIs,
    twice: None,
    again: "cargo test -p server --test sim one_seed",
};

#[test]
fn no_seed_breaks_an_invariant_on_sqlite() {
    RUNNER.run_all(seeds_asked_for("JOCKEY_SIM_SQLITE_SEEDS", SEEDS));
}

#[test]
fn one_seed_on_sqlite() {
    RUNNER.run_one(from_environment("JOCKEY_SIM_SEED").unwrap_or(1));
}

#[test]
fn a_planner_that_ignores_the_healthy_minimum_is_found_on_sqlite() {
    RUNNER.find_violation(Variant::NoHealthyMinimum, "must stay healthy");
}

#[test]
fn an_effect_before_its_intent_is_found_on_sqlite() {
    RUNNER.find_violation(Variant::EffectBeforeIntent, "no intent");
}
