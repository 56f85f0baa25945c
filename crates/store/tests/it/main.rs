//! The store on real files.
#![cfg(test)]

mod adoption;
mod audit;
mod contract;
mod crash;
mod group_commit;
mod keys;
mod opening;
mod sessions;
mod world;
