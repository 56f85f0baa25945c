//! Reconciles.

use super::{deploys, fit, listed, rows, time};
use crate::{
    Store,
    conn::{Backend, Conn, columns},
    fault::{Fault, missing, number, parse, stale},
    json,
    schema::reconciles,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, EnvironmentId, ReconcileId, StackId, Timestamp,
    reconcile::{Rebalance, Reconcile, ReconcileEvent, ReconcileState},
};
use ports::store::{
    Change, Error, Listed, Page, Reconciles,
    reconciles::{NewReconcile, OnConflict},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = reconciles)]
struct ReconcileRow {
    id: i64,
    environment: i64,
    app: Option<i64>,
    state: String,
    plan: String,
    reason: Option<String>,
    created_at: i64,
    completed_at: Option<i64>,
    steps: String,
    rebalance_stack: Option<i64>,
    rebalance_at_once: Option<i64>,
}

impl ReconcileRow {
    fn reconcile(self) -> Result<Reconcile, Fault> {
        Ok(Reconcile {
            id: ReconcileId::new(self.id),
            environment: EnvironmentId::new(self.environment),
            app: self.app.map(AppId::new),
            rebalance: match (self.rebalance_stack, self.rebalance_at_once) {
                (Some(stack), Some(at_once)) => Some(Rebalance {
                    stack: StackId::new(stack),
                    at_once: number(at_once)?,
                }),
                (None, _) | (_, None) => None,
            },
            state: parse(&self.state)?,
            plan: json::unplain(&self.plan)?,
            steps: json::read(&self.steps)?,
            reason: self.reason,
            created_at: Timestamp::from_micros(self.created_at),
            completed_at: time(self.completed_at),
        })
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

fn about(reconcile: &Reconcile) -> About {
    About {
        app: reconcile.app,
        ..About::of_environment(reconcile.id, reconcile.environment)
    }
}

pub(super) fn find(conn: &mut Conn, id: ReconcileId) -> Result<Option<Reconcile>, Fault> {
    let row: Option<ReconcileRow> = reconciles::table
        .find(id.number())
        .select(ReconcileRow::as_select())
        .first(conn)
        .optional()?;
    row.map(ReconcileRow::reconcile).transpose()
}

/// Those of an Environment that are in progress, oldest first.
pub(super) fn in_progress(
    conn: &mut Conn,
    environment: EnvironmentId,
) -> Result<Vec<Reconcile>, Fault> {
    let found: Vec<ReconcileRow> = reconciles::table
        .filter(reconciles::environment.eq(environment.number()))
        .filter(reconciles::state.eq(ReconcileState::InProgress.as_str()))
        .order(reconciles::id)
        .select(ReconcileRow::as_select())
        .load(conn)?;
    found.into_iter().map(ReconcileRow::reconcile).collect()
}

/// Refuses beside what is under way for the same App, or for the whole Environment.
fn refuse_beside_others(tx: &mut Tx<'_>, new: &NewReconcile) -> Result<(), Fault> {
    let others = in_progress(tx.conn, new.environment)?;
    let concerns = |other: &Reconcile| {
        let same = new.app.is_none() || other.app.is_none() || other.app == new.app;
        same && other.rebalance.is_none()
    };
    if let Some(other) = others.iter().find(|other| concerns(other)) {
        return Err(Error::ReconcileUnderWay(other.id).into());
    }
    let active = match new.app {
        Some(app) => deploys::active(tx.conn, app, new.environment)?,
        None => deploys::unfinished_within(tx.conn, new.environment)?
            .into_iter()
            .filter(|deploy| deploy.state.is_active())
            .collect(),
    };
    deploys::refuse_beside(active).map(drop)
}

fn create(tx: &mut Tx<'_>, new: &NewReconcile, change: &Change) -> Result<Reconcile, Fault> {
    match new.on_conflict {
        OnConflict::Ignore => {}
        OnConflict::Refuse => refuse_beside_others(tx, new)?,
    }
    let row: ReconcileRow = diesel::insert_into(reconciles::table)
        .values((
            reconciles::environment.eq(new.environment.number()),
            reconciles::app.eq(new.app.map(AppId::number)),
            reconciles::rebalance_stack.eq(new.rebalance.map(|of| of.stack.number())),
            reconciles::rebalance_at_once.eq(new.rebalance.map(|of| i64::from(of.at_once))),
            reconciles::state.eq(new.state.as_str()),
            reconciles::plan.eq(json::plain(&new.plan)?),
            reconciles::steps.eq(json::write(&new.steps)?),
            reconciles::created_at.eq(change.at.micros()),
        ))
        .returning(columns::<ReconcileRow>())
        .get_result(tx.conn)?;
    let made = row.reconcile()?;
    tx.made(made.id);
    tx.tell(kind(made.state), about(&made), change)?;
    Ok(made)
}

/// Ends those of an Environment that goes: with it goes the loop that would end them.
pub(super) fn end_of_environment(
    tx: &mut Tx<'_>,
    environment: EnvironmentId,
    change: &Change,
) -> Result<(), Fault> {
    let reason = "the environment was deleted";
    let told = Change {
        message: reason.to_owned(),
        origin: ports::store::Origin::Server,
        ..change.clone()
    };
    for open in in_progress(tx.conn, environment)? {
        let reason = Some(reason.to_owned());
        advance(tx, open.id, ReconcileEvent::GaveUp, reason, &told)?;
    }
    Ok(())
}

fn advance(
    tx: &mut Tx<'_>,
    id: ReconcileId,
    event: ReconcileEvent,
    reason: Option<String>,
    change: &Change,
) -> Result<Reconcile, Fault> {
    tx.will_change(id)?;
    let mut reconcile = find(tx.conn, id)?.ok_or_else(|| missing("reconcile", id))?;
    let from = reconcile.state;
    reconcile.state = from.after(event).map_err(|_| stale("reconcile", id))?;
    reconcile.completed_at = Some(change.at);
    reconcile.reason = reason;
    let unmoved = reconciles::table
        .find(id.number())
        .filter(reconciles::state.eq(from.as_str()));
    let moved = diesel::update(unmoved)
        .set((
            reconciles::state.eq(reconcile.state.as_str()),
            reconciles::reason.eq(reconcile.reason.as_deref().map(fit)),
            reconciles::completed_at.eq(change.at.micros()),
        ))
        .execute(tx.conn)?;
    if moved == 0 {
        return Err(stale("reconcile", id));
    }
    tx.tell(kind(reconcile.state), about(&reconcile), change)?;
    Ok(reconcile)
}

#[async_trait]
impl Reconciles for Store {
    async fn create_reconcile(
        &self,
        new: NewReconcile,
        change: &Change,
    ) -> Result<Reconcile, Error> {
        self.begin(
            change,
            move |tx, change| create(tx, &new, change),
            |made| made.id.to_string(),
        )
        .await
    }

    async fn find_reconcile(&self, id: ReconcileId) -> Result<Option<Reconcile>, Error> {
        self.read(move |conn| find(conn, id)).await
    }

    async fn list_reconciles(
        &self,
        environment: Option<EnvironmentId>,
        state: Option<ReconcileState>,
        page: Page,
    ) -> Result<Listed<Reconcile>, Error> {
        self.read(move |conn| {
            let mut query = reconciles::table
                .filter(reconciles::id.lt(page.after.unwrap_or(i64::MAX)))
                .select(ReconcileRow::as_select())
                .into_boxed::<Backend>();
            if let Some(environment) = environment {
                query = query.filter(reconciles::environment.eq(environment.number()));
            }
            if let Some(state) = state {
                query = query.filter(reconciles::state.eq(state.as_str()));
            }
            let found: Vec<ReconcileRow> = query
                .order(reconciles::id.desc())
                .limit(rows(page))
                .load(conn)?;
            let found: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.reconcile()?)))
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn move_reconcile(
        &self,
        id: ReconcileId,
        event: ReconcileEvent,
        reason: Option<String>,
        change: &Change,
    ) -> Result<Reconcile, Error> {
        self.change(change, move |tx, change| {
            advance(tx, id, event, reason, change)
        })
        .await
    }
}
