//! Forgets restarts that were carried out.

use super::Keeper;
use crate::Error;
use domain::{IntentKind, Timestamp, Worker};
use ports::store::view::EnvironmentView;

impl Keeper {
    /// Forgets the restarts of Workers of which nothing stands that is older. One that stayed on record would count again,
    /// once the clock was set back, for all that was started by it since.
    pub(super) async fn forget_restarts(&self, view: &EnvironmentView) -> Result<(), Error> {
        for row in view.apps.iter().flat_map(|app| &app.workers) {
            if let Some(restart) = row.restart
                && !has_older(view, &row.worker, restart.before)
            {
                let store = &self.deps.store;
                store
                    .forget_restart(row.worker.id, restart.before, &self.fence)
                    .await?;
            }
        }
        Ok(())
    }
}

/// Whether something of the Worker stands whose start was put on record before that.
fn has_older(view: &EnvironmentView, worker: &Worker, before: Timestamp) -> bool {
    view.intents.iter().any(|intent| {
        intent.kind == IntentKind::Start
            && intent.environment == worker.environment
            && intent.app == worker.app
            && intent.worker == worker.spec.name
            && intent.opened_at < before
    })
}
