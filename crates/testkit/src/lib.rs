//! testkit

pub mod cluster;
pub mod consul;
pub mod docker;
pub mod fake;
pub mod git;
pub mod github;
pub mod port;
pub mod postgres;
pub mod process;
pub mod registry;
pub mod sim;
