//! The builder against real git repositories.
#![cfg(test)]

mod archive;
mod docker;
mod engine;
mod healing;
mod node;
mod source;
mod token;
mod world;
