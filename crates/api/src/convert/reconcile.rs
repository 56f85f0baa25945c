//! Reconciles.

use super::{id, time, unknown_value};
use crate::status::Refusal;
use controller::usecases::reconciles::ReconcileView;
use domain::reconcile::ReconcileState;
use proto::v1;

pub(crate) fn wire(view: &ReconcileView) -> v1::Reconcile {
    let reconcile = &view.reconcile;
    let state = match reconcile.state {
        ReconcileState::Preview => v1::ReconcileState::Preview,
        ReconcileState::InProgress => v1::ReconcileState::InProgress,
        ReconcileState::Completed => v1::ReconcileState::Completed,
        ReconcileState::Failed => v1::ReconcileState::Failed,
    };
    v1::Reconcile {
        id: id(reconcile.id, reconcile.id.number()),
        environment: view.environment.clone(),
        app: view.app.clone().unwrap_or_default(),
        state: state.into(),
        steps: reconcile.plan.clone(),
        reason: reconcile.reason.clone().unwrap_or_default(),
        create_time: Some(time::wire(reconcile.created_at)),
        end_time: reconcile.completed_at.map(time::wire),
        stack: view.stack.clone().unwrap_or_default(),
        at_once: reconcile.rebalance.map_or(0, |of| i32::from(of.at_once)),
    }
}

pub(crate) fn parse_state(number: i32) -> Result<Option<ReconcileState>, Refusal> {
    Ok(match v1::ReconcileState::try_from(number) {
        Ok(v1::ReconcileState::Unspecified) => None,
        Ok(v1::ReconcileState::Preview) => Some(ReconcileState::Preview),
        Ok(v1::ReconcileState::InProgress) => Some(ReconcileState::InProgress),
        Ok(v1::ReconcileState::Completed) => Some(ReconcileState::Completed),
        Ok(v1::ReconcileState::Failed) => Some(ReconcileState::Failed),
        Err(_) => return Err(unknown_value("state", number)),
    })
}
