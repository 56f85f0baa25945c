//! testkit

pub mod docker;
pub mod fake;
pub mod git;
pub mod github;
pub mod registry;
pub mod sim;
