//! The machine that this runs on: its clock, its randomness, its name.

use domain::{NodeName, Timestamp};
use ports::{Clock, Ids};
use std::time::UNIX_EPOCH;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The kernel's randomness.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RandomIds;

impl Ids for RandomIds {
    fn bits(&self) -> u64 {
        getrandom::u64().expect("the kernel gives random bytes once it has booted")
    }
}

/// What the host calls itself, as a node's name; `localhost` where that cannot be one.
pub(crate) fn node_name() -> NodeName {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    host.trim()
        .parse()
        .unwrap_or_else(|_| "localhost".parse().expect("`localhost` is a name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::clock::contract;

    #[tokio::test]
    async fn the_machines_clock_keeps_the_contract() {
        contract::clock(&SystemClock).await;
    }

    #[test]
    fn the_kernels_randomness_keeps_the_contract() {
        contract::ids(&RandomIds);
    }
}
