//! The house rules that a machine can check: floors, purity, sizes, names, papers. Reads manifests and files, runs
//! nothing but `cargo metadata`, `cargo tree` and `git ls-files`, and needs no network.
#![cfg(test)]

mod decisions;
mod events;
mod files;
mod floors;
mod fuzz;
mod migrations;
mod papers;
mod ports;
mod supply;
mod text;
mod workspace;
