//! The builder against real git repositories.
#![cfg(test)]

mod archive;
mod contracts;
mod crash;
mod docker;
mod engine;
mod healing;
mod names;
mod node;
mod source;
mod token;
mod world;
