#![cfg(test)]
//! The adapter against a real Docker Engine. What a test asserts is seen through the `docker` command where that
//! matters, so that the adapter is not its own witness.

mod builders;
mod builds;
mod contracts;
mod disk;
mod docker_29;
mod engine;
mod images;
mod instances;
mod layers;
mod listing;
mod logs;
mod pulls;
mod remote;
mod scripted;
mod singletons;
mod world;
