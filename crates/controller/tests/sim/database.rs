//! The database of a world: a store, and what only a simulation asks of it.

use domain::{InstanceId, IntentKind};
use ports::store::leases::Lease;
use std::sync::Arc;

pub(crate) trait Database: Send + Sync {
    fn store(&self) -> Arc<dyn ports::Store>;

    /// Whether an intent of this kind for an instance is on record, standing or not.
    fn has_intent(&self, instance: InstanceId, kind: IntentKind) -> bool;

    /// The leases that this server holds, which is dead for as long as they last, run out. Nothing is done where they do
    /// so by the clock of the world.
    fn outlive(&self, server: &str);

    /// Of the leases as they stood longer ago than one lasts, those run out that nobody has renewed since: a server that
    /// could not give one back has left it to run out. Nothing is done where they do so by the clock of the world.
    fn run_out(&self, before: &[Lease]);

    /// Whether a job that a server was lost with is another's by the clock of the world. Else it counts as under way for as
    /// long as the world lasts, and is not looked at.
    fn jobs_run_out(&self) -> bool;
}

/// Makes an empty one. Leases run by tokio's clock, or by hand.
pub(crate) type Make = fn() -> Arc<dyn Database>;
