//! Time and randomness, handed in so that a simulation owns both.

#[cfg(feature = "contract")]
pub mod contract;

use domain::Timestamp;

/// The time of day. Waiting is tokio's, whose clock a simulation controls as well.
pub trait Clock: Send + Sync {
    /// Now. May jump, also backwards: never subtract two of them to decide who holds a lease.
    fn now(&self) -> Timestamp;
}

/// A source of randomness for ids and seeds.
pub trait Ids: Send + Sync {
    /// 64 fresh random bits.
    fn bits(&self) -> u64;
}
