//! testkit

pub mod docker;
pub mod git;
pub mod registry;
