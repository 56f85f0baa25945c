//! A clock that goes with tokio's and can be made to jump.

use super::lock;
use domain::Timestamp;
use std::{sync::Mutex, time::Duration};
use tokio::time::Instant;

/// What a machine takes for the time of day: tokio's clock, plus what it was made to jump.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    start: Mutex<Timestamp>,
}

/// 2026-01-01T00:00:00Z, when every simulated world begins.
pub const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

impl Clock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self {
            origin: Instant::now(),
            start: Mutex::new(start),
        }
    }

    /// Sets it forward.
    pub fn forward(&self, by: Duration) {
        let mut start = lock(&self.start);
        *start = *start + by;
    }

    /// Sets it back.
    pub fn backward(&self, by: Duration) {
        let mut start = lock(&self.start);
        *start = *start - by;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::at(BEGINNING)
    }
}

impl ports::Clock for Clock {
    fn now(&self) -> Timestamp {
        *lock(&self.start) + self.origin.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::Clock as _;

    #[tokio::test(start_paused = true)]
    async fn time_passes_as_tokio_says_and_jumps_when_told() {
        let clock = Clock::default();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.now(), BEGINNING + Duration::from_secs(5));
        clock.backward(Duration::from_secs(60));
        assert_eq!(clock.now(), BEGINNING - Duration::from_secs(55));
    }
}
