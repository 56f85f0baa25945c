//! How fast something may go on, for each of many: buckets of tokens, of which one is taken each time.
//!
//! **Invariant:** nothing here reads the clock, and no more than `most` buckets are kept, whoever comes.

use std::{collections::BTreeMap, time::Duration};

/// `burst` at once, and one more after each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) burst: u32,
    pub(crate) every: Duration,
}

/// A bucket for each key. Times are counted from any one point in time.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    pace: Pace,
    most: usize,
    /// When each is full again. One that is full is not kept.
    full_at: BTreeMap<K, Duration>,
}

impl<K: Ord + Clone> Buckets<K> {
    /// Buckets that are full. Of more than `most` the fullest are forgotten: they are then full.
    pub(crate) const fn new(pace: Pace, most: usize) -> Self {
        Self {
            pace,
            most,
            full_at: BTreeMap::new(),
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// When there is none: after how long there will be one.
    pub(crate) fn take(&mut self, key: &K, now: Duration) -> Result<(), Duration> {
        self.look(key, now)?;
        let full_at = self.full_at(key, now) + self.pace.every;
        if !self.full_at.contains_key(key) && self.full_at.len() >= self.most {
            self.make_room(now);
        }
        self.full_at.insert(key.clone(), full_at);
        Ok(())
    }

    /// Whether one could be taken.
    ///
    /// # Errors
    /// As `take`.
    pub(crate) fn look(&self, key: &K, now: Duration) -> Result<(), Duration> {
        let emptied = (self.full_at(key, now) - now) + self.pace.every;
        match emptied.checked_sub(self.pace.every * self.pace.burst) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(wait) => Err(wait),
        }
    }

    fn full_at(&self, key: &K, now: Duration) -> Duration {
        self.full_at.get(key).map_or(now, |at| (*at).max(now))
    }

    fn make_room(&mut self, now: Duration) {
        self.full_at.retain(|_, at| *at > now);
        if self.full_at.len() < self.most {
            return;
        }
        let fullest = self.full_at.iter().min_by_key(|(_, at)| **at);
        if let Some(key) = fullest.map(|(key, _)| key.clone()) {
            self.full_at.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        burst: 3,
        every: Duration::from_millis(100),
    };

    /// What becomes of one try after another, each so many milliseconds after the beginning.
    #[track_caller]
    fn check(why: &str, tries: &[u64], want: &str) {
        let mut buckets = Buckets::new(PACE, 10);
        let taken = tries.iter().map(|at| {
            let taken = buckets.take(&"mona", Duration::from_millis(*at));
            taken.map_or_else(|wait| wait.as_millis().to_string(), |()| "yes".to_owned())
        });
        assert_eq!(taken.collect::<Vec<_>>().join(" "), want, "{why}");
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_one_at_a_time() {
        check("a burst", &[0, 0, 0, 0], "yes yes yes 100");
        check(
            "who waits gets one",
            &[0, 0, 0, 100, 100],
            "yes yes yes yes 100",
        );
        check("too early", &[0, 0, 0, 99, 100], "yes yes yes 1 yes");
        check(
            "a refusal costs nothing",
            &[0, 0, 0, 10, 20, 100],
            "yes yes yes 90 80 yes",
        );
        check(
            "it fills up again",
            &[0, 0, 0, 300, 300, 300, 300],
            "yes yes yes yes yes yes 100",
        );
        check(
            "and not beyond",
            &[0, 9000, 9000, 9000, 9000],
            "yes yes yes yes 100",
        );
    }

    #[test]
    fn a_look_takes_nothing_and_keys_are_apart() {
        let mut buckets = Buckets::new(PACE, 10);
        let now = Duration::ZERO;
        for _ in 0..3 {
            buckets.take(&"mona", now).unwrap();
        }
        assert_eq!(buckets.look(&"mona", now), Err(PACE.every));
        for _ in 0..10 {
            buckets.look(&"lisa", now).unwrap();
        }
        buckets.take(&"lisa", now).unwrap();
    }

    #[test]
    fn no_more_are_kept_than_said_and_the_emptiest_longest() {
        let mut buckets = Buckets::new(PACE, 4);
        let now = Duration::ZERO;
        for _ in 0..3 {
            buckets.take(&0, now).unwrap();
        }
        for key in 1..1000 {
            buckets.take(&key, now).unwrap();
            assert!(buckets.full_at.len() <= 4, "{key}");
        }
        assert!(
            buckets.look(&0, now).is_err(),
            "who has none left is remembered"
        );
        let later = Duration::from_secs(60);
        buckets.take(&0, later).unwrap();
        buckets.take(&5000, later).unwrap();
        assert!(buckets.full_at.len() <= 4, "full ones are forgotten");
    }
}
