//! Stand-ins for every port, in memory. Deterministic: ordered maps, no thread, no clock but tokio's, no randomness
//! but a seed.
//!
//! Each passes the contract of its port, as the real adapter does: a fake that is kinder than the real thing proves
//! nothing. Time passes for them as tokio's clock says, so that a paused runtime makes an hour cost nothing.

pub mod build_engine;
pub mod catalog;
pub mod clock;
pub mod code_host;
pub mod directory;
pub mod fleet;
pub mod hours;
pub mod ids;
pub mod node;
pub mod notifier;
pub mod prober;
pub mod sign_in;
pub mod source;
pub mod store;
mod watchers;

pub use build_engine::BuildEngine;
pub use catalog::Catalog;
pub use clock::Clock;
pub use code_host::CodeHost;
pub use directory::Directory;
pub use fleet::Fleet;
pub use hours::Hours;
pub use ids::Ids;
pub use node::Node;
pub use notifier::Notifier;
pub use prober::Prober;
pub use sign_in::SignIn;
pub use source::Source;
pub use store::Store;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock of a fake's state. A test that panicked while it held one has failed already.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
