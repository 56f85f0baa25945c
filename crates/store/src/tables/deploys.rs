//! Deploys.

mod create;
mod numbered;
mod store;

pub(super) use create::refuse_beside;

use super::{fit, releases, time};
use crate::{
    conn::{Conn, columns},
    fault::{Fault, missing, number, parse, parse_some, stale},
    json,
    schema::deploys,
    tx::{About, Tx},
};
use diesel::prelude::*;
use domain::{
    AppId, BuildId, Cause, Deploy, DeployEvent, DeployId, DeployState, EnvironmentId, Release,
    ReleaseId, Timestamp,
    deploy::{DEFAULT_PATIENCE, Failure},
};
use ports::store::{
    Change,
    deploys::{DeployPatch, NewRelease},
};
use std::time::Duration;

#[derive(Queryable, Selectable)]
#[diesel(table_name = deploys)]
pub(super) struct DeployRow {
    id: i64,
    app: i64,
    environment: i64,
    cause: String,
    git_ref: Option<String>,
    build: Option<i64>,
    release: Option<i64>,
    state: String,
    step: String,
    patience_us: i64,
    spent_us: i64,
    failure: Option<String>,
    created_by: String,
    created_at: i64,
    started_at: Option<i64>,
    updated_at: i64,
    completed_at: Option<i64>,
}

