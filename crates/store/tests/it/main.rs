//! The store on real files, and on a real PostgreSQL.
#![cfg(test)]

mod adoption;
mod audit;
mod contract;
mod copies;
mod crash;
mod crowded;
mod group_commit;
mod hanging;
mod keys;
mod named_ports;
mod opening;
mod sessions;
mod shared;
mod steps;
mod world;
