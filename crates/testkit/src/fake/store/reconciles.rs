//! Reconciles.

use super::{
    Store,
    state::{About, falling, missing, page, stale},
};
use async_trait::async_trait;
use domain::{
    EnvironmentId, ReconcileId,
    reconcile::{Reconcile, ReconcileEvent, ReconcileState},
};
use ports::store::{Change, Error, Listed, Page, Reconciles, reconciles::NewReconcile};

fn about(reconcile: &Reconcile) -> About {
    About {
        subject: reconcile.id.to_string(),
        app: reconcile.app,
        environment: Some(reconcile.environment),
    }
}

#[async_trait]
impl Reconciles for Store {
    async fn create_reconcile(
        &self,
        new: NewReconcile,
        change: &Change,
    ) -> Result<Reconcile, Error> {
        self.write(|state| {
            state.admit(change)?;
            let reconcile = Reconcile {
                id: ReconcileId::new(state.number("reconcile")),
                environment: new.environment,
                app: new.app,
                state: new.state,
                plan: new.plan,
                reason: None,
                created_at: change.at,
                completed_at: None,
            };
            state.reconciles.insert(reconcile.id, reconcile.clone());
            state.tell("reconcile.created", about(&reconcile), change);
            Ok(reconcile)
        })
    }

    async fn find_reconcile(&self, id: ReconcileId) -> Result<Option<Reconcile>, Error> {
        Ok(self.read(|state| state.reconciles.get(&id).cloned()))
    }

    async fn list_reconciles(
        &self,
        environment: Option<EnvironmentId>,
        in_state: Option<ReconcileState>,
        wanted: Page,
    ) -> Result<Listed<Reconcile>, Error> {
        Ok(self.read(|state| {
            let chosen = state.reconciles.values().rev().filter(|reconcile| {
                environment.is_none_or(|env| reconcile.environment == env)
                    && in_state.is_none_or(|state| reconcile.state == state)
            });
            let numbered = chosen.map(|reconcile| (reconcile.id.number(), reconcile.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn move_reconcile(
        &self,
        id: ReconcileId,
        event: ReconcileEvent,
        reason: Option<String>,
        change: &Change,
    ) -> Result<Reconcile, Error> {
        self.write(|state| {
            state.admit(change)?;
            let found = state.reconciles.get_mut(&id);
            let reconcile = found.ok_or_else(|| missing("reconcile", id))?;
            let next = reconcile.state.after(event);
            reconcile.state = next.map_err(|_| stale("reconcile", id))?;
            reconcile.reason = reason;
            reconcile.completed_at = Some(change.at);
            let reconcile = reconcile.clone();
            let kind = match event {
                ReconcileEvent::Matched => "reconcile.completed",
                ReconcileEvent::GaveUp => "reconcile.failed",
            };
            state.tell(kind, about(&reconcile), change);
            Ok(reconcile)
        })
    }
}
