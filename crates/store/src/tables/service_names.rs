//! Who has each service name: Workers by their Environment's template, and pools.
//!
//! An App has the name of its `web` in every Environment from the start, for that is what its first Deploy makes. A name
//! too long for a DNS label is nobody's: the use case has refused it.

use super::{apps, environments, stacks};
use crate::{
    conn::Conn,
    fault::{Fault, is_taken},
    schema::{service_names, workers},
};
use diesel::prelude::*;
use domain::{App, AppId, AppName, Environment, EnvironmentId, Stack, StackId, WorkerName};
use ports::store::Error;

/// The Worker that an App has without saying so.
const FIRST_WORKER: &str = "web";

#[derive(Queryable, Selectable, Insertable, PartialEq, Eq)]
#[diesel(table_name = service_names)]
struct NameRow {
    name: String,
    environment: i64,
    stack: Option<i64>,
    app: Option<i64>,
    worker: Option<String>,
}

fn of_worker(id: AppId, app: &AppName, worker: &str, within: &Environment) -> Option<NameRow> {
    let worker: WorkerName = worker.parse().ok()?;
    let name = within
        .service_template
        .service_name(app, &worker, &within.name);
    Some(NameRow {
        name: name.ok()?.to_string(),
        environment: within.id.number(),
        stack: None,
        app: Some(id.number()),
        worker: Some(worker.to_string()),
    })
}

fn of_pool(stack: &Stack, environment: &Environment) -> NameRow {
    NameRow {
        name: format!("jockey-{}-{}", stack.name, environment.name).replace('_', "-"),
        environment: environment.id.number(),
        stack: Some(stack.id.number()),
        app: None,
        worker: None,
    }
}

/// Takes a name. One that is its own already is no matter.
fn take(conn: &mut Conn, row: NameRow) -> Result<(), Fault> {
    let held: Option<NameRow> = service_names::table
        .find(&row.name)
        .select(NameRow::as_select())
        .first(conn)
        .optional()?;
    match held {
        Some(held) if held == row => return Ok(()),
        Some(held) => {
            return Err(Fault(Error::ServiceNameTaken {
                holder: holder(conn, &held)?,
                name: held.name,
            }));
        }
        None => {}
    }
    let name = row.name.clone();
    match diesel::insert_into(service_names::table)
        .values(row)
        .execute(conn)
    {
        Ok(_) => Ok(()),
        // Only where several servers write: another's was committed since the look.
        Err(error) if is_taken(&error) => Err(Fault(Error::ServiceNameTaken {
            name,
            holder: "another".to_owned(),
        })),
        Err(error) => Err(error.into()),
    }
}

/// `worker admin of shop-web in production`.
fn holder(conn: &mut Conn, row: &NameRow) -> Result<String, Fault> {
    let environment = environments::name(conn, row.environment)?;
    match (row.app, &row.worker, row.stack) {
        (Some(app), Some(worker), _) => Ok(format!(
            "worker {worker} of {} in {environment}",
            apps::name(conn, app)?
        )),
        (_, _, Some(stack)) => Ok(format!(
            "the pool of {} in {environment}",
            stacks::name(conn, stack)?
        )),
        (_, _, None) => Err(crate::fault::corrupt(format!(
            "the service name {} is nobody's",
            row.name
        ))),
    }
}

/// Takes the names of a new App, or of one that got another name.
pub(super) fn take_for_app(conn: &mut Conn, app: &App) -> Result<(), Fault> {
    for environment in environments::all(conn)? {
        take_for_app_in(conn, app.id, &app.name, &environment)?;
    }
    Ok(())
}

fn take_for_app_in(
    conn: &mut Conn,
    app: AppId,
    name: &AppName,
    environment: &Environment,
) -> Result<(), Fault> {
    let stored: Vec<String> = workers::table
        .filter(workers::app.eq(app.number()))
        .filter(workers::environment.eq(environment.id.number()))
        .select(workers::name)
        .load(conn)?;
    let all = stored.iter().map(String::as_str).chain([FIRST_WORKER]);
    for row in all.filter_map(|worker| of_worker(app, name, worker, environment)) {
        take(conn, row)?;
    }
    Ok(())
}

/// Takes the name of a Worker.
pub(super) fn take_for_worker(
    conn: &mut Conn,
    app: &App,
    worker: &WorkerName,
    environment: &Environment,
) -> Result<(), Fault> {
    match of_worker(app.id, &app.name, worker.as_str(), environment) {
        Some(row) => take(conn, row),
        None => Ok(()),
    }
}

/// Takes the names of a new Environment, or of one that got another template.
pub(super) fn take_for_environment(
    conn: &mut Conn,
    environment: &Environment,
) -> Result<(), Fault> {
    for stack in stacks::all(conn)? {
        take(conn, of_pool(&stack, environment))?;
    }
    for (app, name) in apps::names(conn)? {
        take_for_app_in(conn, app, &name, environment)?;
    }
    Ok(())
}

/// Takes the names of a new Stack's pools.
pub(super) fn take_for_stack(conn: &mut Conn, stack: &Stack) -> Result<(), Fault> {
    for environment in environments::all(conn)? {
        take(conn, of_pool(stack, &environment))?;
    }
    Ok(())
}

pub(super) fn free_app(conn: &mut Conn, app: AppId) -> QueryResult<()> {
    let held = service_names::table.filter(service_names::app.eq(app.number()));
    diesel::delete(held).execute(conn).map(drop)
}

pub(super) fn free_environment(conn: &mut Conn, environment: EnvironmentId) -> QueryResult<()> {
    let held = service_names::table.filter(service_names::environment.eq(environment.number()));
    diesel::delete(held).execute(conn).map(drop)
}

pub(super) fn free_stack(conn: &mut Conn, stack: StackId) -> QueryResult<()> {
    let held = service_names::table.filter(service_names::stack.eq(stack.number()));
    diesel::delete(held).execute(conn).map(drop)
}

/// Frees the name of a Worker, but for the one that its App has anyhow.
pub(super) fn free_worker(
    conn: &mut Conn,
    app: AppId,
    environment: EnvironmentId,
    worker: &WorkerName,
) -> QueryResult<()> {
    if worker.as_str() == FIRST_WORKER {
        return Ok(());
    }
    let held = service_names::table
        .filter(service_names::app.eq(app.number()))
        .filter(service_names::environment.eq(environment.number()))
        .filter(service_names::worker.eq(worker.as_str()));
    diesel::delete(held).execute(conn).map(drop)
}
