//! `jockey` as a program: what it prints, where, and with which code it ends, against a server that
//! gives prepared answers over real gRPC.

#![cfg(test)]

mod api;
mod bad_input;
mod colours;
mod config;
mod contexts;
mod deploys;
mod fake;
mod habits;
mod help;
mod infer;
mod lists;
mod login;
mod nodes;
mod output;
mod rc;
mod reconciles;
mod rest;
mod status;
mod tls;
mod trust;
mod world;
