//! How long the program of a node lets the singletons of its host run: no longer than its lease lasts, so that who is told
//! by the database that the lease has run out knows that they were stopped.
//!
//! Time is the host's own, counted on from any moment, and never anybody's time of day. A lease is counted from before it
//! was asked for, so that it ends here before it does at whoever has given it.

use std::time::Duration;

crate::words! {
    /// What the program of a node asks of its lease.
    Wish {
        /// That it goes on. Refused where it has run out.
        Prolong => "prolong",
        /// That it begins anew: no singleton runs on the host.
        Begin => "begin",
        /// That there is none any more: nobody looks after the singletons of the host from now on.
        End => "end",
    }
}

/// A lease is asked for again after this part of its time,
const AGAIN: u32 = 6;
/// its singletons are signalled to stop when this part of it is over, in which it was asked for three times in vain,
const STOP: u32 = 2;
/// and are killed while so much of it is left: for the kill itself, and for clocks that do not go alike.
const LEFT: u32 = 6;
/// A program that starts, and finds nothing of how old its lease is, stops what there is when it has heard nothing for
/// this part of a lease, and kills it at twice that.
const UNSURE: u32 = 6;

/// What is to be done about the singletons of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Singletons {
    /// They may run.
    Run,
    /// They are signalled to stop, and have so much time for it.
    Stop(Duration),
    /// They are killed, and nothing that turns up is let run.
    Kill,
}

/// When a lease is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    pub stop_at: Duration,
    pub kill_at: Duration,
}

/// The lease of a host, as its program has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    life: Duration,
    /// When it is asked for again.
    again_at: Duration,
    stop_at: Duration,
    kill_at: Duration,
    /// Whether it is known to have run out.
    is_over: bool,
}

impl Guard {
    /// Of a program that starts, and does not know whether it has a lease.
    #[must_use]
    pub fn starting(now: Duration, life: Duration) -> Self {
        Self {
            life,
            again_at: now,
            stop_at: now + life / UNSURE,
            kill_at: now + 2 * life / UNSURE,
            is_over: false,
        }
    }

    /// Of a program that was ended, and finds what the one before it had.
    #[must_use]
    pub const fn resumed(now: Duration, life: Duration, ends: Ends) -> Self {
        Self {
            life,
            again_at: now,
            stop_at: ends.stop_at,
            kill_at: ends.kill_at,
            is_over: false,
        }
    }

    /// What the next program of this host has to know, should this one be ended.
    #[must_use]
    pub const fn ends(&self) -> Ends {
        Ends {
            stop_at: self.stop_at,
            kill_at: self.kill_at,
        }
    }

    /// It was prolonged, or has begun. `asked_at`: before it was asked for.
    pub fn granted(&mut self, asked_at: Duration, life: Duration) {
        *self = Self {
            life,
            again_at: asked_at + life / AGAIN,
            stop_at: asked_at + life / STOP,
            kill_at: asked_at + life - life / LEFT,
            is_over: false,
        };
    }

    /// It was asked for and not had.
    pub fn missed(&mut self, asked_at: Duration) {
        self.again_at = asked_at + self.life / AGAIN;
    }

    /// It has run out, as the server says: others may run already.
    pub fn ran_out(&mut self, now: Duration) {
        self.stop_at = self.stop_at.min(now);
        self.kill_at = self.kill_at.min(now);
        self.again_at = now;
        self.is_over = true;
    }

    /// The host is a node no more. What is left of the lease is the time to stop in.
    pub fn removed(&mut self, now: Duration) {
        self.stop_at = self.stop_at.min(now);
    }

    /// What is to be done now.
    #[must_use]
    pub fn singletons(&self, now: Duration) -> Singletons {
        if now < self.stop_at {
            Singletons::Run
        } else if now < self.kill_at {
            Singletons::Stop(self.kill_at - now)
        } else {
            Singletons::Kill
        }
    }

    /// When something else is to be done than now, or the lease to be asked for.
    #[must_use]
    pub fn next(&self, now: Duration) -> Duration {
        let times = [self.again_at, self.stop_at, self.kill_at];
        let later = times.into_iter().filter(|at| *at > now);
        later.min().unwrap_or(now)
    }

    /// Whether the lease is to be asked for now.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.again_at
    }

    /// What is asked for. Where it has run out that is a new one, and not before nothing runs.
    #[must_use]
    pub const fn wish(&self) -> Wish {
        if self.is_over {
            Wish::Begin
        } else {
            Wish::Prolong
        }
    }

    /// How long an answer is waited for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.life / AGAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(30);

    const fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn what_is_not_prolonged_in_time_is_stopped_and_then_killed_before_it_runs_out() {
        let mut guard = Guard::starting(at(0), LIFE);
        guard.granted(at(100), LIFE);
        for (second, want) in [
            (100, Singletons::Run),
            (114, Singletons::Run),
            (115, Singletons::Stop(at(10))),
            (124, Singletons::Stop(at(1))),
            (125, Singletons::Kill),
            (500, Singletons::Kill),
        ] {
            assert_eq!(guard.singletons(at(second)), want, "at {second}");
        }
        guard.missed(at(110));
        assert!(!guard.is_due(at(114)) && guard.is_due(at(115)));
        guard.granted(at(116), LIFE);
        assert_eq!(guard.singletons(at(117)), Singletons::Run);
        assert_eq!(guard.next(at(117)), at(121));
    }

    #[test]
    fn one_that_starts_stops_what_it_cannot_show_a_lease_for() {
        let mut guard = Guard::starting(at(0), LIFE);
        assert!(guard.is_due(at(0)));
        assert_eq!(guard.singletons(at(4)), Singletons::Run);
        assert_eq!(guard.singletons(at(5)), Singletons::Stop(at(5)));
        assert_eq!(guard.singletons(at(10)), Singletons::Kill);
        guard.granted(at(3), LIFE);
        assert_eq!(guard.singletons(at(10)), Singletons::Run);
    }

    #[test]
    fn one_that_is_started_again_knows_how_old_the_lease_is() {
        let mut before = Guard::starting(at(0), LIFE);
        before.granted(at(100), LIFE);
        let guard = Guard::resumed(at(124), LIFE, before.ends());
        assert!(guard.is_due(at(124)));
        assert_eq!(guard.singletons(at(124)), Singletons::Stop(at(1)));
        assert_eq!(guard.singletons(at(125)), Singletons::Kill);
    }

    #[test]
    fn one_that_has_run_out_begins_anew_once_nothing_runs() {
        let mut guard = Guard::starting(at(0), LIFE);
        guard.granted(at(0), LIFE);
        assert_eq!(guard.wish(), Wish::Prolong);
        guard.ran_out(at(6));
        assert_eq!(guard.singletons(at(6)), Singletons::Kill);
        assert_eq!(guard.wish(), Wish::Begin);
        guard.missed(at(6));
        assert_eq!(guard.wish(), Wish::Begin);
        guard.granted(at(7), LIFE);
        assert_eq!(guard.singletons(at(8)), Singletons::Run);
        assert_eq!(guard.wish(), Wish::Prolong);
    }

    #[test]
    fn a_node_that_was_removed_has_what_is_left_of_its_lease_to_stop_in() {
        let mut guard = Guard::starting(at(0), LIFE);
        guard.granted(at(0), LIFE);
        guard.removed(at(5));
        assert_eq!(guard.singletons(at(5)), Singletons::Stop(at(20)));
        assert_eq!(guard.singletons(at(25)), Singletons::Kill);
    }
}
