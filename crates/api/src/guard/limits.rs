//! How much one caller may ask for, and how often one address may show what is no good.

use super::pace::{Buckets, Pace};
use crate::status::{Refusal, Stranger};
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How often an address may show a token that is no good: as a script that was forgotten does, and no guessing.
const FAILURES: Pace = Pace {
    burst: 30,
    every: Duration::from_secs(1),
};
/// The most addresses, and the most callers, that are remembered: some hundred kilobytes.
const REMEMBERED_MAX: usize = 4096;
/// How many seconds' calls a caller may make at once.
const BURST_SECONDS: u32 = 5;

/// From which address a call comes, as far as the listener could tell. Among the extensions of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerAddress(pub IpAddr);

/// What is counted.
pub(crate) struct Limits {
    began: Instant,
    failures: Mutex<Buckets<IpAddr>>,
    /// None: callers may ask as much as they like.
    calls: Option<Mutex<Buckets<String>>>,
}

impl Limits {
    /// Limits for callers of so many calls a second. 0: as many as they like.
    pub(crate) fn new(calls_per_second: u32) -> Self {
        let pace = (calls_per_second > 0).then(|| Pace {
            burst: calls_per_second.saturating_mul(BURST_SECONDS),
            every: Duration::from_secs(1) / calls_per_second,
        });
        Self {
            began: Instant::now(),
            failures: Mutex::new(Buckets::new(FAILURES, REMEMBERED_MAX)),
            calls: pace.map(|pace| Mutex::new(Buckets::new(pace, REMEMBERED_MAX))),
        }
    }

    /// Counts a call of a caller.
    ///
    /// # Errors
    /// `TooManyOfOne`.
    pub(crate) fn call(&self, actor: &str) -> Result<(), Refusal> {
        let Some(calls) = &self.calls else {
            return Ok(());
        };
        let taken = lock(calls).take(&actor.to_owned(), self.began.elapsed());
        taken.map_err(|wait| Refusal::TooManyOfOne { wait })
    }

    /// Whether what an address shows is looked at.
    ///
    /// # Errors
    /// `TooManyFailures`.
    pub(crate) fn may_try(&self, from: Option<CallerAddress>) -> Result<(), Refusal> {
        let Some(CallerAddress(address)) = from else {
            return Ok(());
        };
        let left = lock(&self.failures).look(&network_of(address), self.began.elapsed());
        left.map_err(|wait| Stranger::TooManyFailures { wait }.into())
    }

    /// Counts what was no good. What failed for another reason, or was good once, tells of no guessing.
    pub(crate) fn failed(&self, from: Option<CallerAddress>, refusal: &Refusal) {
        let Refusal::Caller(
            Stranger::TokenUnknown
            | Stranger::TokenExpired { .. }
            | Stranger::TokenRevoked { .. }
            | Stranger::GitHubTokenUnknown
            | Stranger::SessionUnknown,
        ) = refusal
        else {
            return;
        };
        metrics::counter!("jockey_authentication_failures_total").increment(1);
        if let Some(CallerAddress(address)) = from {
            let mut failures = lock(&self.failures);
            // An empty bucket does not get emptier.
            let _was_empty = failures.take(&network_of(address), self.began.elapsed());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address, or of version 6 the network that one customer has.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_of_version_6_count_as_one() {
        for (address, want) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let got = network_of(address.parse().unwrap());
            assert_eq!(got.to_string(), want);
        }
    }
}
