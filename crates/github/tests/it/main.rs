//! The adapter against a GitHub on loopback.
#![cfg(test)]

mod clones;
mod contracts;
mod credential;
mod fuzzed;
mod limits;
mod outages;
mod secrets;
mod stage;
mod traffic;
mod webhooks;
