//! Watch channels whose watchers wake in the order in which they came.

use super::lock;
use std::sync::Mutex;
use tokio::sync::watch;

/// One channel for each watcher. Tokio wakes several watchers of one channel in an order that it draws by lot, which
/// would make two runs of one seed differ.
pub(super) struct Watchers<T> {
    senders: Mutex<Vec<watch::Sender<T>>>,
}

impl<T> Default for Watchers<T> {
    fn default() -> Self {
        Self {
            senders: Mutex::default(),
        }
    }
}

impl<T: Clone + PartialEq> Watchers<T> {
    /// A new watcher, that knows this value.
    pub(super) fn subscribe(&self, known: T) -> watch::Receiver<T> {
        let (sender, receiver) = watch::channel(known);
        lock(&self.senders).push(sender);
        receiver
    }

    /// Wakes each watcher that knows another value.
    pub(super) fn send(&self, value: &T) {
        let mut senders = lock(&self.senders);
        senders.retain(|sender| !sender.is_closed());
        for sender in &*senders {
            sender.send_if_modified(|known| {
                let differs = known != value;
                known.clone_from(value);
                differs
            });
        }
    }
}
