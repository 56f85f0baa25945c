//! The way from one server to what it asks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A way that may be cut for a while. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Line(Arc<AtomicBool>);

impl Line {
    /// Lets every call over it fail.
    pub fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets calls over it succeed again.
    pub fn mend(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether calls over it fail.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
