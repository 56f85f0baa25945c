//! Jockey as a user has it: the binaries, over gRPC, on a real Docker daemon, with real git repositories.
#![cfg(test)]

mod calls;
mod harness;
mod network;
mod programs;
mod rest;
mod sources;

mod access;
mod bad_input;
mod builds;
mod check;
mod cli;
mod clients;
mod crash;
mod deploy;
mod disk;
mod examples;
mod failing;
mod gateway;
mod github;
mod heal;
mod healthcheck;
mod leftovers;
mod legacy;
mod limits;
mod made_up;
mod people;
mod quickstart;
mod readme;
mod requests;
mod restored;
mod runs;
mod scale;
mod secrets;
mod shutdown;
mod sign_in;
mod state;
mod tls;
mod watched;
mod zero_downtime;
