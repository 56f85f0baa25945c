//! The Deploys that wait for a Build.

use crate::{
    conn::Conn,
    fault::Fault,
    schema::{builds, deploys},
    tables::fit,
};
use diesel::prelude::*;
use domain::{BuildId, DeployState};

/// How many wait, or may come to.
pub(super) fn count(conn: &mut Conn, id: BuildId) -> Result<u32, Fault> {
    let waiting = [DeployState::Created, DeployState::Building].map(DeployState::as_str);
    let undecided = DeployState::Created.as_str();
    let app = builds::table
        .filter(builds::id.eq(id.number()))
        .select(builds::app);
    let of_its_app = deploys::build
        .is_null()
        .and(deploys::state.eq(undecided))
        .and(deploys::app.eq_any(app));
    let asked = deploys::build
        .eq(id.number())
        .and(deploys::state.eq_any(waiting));
    let count: i64 = deploys::table
        .filter(asked.assume_not_null().or(of_its_app.assume_not_null()))
        .count()
        .get_result(conn)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Says to those that wait what it is doing.
pub(super) fn tell(conn: &mut Conn, id: BuildId, step: &str) -> Result<(), Fault> {
    let step = fit(step);
    let waiting = deploys::table
        .filter(deploys::build.eq(id.number()))
        .filter(deploys::state.eq(DeployState::Building.as_str()))
        .filter(deploys::step.ne(&step));
    diesel::update(waiting)
        .set(deploys::step.eq(&step))
        .execute(conn)?;
    Ok(())
}
