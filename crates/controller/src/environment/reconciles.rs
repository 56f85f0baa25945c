//! Ends Reconciles.

use super::{Keeper, Retry};
use crate::Error;
use domain::Timestamp;
use ports::store::{self, view::EnvironmentView};
use scheduler::{Plan, plan::Why};

impl Keeper {
    /// A Reconcile ends when nothing is to be done in its scope, or when it has taken too long.
    pub(super) async fn settle_reconciles(
        &self,
        view: &EnvironmentView,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<(), Error> {
        use domain::reconcile::ReconcileEvent;
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);
        for reconcile in &view.reconciles {
            let mine = |app| reconcile.app.is_none_or(|wanted| wanted == app);
            let busy = plan.steps.iter().any(|s| mine(s.app))
                || plan
                    .held
                    .iter()
                    .any(|h| mine(h.app) && !waits_for_a_person(&h.why));
            // What waits for its next try is in no plan.
            let tries = self.retries.values().all(Retry::is_due);
            let (event, reason) = if !busy && tries && self.busy.is_empty() {
                (ReconcileEvent::Matched, None)
            } else if reconcile.created_at > now || now.since(reconcile.created_at) > PATIENCE {
                let held = plan
                    .held
                    .iter()
                    .find(|held| mine(held.app))
                    .map(|held| held.why.to_string());
                (
                    ReconcileEvent::GaveUp,
                    Some(held.unwrap_or_else(|| "it did not come to match in 10 min".to_owned())),
                )
            } else {
                continue;
            };
            let change = self.change(format!(
                "{}: {}",
                reconcile.id,
                reason.as_deref().unwrap_or("the world matches")
            ));
            match self
                .deps
                .store
                .move_reconcile(reconcile.id, event, reason, &change)
                .await
            {
                Ok(_) | Err(store::Error::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// What is held until somebody says what to do is not what a Reconcile brings about.
fn waits_for_a_person(why: &Why) -> bool {
    matches!(why, Why::UnknownDeploy)
}
