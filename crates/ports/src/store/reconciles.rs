//! Reconciles.

use super::{Change, Error, Listed, Page};
use async_trait::async_trait;
use domain::{
    AppId, EnvironmentId, ReconcileId,
    reconcile::{PlannedStep, Rebalance, Reconcile, ReconcileEvent, ReconcileState},
};

/// A Reconcile to note down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReconcile {
    pub environment: EnvironmentId,
    pub app: Option<AppId>,
    pub rebalance: Option<Rebalance>,
    /// `Preview` or `InProgress`.
    pub state: ReconcileState,
    /// A line a step.
    pub plan: Vec<String>,
    pub steps: Vec<PlannedStep>,
    pub on_conflict: OnConflict,
}

/// What to do with another Reconcile of the same App or Environment, or a Deploy, that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Run beside it.
    Ignore,
    /// Refuse to begin.
    Refuse,
}

/// Reconciles. Listed newest first.
#[async_trait]
pub trait Reconciles: Send + Sync {
    /// Notes one down. With `Refuse`, the look for what is in the way is in the same transaction: of a Reconcile, any of
    /// the same App or of the whole Environment, but for one that evens a pool out; of a Deploy, any of the App, or of the Environment where no App is named.
    ///
    /// # Errors
    /// `ReconcileUnderWay`, `DeploysUnderWay`.
    async fn create_reconcile(
        &self,
        new: NewReconcile,
        change: &Change,
    ) -> Result<Reconcile, Error>;

    /// The Reconcile of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_reconcile(&self, id: ReconcileId) -> Result<Option<Reconcile>, Error>;

    /// A page of Reconciles of an Environment, or of all.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_reconciles(
        &self,
        environment: Option<EnvironmentId>,
        state: Option<ReconcileState>,
        page: Page,
    ) -> Result<Listed<Reconcile>, Error>;

    /// Moves one by an event, from `in_progress`.
    ///
    /// # Errors
    /// `Stale`, `NotFound`.
    async fn move_reconcile(
        &self,
        id: ReconcileId,
        event: ReconcileEvent,
        reason: Option<String>,
        change: &Change,
    ) -> Result<Reconcile, Error>;
}
