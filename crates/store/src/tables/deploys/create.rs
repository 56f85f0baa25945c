//! Accepts Deploys.

use super::{DeployRow, about, active, deployed, end, microseconds};
use crate::{
    conn::columns,
    fault::Fault,
    schema::deploys,
    tables::{apps, builds, environments, releases},
    tx::Tx,
};
use diesel::prelude::*;
use domain::{
    BuildId, Deploy, DeployEvent, DeployState, GitRef, ReleaseId, deploy::DEFAULT_PATIENCE,
};
use ports::store::{
    Change, Error,
    deploys::{NewDeploy, OnConflict},
};

pub(super) fn create(tx: &mut Tx<'_>, new: &NewDeploy, change: &Change) -> Result<Deploy, Fault> {
    apps::load(tx.conn, new.app)?;
    environments::load(tx.conn, new.environment)?;
    if let Some(build) = new.build {
        builds::load(tx.conn, build)?;
    }
    if let Some(release) = new.release {
        releases::load(tx.conn, release)?;
    }
    let before = match new.on_conflict {
        OnConflict::Queue => Vec::new(),
        OnConflict::Supersede => active(tx.conn, new.app, new.environment)?,
        OnConflict::Refuse => {
            let mut others = active(tx.conn, new.app, new.environment)?;
            others.retain(|other| !other.cause.is_for_a_change());
            refuse_beside(others)?
        }
    };
    let deploy = add(tx, new, change)?;
    for earlier in &before {
        let reason = format!("superseded by {}", deploy.id);
        end(tx, earlier, DeployEvent::Cancelled, &reason, change)?;
    }
    tx.made(deploy.id);
    tx.tell("deploy.created", about(&deploy), change)?;
    follow_up(tx, &before, &deploy, change)?;
    tx.concerns(deploy.id);
    Ok(deploy)
}

/// Accepts the last of the changes whose Deploys have given way to this one again, behind it, where something runs that
/// would go on without the change if this one failed.
fn follow_up(
    tx: &mut Tx<'_>,
    cancelled: &[Deploy],
    first: &Deploy,
    change: &Change,
) -> Result<(), Fault> {
    let Some(of) = cancelled.iter().rfind(|of| of.cause.is_for_a_change()) else {
        return Ok(());
    };
    if first.cause.is_for_a_change() || deployed(tx.conn, of.app, of.environment)?.is_none() {
        return Ok(());
    }
    let again = NewDeploy {
        app: of.app,
        environment: of.environment,
        cause: of.cause,
        git_ref: None,
        build: None,
        release: None,
        patience: DEFAULT_PATIENCE,
        on_conflict: OnConflict::Queue,
    };
    let again = add(tx, &again, change)?;
    let why = format!(
        "{} took the place of {}, which is for a change",
        first.id, of.id
    );
    tx.tell_in("deploy.created", about(&again), change, &why)
}

fn add(tx: &mut Tx<'_>, new: &NewDeploy, change: &Change) -> Result<Deploy, Fault> {
    let row: DeployRow = diesel::insert_into(deploys::table)
        .values((
            deploys::app.eq(new.app.number()),
            deploys::environment.eq(new.environment.number()),
            deploys::cause.eq(new.cause.as_str()),
            deploys::git_ref.eq(new.git_ref.as_ref().map(GitRef::as_str)),
            deploys::build.eq(new.build.map(BuildId::number)),
            deploys::release.eq(new.release.map(ReleaseId::number)),
            deploys::state.eq(DeployState::Created.as_str()),
            deploys::step.eq(""),
            deploys::patience_us.eq(microseconds(new.patience)),
            deploys::created_by.eq(&change.actor),
            deploys::created_at.eq(change.at.micros()),
            deploys::updated_at.eq(change.at.micros()),
        ))
        .returning(columns::<DeployRow>())
        .get_result(tx.conn)?;
    row.deploy()
}

/// Refuses when there are any of these; so what it answers is empty.
pub(crate) fn refuse_beside(deploys: Vec<Deploy>) -> Result<Vec<Deploy>, Fault> {
    if deploys.is_empty() {
        return Ok(deploys);
    }
    let ids = deploys.into_iter().map(|deploy| deploy.id).collect();
    Err(Error::DeploysUnderWay(ids).into())
}