impl DeployRow {
    fn deploy(self) -> Result<Deploy, Fault> {
        Ok(Deploy {
            id: DeployId::new(self.id),
            app: AppId::new(self.app),
            environment: EnvironmentId::new(self.environment),
            cause: parse(&self.cause)?,
            git_ref: parse_some(self.git_ref.as_deref())?,
            build: self.build.map(BuildId::new),
            release: self.release.map(ReleaseId::new),
            state: parse(&self.state)?,
            step: self.step,
            patience: Duration::from_micros(number(self.patience_us)?),
            spent: Duration::from_micros(number(self.spent_us)?),
            failure: self.failure.as_deref().map(json::read).transpose()?,
            created_by: self.created_by,
            created_at: Timestamp::from_micros(self.created_at),
            started_at: time(self.started_at),
            updated_at: Timestamp::from_micros(self.updated_at),
            completed_at: time(self.completed_at),
        })
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn all(rows: Vec<DeployRow>) -> Result<Vec<Deploy>, Fault> {
    rows.into_iter().map(DeployRow::deploy).collect()
}

/// Oldest first. Sorted here: asked for an order, SQLite reads the whole history by an index that has it, in place of
/// the few rows of these states.
fn in_order(mut rows: Vec<DeployRow>) -> Result<Vec<Deploy>, Fault> {
    rows.sort_by_key(|row| row.id);
    all(rows)
}

/// The words of the states that hold an App in its Environment, or wait for it.
const ACTIVE: [&str; 3] = [
    DeployState::Created.as_str(),
    DeployState::Building.as_str(),
    DeployState::Deploying.as_str(),
];
/// Those, and that of what runs.
const UNFINISHED: [&str; 4] = [
    ACTIVE[0],
    ACTIVE[1],
    ACTIVE[2],
    DeployState::Deployed.as_str(),
];

const fn kind(event: DeployEvent) -> &'static str {
    match event {
        DeployEvent::BuildStarted => "deploy.building",
        DeployEvent::ImageReady => "deploy.deploying",
        DeployEvent::AllHealthy => "deploy.deployed",
        DeployEvent::Superseded => "deploy.stopped",
        DeployEvent::GaveUp => "deploy.failed",
        DeployEvent::Cancelled => "deploy.cancelled",
    }
}

fn about(deploy: &Deploy) -> About {
    About::within(deploy.id, deploy.app, deploy.environment)
}

pub(super) fn find(conn: &mut Conn, id: DeployId) -> Result<Option<Deploy>, Fault> {
    let row: Option<DeployRow> = deploys::table
        .find(id.number())
        .select(DeployRow::as_select())
        .first(conn)
        .optional()?;
    row.map(DeployRow::deploy).transpose()
}

/// What runs.
pub(super) fn deployed(
    conn: &mut Conn,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Option<Deploy>, Fault> {
    let row: Option<DeployRow> = deploys::table
        .filter(deploys::app.eq(app.number()))
        .filter(deploys::environment.eq(environment.number()))
        .filter(deploys::state.eq(DeployState::Deployed.as_str()))
        .select(DeployRow::as_select())
        .first(conn)
        .optional()?;
    row.map(DeployRow::deploy).transpose()
}

/// Those that are not done, oldest first.
pub(super) fn active(
    conn: &mut Conn,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Vec<Deploy>, Fault> {
    in_order(
        deploys::table
            .filter(deploys::app.eq(app.number()))
            .filter(deploys::environment.eq(environment.number()))
            .filter(deploys::state.eq_any(ACTIVE))
            .select(DeployRow::as_select())
            .load(conn)?,
    )
}

/// Those of any of these Apps in any of these Environments that are not done, oldest first.
pub(super) fn active_among(
    conn: &mut Conn,
    apps: &[i64],
    environments: &[i64],
) -> Result<Vec<Deploy>, Fault> {
    in_order(
        deploys::table
            .filter(deploys::environment.eq_any(environments))
            .filter(deploys::state.eq_any(ACTIVE))
            .filter(deploys::app.eq_any(apps))
            .select(DeployRow::as_select())
            .load(conn)?,
    )
}

/// Those of an App that run or are not done, in every Environment.
pub(super) fn unfinished_of(conn: &mut Conn, app: AppId) -> Result<Vec<Deploy>, Fault> {
    all(deploys::table
        .filter(deploys::app.eq(app.number()))
        .filter(deploys::state.eq_any(UNFINISHED))
        .order(deploys::id)
        .select(DeployRow::as_select())
        .load(conn)?)
}

/// Those of an Environment that run or are not done, oldest first.
pub(super) fn unfinished_within(
    conn: &mut Conn,
    environment: EnvironmentId,
) -> Result<Vec<Deploy>, Fault> {
    in_order(
        deploys::table
            .filter(deploys::environment.eq(environment.number()))
            .filter(deploys::state.eq_any(UNFINISHED))
            .select(DeployRow::as_select())
            .load(conn)?,
    )
}

/// How many of an Environment are not done.
pub(super) fn active_in(conn: &mut Conn, environment: EnvironmentId) -> QueryResult<i64> {
    deploys::table
        .filter(deploys::environment.eq(environment.number()))
        .filter(deploys::state.eq_any(ACTIVE))
        .count()
        .get_result(conn)
}

/// How many of an Environment run or are not done.
pub(super) fn unfinished_in(conn: &mut Conn, environment: EnvironmentId) -> QueryResult<i64> {
    deploys::table
        .filter(deploys::environment.eq(environment.number()))
        .filter(deploys::state.eq_any(UNFINISHED))
        .count()
        .get_result(conn)
}

/// Writes one down that was found running, and stops the one before it.
pub(super) fn add_deployed(
    tx: &mut Tx<'_>,
    id: DeployId,
    release: &Release,
    change: &Change,
) -> Result<Deploy, Fault> {
    if let Some(earlier) = deployed(tx.conn, release.app, release.environment)? {
        let reason = format!("{id} was adopted");
        end(tx, &earlier, DeployEvent::Superseded, &reason, change)?;
    }
    let at = change.at.micros();
    let row: DeployRow = diesel::insert_into(deploys::table)
        .values((
            deploys::id.eq(id.number()),
            deploys::app.eq(release.app.number()),
            deploys::environment.eq(release.environment.number()),
            deploys::cause.eq(Cause::Commit.as_str()),
            deploys::build.eq(release.build.number()),
            deploys::release.eq(release.id.number()),
            deploys::state.eq(DeployState::Deployed.as_str()),
            deploys::step.eq(""),
            deploys::patience_us.eq(microseconds(DEFAULT_PATIENCE)),
            deploys::created_by.eq(&change.actor),
            deploys::created_at.eq(at),
            deploys::started_at.eq(at),
            deploys::updated_at.eq(at),
            deploys::completed_at.eq(at),
        ))
        .returning(columns::<DeployRow>())
        .get_result(tx.conn)?;
    let deploy = row.deploy()?;
    tx.made(deploy.id);
    tx.tell("deploy.adopted", about(&deploy), change)?;
    Ok(deploy)
}

/// Ends one as the consequence of something else, and says why.
pub(super) fn end(
    tx: &mut Tx<'_>,
    deploy: &Deploy,
    event: DeployEvent,
    reason: &str,
    change: &Change,
) -> Result<(), Fault> {
    let mut ended = deploy.clone();
    ended.state = deploy
        .state
        .after(event)
        .map_err(|_| stale("deploy", deploy.id))?;
    ended.updated_at = change.at;
    if deploy.state.is_active() {
        ended.completed_at = Some(change.at);
        ended.failure = Some(Failure {
            reason: reason.to_owned(),
            instance: None,
            log_tail: Vec::new(),
        });
    }
    save(tx.conn, deploy.state, &ended)?;
    tx.tell_in(kind(event), about(deploy), change, reason)
}

/// Stores what changes in the life of a Deploy, when it is still in the state it was read in.
fn save(conn: &mut Conn, from: DeployState, deploy: &Deploy) -> Result<(), Fault> {
    let unmoved = deploys::table
        .find(deploy.id.number())
        .filter(deploys::state.eq(from.as_str()));
    let failure = deploy.failure.as_ref().map(json::write).transpose()?;
    let moved = diesel::update(unmoved)
        .set((
            deploys::build.eq(deploy.build.map(BuildId::number)),
            deploys::release.eq(deploy.release.map(ReleaseId::number)),
            deploys::state.eq(deploy.state.as_str()),
            deploys::step.eq(fit(&deploy.step)),
            deploys::failure.eq(failure),
            deploys::started_at.eq(deploy.started_at.map(Timestamp::micros)),
            deploys::updated_at.eq(deploy.updated_at.micros()),
            deploys::completed_at.eq(deploy.completed_at.map(Timestamp::micros)),
        ))
        .execute(conn)?;
    if moved == 0 {
        return Err(stale("deploy", deploy.id));
    }
    Ok(())
}

/// The Deploy and its next state, where it is in this one and the event is one of it.
fn movable(
    conn: &mut Conn,
    id: DeployId,
    from: DeployState,
    event: DeployEvent,
) -> Result<(Deploy, DeployState), Fault> {
    let deploy = find(conn, id)?.ok_or_else(|| missing("deploy", id))?;
    let next = from.after(event).map_err(|_| stale("deploy", id))?;
    if deploy.state == from {
        Ok((deploy, next))
    } else {
        Err(stale("deploy", id))
    }
}

fn advance(
    tx: &mut Tx<'_>,
    id: DeployId,
    from: DeployState,
    event: DeployEvent,
    patch: DeployPatch,
    change: &Change,
) -> Result<Deploy, Fault> {
    tx.will_change(id)?;
    let (mut deploy, next) = movable(tx.conn, id, from, event)?;
    if event == DeployEvent::AllHealthy {
        if let Some(earlier) = deployed(tx.conn, deploy.app, deploy.environment)? {
            let reason = format!("{id} took its place");
            end(tx, &earlier, DeployEvent::Superseded, &reason, change)?;
        }
        if let Some(release) = deploy.release {
            releases::note_deployed(tx.conn, release)?;
        }
    }
    let DeployPatch {
        build,
        step,
        failure,
    } = patch;
    deploy.state = next;
    deploy.build = build.or(deploy.build);
    deploy.step = step.unwrap_or(deploy.step);
    deploy.failure = failure.or(deploy.failure);
    deploy.updated_at = change.at;
    match next {
        DeployState::Deploying => deploy.started_at = Some(change.at),
        DeployState::Deployed | DeployState::Failed | DeployState::Cancelled => {
            deploy.completed_at = Some(change.at);
        }
        DeployState::Created | DeployState::Building | DeployState::Stopped => {}
    }
    save(tx.conn, from, &deploy)?;
    tx.tell(kind(event), about(&deploy), change)?;
    Ok(deploy)
}

fn begin_deploying(
    tx: &mut Tx<'_>,
    id: DeployId,
    from: DeployState,
    new: NewRelease,
    change: &Change,
) -> Result<(Deploy, Release), Fault> {
    let (before, _) = movable(tx.conn, id, from, DeployEvent::ImageReady)?;
    if !crate::tables::builds::images::is_kept(tx.conn, new.image())? {
        return Err(stale("image", new.image().short()));
    }
    let release = releases::make(tx, &before, new, change)?;
    diesel::update(deploys::table.find(id.number()))
        .set(deploys::release.eq(release.id.number()))
        .execute(tx.conn)?;
    let patch = DeployPatch {
        build: Some(release.build),
        ..DeployPatch::default()
    };
    let deploy = advance(tx, id, from, DeployEvent::ImageReady, patch, change)?;
    Ok((deploy, release))
}
