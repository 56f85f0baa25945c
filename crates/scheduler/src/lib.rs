//! Decides: which nodes (`place`), which steps (`plan`), how a Deploy stands (`judge`), and what no plan may ever do
//! (`check`).
//!
//! Pure. Nothing here does I/O, reads a clock, is async or makes a random choice: time and a seed are part of the
//! input, and the same input gives the same plan. Deploy, rescale, restart, config change, reconcile, drain and node
//! loss are one function, called with a different desired state.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod input;
pub mod plan;
