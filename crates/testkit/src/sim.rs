//! Faults for simulations: every call of a port passes a point before its effect and one after it, where a seed decides
//! whether it goes on, waits, fails, or the server that made it dies.
//!
//! A simulation is deterministic as long as everything in it runs on one paused `current_thread` runtime and asks no
//! clock, no map and no randomness but those of `fake`.

mod at_once;
mod fate;
pub mod faulty;
mod line;

pub use at_once::at_once;
pub use fate::{Fate, Fault, Odds, Points, Tracing};
pub use line::Line;
