//! Jobs: calls to others that are tried until they succeed, or are given up.

use crate::{IllegalTransition, Timestamp};
use std::time::Duration;

crate::words! {
    /// Where a job stands.
    JobState {
        /// For its time to come.
        Waiting => "waiting",
        /// A server is at it, or was when it ended.
        Running => "running",
        /// It has succeeded.
        Done => "done",
        /// It will never succeed, or took too long: given up.
        Dead => "dead",
    }
}

crate::words! {
    /// What happens to a job.
    JobEvent {
        /// A server takes it: for the first time, again, or from one whose lease has run out.
        Claimed => "claimed",
        Succeeded => "succeeded",
        /// It did not succeed this time.
        Deferred => "deferred",
        GaveUp => "gave_up",
    }
}

impl JobState {
    /// The state after `event`. This match is the whole machine; nothing else moves a job.
    ///
    /// # Errors
    /// `IllegalTransition` for every pair that is not listed here.
    pub fn after(self, event: JobEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Waiting | Self::Running, JobEvent::Claimed) => Ok(Self::Running),
            (Self::Running, JobEvent::Succeeded) => Ok(Self::Done),
            (Self::Running, JobEvent::Deferred) => Ok(Self::Waiting),
            (Self::Running, JobEvent::GaveUp) => Ok(Self::Dead),
            (from, event) => Err(IllegalTransition {
                machine: "a job",
                from: from.as_str(),
                event: event.as_str(),
            }),
        }
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Dead)
    }
}

/// How long a job waits after each attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first; twice as long after each that follows.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Backoff {
    /// From 2 s to 1 h.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(3600),
        }
    }
}

/// The longest wait that another server may ask for. GitHub's limits end within an hour; who asks for more than a day asks
/// for never.
const ASKED_MAX: Duration = Duration::from_secs(24 * 3600);

/// An attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Which it was, from 1.
    pub number: u32,
    pub at: Timestamp,
    /// How long the other side asked to be left alone: `Retry-After`.
    pub asked: Option<Duration>,
}

impl Backoff {
    /// How long to wait after an attempt: what the other side asked for, at most a day and at least as long as after
    /// the first, or else ever longer.
    #[must_use]
    pub fn wait(self, attempt: Attempt) -> Duration {
        if let Some(asked) = attempt.asked {
            return asked.clamp(self.first, ASKED_MAX);
        }
        let doublings = attempt.number.saturating_sub(1).min(30);
        self.first
            .saturating_mul(1_u32 << doublings)
            .min(self.longest)
    }

    /// When to try again what has been tried since then. None: that would be later than `patience` after it was wanted.
    #[must_use]
    pub fn next(
        self,
        attempt: Attempt,
        wanted_at: Timestamp,
        patience: Duration,
    ) -> Option<Timestamp> {
        let next = attempt.at + self.wait(attempt);
        (next <= wanted_at + patience).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_machine_reads_as_a_table() {
        let mut table = String::new();
        for state in JobState::ALL {
            for event in JobEvent::ALL {
                if let Ok(next) = state.after(*event) {
                    table.push_str(&format!("{state} + {event} = {next}\n"));
                }
            }
        }
        assert_eq!(
            table,
            "waiting + claimed = running\n\
             running + claimed = running\n\
             running + succeeded = done\n\
             running + deferred = waiting\n\
             running + gave_up = dead\n"
        );
    }

    #[test]
    fn waits_grow_to_their_bound_and_honour_what_was_asked() {
        for (number, asked, want) in [
            (1, None, 2),
            (2, None, 4),
            (5, None, 32),
            (11, None, 2048),
            (12, None, 3600),
            (u32::MAX, None, 3600),
            (0, None, 2),
            (7, Some(0), 2),
            (1, Some(90), 90),
            (1, Some(7200), 7200),
            (1, Some(10_000_000), 86_400),
        ] {
            let attempt = Attempt {
                number,
                at: Timestamp::EPOCH,
                asked: asked.map(Duration::from_secs),
            };
            let got = Backoff::default().wait(attempt);
            assert_eq!(got, Duration::from_secs(want), "{number} {asked:?}");
        }
    }

    #[test]
    fn patience_ends() {
        let seconds = Duration::from_secs;
        let attempt = |at: u64| Attempt {
            number: 3,
            at: Timestamp::EPOCH + seconds(at),
            asked: None,
        };
        let next = |at| Backoff::default().next(attempt(at), Timestamp::EPOCH, seconds(60));
        assert_eq!(next(52), Some(Timestamp::EPOCH + seconds(60)));
        assert_eq!(next(53), None);
    }
}
