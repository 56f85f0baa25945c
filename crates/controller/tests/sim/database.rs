//! The database of a world: a store, and what only a simulation asks of it.

use domain::{InstanceId, IntentKind};
use std::sync::Arc;

pub(crate) trait Database: Send + Sync {
    fn store(&self) -> Arc<dyn ports::Store>;

    /// Whether an intent of this kind for an instance is on record, standing or not.
    fn has_intent(&self, instance: InstanceId, kind: IntentKind) -> bool;

    /// The leases that this server holds, which is dead for as long as they last, run out. Nothing is done where they do
    /// so by the clock of the world.
    fn outlive(&self, server: &str);
}

/// Makes an empty one. Leases run by tokio's clock, or by hand.
pub(crate) type Make = fn() -> Arc<dyn Database>;
