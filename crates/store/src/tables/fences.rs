//! The last number that an instance of each singleton was started with.

use crate::{
    conn::Conn,
    fault::{Fault, parse},
    schema::fences,
};
use diesel::prelude::*;
use domain::{AppId, EnvironmentId, Intent, WorkerName};
use std::collections::BTreeMap;

/// Keeps the number of an instance, unless a later one had one.
pub(super) fn note(conn: &mut Conn, intent: &Intent) -> Result<(), Fault> {
    let Some(number) = intent.fence else {
        return Ok(());
    };
    let (environment, app) = (intent.environment.number(), intent.app.number());
    let of = fences::table.find((environment, app, intent.worker.as_str()));
    let last: Option<i64> = of.select(fences::number).first(conn).optional()?;
    match last {
        Some(last) if last >= number => {}
        Some(_) => {
            diesel::update(of)
                .set(fences::number.eq(number))
                .execute(conn)?;
        }
        None => {
            diesel::insert_into(fences::table)
                .values((
                    fences::environment.eq(environment),
                    fences::app.eq(app),
                    fences::worker.eq(intent.worker.as_str()),
                    fences::number.eq(number),
                ))
                .execute(conn)?;
        }
    }
    Ok(())
}

/// Those of an Environment.
pub(super) fn within(
    conn: &mut Conn,
    environment: EnvironmentId,
) -> Result<BTreeMap<(AppId, WorkerName), i64>, Fault> {
    let found: Vec<(i64, String, i64)> = fences::table
        .filter(fences::environment.eq(environment.number()))
        .select((fences::app, fences::worker, fences::number))
        .load(conn)?;
    found
        .into_iter()
        .map(|(app, worker, number)| Ok(((AppId::new(app), parse(&worker)?), number)))
        .collect()
}
