//! Reconciles.

use super::{
    Store,
    state::{About, State, falling, missing, page, stale},
};
use async_trait::async_trait;
use domain::{
    AppId, EnvironmentId, ReconcileId,
    reconcile::{Reconcile, ReconcileEvent, ReconcileState},
};
use ports::store::{
    Change, Error, Listed, Page, Reconciles,
    reconciles::{NewReconcile, OnConflict},
};

fn about(reconcile: &Reconcile) -> About {
    About {
        subject: reconcile.id.to_string(),
        app: reconcile.app,
        environment: Some(reconcile.environment),
    }
}

const fn kind(state: ReconcileState) -> &'static str {
    match state {
        ReconcileState::Preview => "reconcile.previewed",
        ReconcileState::InProgress => "reconcile.started",
        ReconcileState::Completed => "reconcile.completed",
        ReconcileState::Failed => "reconcile.failed",
    }
}

impl State {
    fn move_reconcile(
        &mut self,
        id: ReconcileId,
        event: ReconcileEvent,
        reason: Option<String>,
        change: &Change,
    ) -> Result<Reconcile, Error> {
        let found = self.reconciles.get_mut(&id);
        let reconcile = found.ok_or_else(|| missing("reconcile", id))?;
        let next = reconcile.state.after(event);
        reconcile.state = next.map_err(|_| stale("reconcile", id))?;
        reconcile.reason = reason;
        reconcile.completed_at = Some(change.at);
        let reconcile = reconcile.clone();
        self.tell(kind(reconcile.state), about(&reconcile), change);
        Ok(reconcile)
    }

    /// Ends those of an Environment that goes.
    pub(super) fn end_reconciles(&mut self, environment: EnvironmentId, change: &Change) {
        let reason = "the environment was deleted";
        let told = Change {
            message: reason.to_owned(),
            request: None,
            origin: ports::store::Origin::Server,
            ..change.clone()
        };
        let of_it = self.reconciles.values();
        let open: Vec<ReconcileId> = of_it
            .filter(|reconcile| {
                reconcile.environment == environment
                    && reconcile.state == ReconcileState::InProgress
            })
            .map(|reconcile| reconcile.id)
            .collect();
        for id in open {
            let reason = Some(reason.to_owned());
            // It is in progress: it may give up.
            drop(self.move_reconcile(id, ReconcileEvent::GaveUp, reason, &told));
        }
    }

    /// How many of an Environment are in progress.
    pub(super) fn reconciles_in_progress(&self, environment: EnvironmentId) -> usize {
        let open = self.reconciles.values().filter(|reconcile| {
            reconcile.environment == environment && reconcile.state == ReconcileState::InProgress
        });
        open.count()
    }

    fn refuse_beside_others(&self, new: &NewReconcile) -> Result<(), Error> {
        let concerns = |app: Option<AppId>| new.app.is_none() || app.is_none() || app == new.app;
        let under_way = self.reconciles.values().find(|other| {
            other.environment == new.environment
                && other.state == ReconcileState::InProgress
                && other.rebalance.is_none()
                && concerns(other.app)
        });
        if let Some(other) = under_way {
            return Err(Error::ReconcileUnderWay(other.id));
        }
        let active = self.deploys.values().filter(|deploy| {
            deploy.environment == new.environment
                && deploy.state.is_active()
                && concerns(Some(deploy.app))
        });
        match active.map(|deploy| deploy.id).collect::<Vec<_>>() {
            none if none.is_empty() => Ok(()),
            ids => Err(Error::DeploysUnderWay(ids)),
        }
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
            if new.on_conflict == OnConflict::Refuse {
                state.refuse_beside_others(&new)?;
            }
            let reconcile = Reconcile {
                id: ReconcileId::new(state.number("reconcile")),
                environment: new.environment,
                app: new.app,
                rebalance: new.rebalance,
                state: new.state,
                plan: new.plan,
                steps: new.steps,
                reason: None,
                created_at: change.at,
                completed_at: None,
            };
            state.reconciles.insert(reconcile.id, reconcile.clone());
            state.tell(kind(reconcile.state), about(&reconcile), change);
            self.note_callback(state, reconcile.id, change.at);
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
            state.move_reconcile(id, event, reason, change)
        })
    }
}
