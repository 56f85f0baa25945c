//! The store on real files.
#![cfg(test)]

mod contract;
mod world;
