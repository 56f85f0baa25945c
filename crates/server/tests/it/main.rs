//! Jockey as a user has it: the binaries, over gRPC, on a real Docker daemon, with real git repositories.
#![cfg(test)]

mod calls;
mod harness;
mod network;
mod sources;

mod crash;
mod deploy;
mod examples;
mod failing;
mod heal;
mod zero_downtime;
