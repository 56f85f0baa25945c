//! Tests of the runner: whoever reads what it says of a seed can see that seed alone, and two runs of one seed that differ
//! are told apart.

use crate::{RUNNER, run::Runner, variants::Variant};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a run says when it fails.
fn said(run: impl FnOnce()) -> String {
    let failure = catch_unwind(AssertUnwindSafe(run)).expect_err("it fails");
    *failure.downcast::<String>().expect("it says why")
}

#[test]
fn a_seed_that_fails_says_how_it_is_run_again() {
    let broken = Runner {
        variant: Variant::EffectBeforeIntent,
        ..RUNNER
    };
    let first = said(|| broken.run_all(1..301));
    assert!(first.contains("no intent"), "{first}");
    let (_, command) = first.rsplit_once("run it again: JOCKEY_SIM_SEED=").unwrap();
    let (seed, command) = command.split_once(' ').unwrap();
    assert_eq!(command, "cargo test -p controller --test sim one_seed");
    let again = said(|| broken.run_one(seed.parse().unwrap()));
    assert_eq!(again, first, "it is the same story");
}

#[test]
fn a_world_that_runs_differently_each_time_is_found() {
    let broken = Runner {
        variant: Variant::InNoOrder,
        twice: Some(1),
        ..RUNNER
    };
    let said = said(|| broken.run_all(1..31));
    assert!(said.contains("ran differently the second time"), "{said}");
    assert!(said.contains("run it again: JOCKEY_SIM_SEED="), "{said}");
}
