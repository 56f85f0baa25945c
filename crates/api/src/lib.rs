//! The API over gRPC: authorises, turns messages into the words of the domain, calls use cases, and turns what they
//! answer into messages.
//!
//! No rule of the domain is here, and nothing is stored or done but through `controller::usecases`. A `tonic::Status`
//! is made in `status.rs` alone, and who may call what is said in `permissions.rs` alone.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod about;
mod auth;
mod convert;
mod fields;
mod guard;
mod handlers;
mod legacy;
mod mask;
mod once;
mod page;
mod permissions;
pub mod secret;
mod services;
mod status;
mod streams;
mod turns;
mod webhook;

pub use about::About;
pub use auth::{People, Times};
pub use guard::CallerAddress;
pub use handlers::Services;
pub use legacy::{Object, legacy_object};
