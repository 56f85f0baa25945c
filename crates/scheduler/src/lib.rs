//! Decides: which nodes (`place`), which steps (`plan`), how a Deploy stands (`judge`), what is known to be done
//! (`settle`), and what no plan may ever do (`check`).
//!
//! Pure. Nothing here does I/O, reads a clock, is async or makes a random choice: time and a seed are part of the
//! input, and the same input gives the same plan. Deploy, rescale, restart, config change, reconcile, drain and node
//! loss are one function, called with a different desired state.
//!
//! One round of the loop: build a `PlanInput`, `settle` it and record the closures, `plan` what is left, `check` the
//! plan, perform its steps, look again.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod input;
pub mod plan;

pub mod check;
pub mod crash_loop;
pub mod health;
pub mod judge;
pub mod place;
pub mod settle;

#[cfg(feature = "broken")]
#[doc(hidden)]
pub mod broken;

mod seed;
mod world;

pub use check::{Violation, check};
pub use crash_loop::{CrashLoop, NodeRestarts, Unseen, crash_loops};
pub use health::{ProbeOutcome, Probed, health};
pub use input::PlanInput;
pub use judge::{Verdict, judge};
pub use plan::{Plan, plan};
pub use settle::{Closure, settle};
