//! Jockey as a user has it: the binaries, over gRPC, on a real Docker daemon, with real git repositories.
#![cfg(test)]

mod calls;
mod harness;
mod network;
mod programs;
mod sources;

mod access;
mod crash;
mod deploy;
mod examples;
mod failing;
mod heal;
mod secrets;
mod state;
mod zero_downtime;
