//! Makes images of commits: fetches a commit, chooses how to build it, streams its tree to a node's image builder,
//! names the result and pushes it where a registry is configured.
//!
//! Nothing is ever checked out: files and contexts come straight out of git objects. No variable of any Environment
//! is known here. A token or a build secret is in no argument list, no line of output and no error.

mod context;
mod dockerignore;
mod engine;
pub mod git;
mod lines;
mod naming;
mod secrets;
mod strategy;
mod tarball;
mod tree;
mod workers;

pub use engine::{Engine, Settings};
pub use secrets::{BuildSecrets, NoSecrets, SecretDirectory};
