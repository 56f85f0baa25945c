//! The last number that an instance of each singleton was started with.

use crate::{
    conn::Conn,
    fault::{Fault, parse},
    schema::fences,
};
use diesel::prelude::*;
use domain::{AppId, EnvironmentId, Intent, Worker, WorkerName};
use std::collections::BTreeMap;

/// Keeps the number of an instance, unless a later one had one.
pub(super) fn note(conn: &mut Conn, intent: &Intent) -> Result<(), Fault> {
    match intent.fence {
        Some(number) => raise(
            conn,
            (intent.environment, intent.app, &intent.worker),
            number,
        ),
        None => Ok(()),
    }
}

/// The numbers of a Worker go on under another name.
pub(super) fn carry(conn: &mut Conn, of: &Worker, name: &WorkerName) -> Result<(), Fault> {
    let (environment, app) = (of.environment.number(), of.app.number());
    let last = fences::table.find((environment, app, of.spec.name.as_str()));
    let last: Option<i64> = last.select(fences::number).first(conn).optional()?;
    match last {
        Some(number) => raise(conn, (of.environment, of.app, name), number),
        None => Ok(()),
    }
}

fn raise(
    conn: &mut Conn,
    (environment, app, worker): (EnvironmentId, AppId, &WorkerName),
    number: i64,
) -> Result<(), Fault> {
    let (environment, app) = (environment.number(), app.number());
    let of = fences::table.find((environment, app, worker.as_str()));
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
                    fences::worker.eq(worker.as_str()),
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
