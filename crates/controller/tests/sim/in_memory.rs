//! The fake store as the database of a world.

use crate::{database::Database, world::INSTALLATION};
use domain::{InstanceId, IntentKind};
use ports::store::leases::Lease;
use std::sync::Arc;
use testkit::fake::{self, clock::BEGINNING};

struct InMemory(Arc<fake::Store>);

/// An empty one. Its clock is its own: that of the servers jumps.
pub(crate) fn make() -> Arc<dyn Database> {
    let clock = Arc::new(fake::Clock::at(BEGINNING));
    Arc::new(InMemory(Arc::new(fake::Store::new(INSTALLATION, clock))))
}

impl Database for InMemory {
    fn store(&self) -> Arc<dyn ports::Store> {
        self.0.clone()
    }

    fn has_intent(&self, instance: InstanceId, kind: IntentKind) -> bool {
        self.0.intent_on_record(instance, kind).is_some()
    }

    fn outlive(&self, _server: &str) {}

    fn run_out(&self, _before: &[Lease]) {}

    fn jobs_run_out(&self) -> bool {
        true
    }
}
