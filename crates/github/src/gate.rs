//! Limits that GitHub has told of. Whoever comes with the same credential before one is over is told so, and GitHub is not
//! asked: to go on asking makes a limit longer.

use crate::{fault::LONGEST, remembered::Key};
use domain::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most credentials whose limits are known. Beyond that each call finds out for itself.
const MOST: usize = 4096;

/// Whose limits hold, and until when.
#[derive(Default)]
pub(crate) struct Gate(Mutex<BTreeMap<Key, Timestamp>>);

impl Gate {
    /// Until when nothing is asked with a credential. None: it may be.
    pub(crate) fn closed(&self, of: &Key, now: Timestamp) -> Option<Timestamp> {
        let until = self.lock().get(of).copied();
        // One that is further away was told before the clock was set back.
        until.filter(|until| now < *until && *until <= now + LONGEST)
    }

    /// Nothing is asked with this credential until then.
    pub(crate) fn close(&self, of: Key, until: Timestamp, now: Timestamp) {
        let mut closed = self.lock();
        closed.retain(|_, until| now < *until);
        if closed.len() < MOST {
            let known = closed.entry(of).or_insert(until);
            *known = until.max(*known);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Timestamp>> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
