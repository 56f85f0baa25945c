//! testkit

pub mod docker;
pub mod fake;
pub mod git;
pub mod registry;
pub mod sim;
