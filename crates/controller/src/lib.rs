//! Use cases and control loops: brings what runs to what is wanted, and keeps it there.
//!
//! Knows ports alone: it compiles without Docker, a database or gRPC. It decides nothing that `scheduler` decides, and
//! makes no HTTP, SQL or gRPC of its own.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod board;
mod builds;
pub mod code_host;
pub mod deps;
pub mod disk;
mod environment;
mod error;
pub mod feed;
mod health_watch;
pub mod hooks;
mod housekeeping;
pub mod jobs;
mod leases;
mod ledger;
mod observe;
mod perform;
pub mod put_back;
mod questions;
pub mod runs;
mod sealer;
mod server;
mod stale;
pub mod strangers;
pub mod usecases;

pub use board::Board;
pub use deps::{Deps, RecordOrder, Settings};
pub use error::Error;
pub use feed::Feed;
pub use jobs::Workforce;
pub use observe::{Look, SeenInstance, Waiting, instances, instances_and_waiting, preview};
pub use questions::Questions;
pub use runs::Runs;
pub use server::Server;
