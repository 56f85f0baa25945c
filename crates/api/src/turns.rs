//! The same request twice at once: the second waits for the answer of the first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::OwnedMutexGuard;

/// By actor and request id.
type UnderWay = BTreeMap<(String, String), Weak<tokio::sync::Mutex<()>>>;

/// Requests with an id that are under way. As many at most as calls are answered at once.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<UnderWay>>);

/// The turn of one request. Dropped: it is the next one's.
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits until no request of this actor with this id is under way.
    pub(crate) async fn wait(&self, actor: &str, id: &str) -> Turn {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let key = (actor.to_owned(), id.to_owned());
            let known = turns.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(key, Arc::downgrade(&turn));
                turn
            })
        };
        Turn {
            _held: turn.lock_owned().await,
        }
    }
}
