//! Environments.

use super::{
    configs, deploys, intents, leases, listed, reconciles, rows, runs, service_names, starts_with,
    touched, workers,
};
use crate::{
    Store,
    conn::{Conn, columns},
    fault::{Fault, exists, is_taken, missing, parse, stale},
    schema::environments,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    Environment, EnvironmentId, EnvironmentName, Timestamp, environment::ServiceTemplate,
};
use ports::store::{Change, Environments, Error, Listed, Page, leases::of_environment};

#[derive(Queryable, Selectable)]
#[diesel(table_name = environments)]
struct EnvironmentRow {
    id: i64,
    name: String,
    service_template: String,
    created_at: i64,
    updated_at: i64,
}

impl EnvironmentRow {
    fn environment(self) -> Result<Environment, Fault> {
        Ok(Environment {
            id: EnvironmentId::new(self.id),
            name: parse(&self.name)?,
            service_template: parse(&self.service_template)?,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// One that is there, by its id.
pub(super) fn load(conn: &mut Conn, id: EnvironmentId) -> Result<Environment, Fault> {
    by_id(conn, id)?.ok_or_else(|| missing("environment", id))
}

pub(super) fn by_id(conn: &mut Conn, id: EnvironmentId) -> Result<Option<Environment>, Fault> {
    let row: Option<EnvironmentRow> = environments::table
        .find(id.number())
        .filter(environments::deleted_at.is_null())
        .select(EnvironmentRow::as_select())
        .first(conn)
        .optional()?;
    row.map(EnvironmentRow::environment).transpose()
}

fn by_name(conn: &mut Conn, name: &str) -> Result<Option<Environment>, Fault> {
    let row: Option<EnvironmentRow> = environments::table
        .filter(environments::name.eq(name))
        .filter(environments::deleted_at.is_null())
        .select(EnvironmentRow::as_select())
        .first(conn)
        .optional()?;
    row.map(EnvironmentRow::environment).transpose()
}

/// The name of one, deleted or not.
pub(super) fn name(conn: &mut Conn, id: i64) -> QueryResult<String> {
    environments::table
        .find(id)
        .select(environments::name)
        .first(conn)
}

/// Those that are there, in order of id.
pub(super) fn all(conn: &mut Conn) -> Result<Vec<Environment>, Fault> {
    after(conn, "", 0, i64::MAX)
}

fn after(
    conn: &mut Conn,
    prefix: &str,
    number: i64,
    limit: i64,
) -> Result<Vec<Environment>, Fault> {
    let found: Vec<EnvironmentRow> = environments::table
        .filter(environments::deleted_at.is_null())
        .filter(environments::id.gt(number))
        .filter(starts_with!(environments::name, prefix))
        .order(environments::id)
        .limit(limit)
        .select(EnvironmentRow::as_select())
        .load(conn)?;
    found.into_iter().map(EnvironmentRow::environment).collect()
}

fn create(
    tx: &mut Tx<'_>,
    name: &EnvironmentName,
    template: Option<ServiceTemplate>,
    change: &Change,
) -> Result<Environment, Fault> {
    if by_name(tx.conn, name.as_str())?.is_some() {
        return Err(exists("an environment", name));
    }
    let first = after(tx.conn, "", 0, 1)?.is_empty();
    let template = template.unwrap_or_else(|| {
        if first {
            ServiceTemplate::first()
        } else {
            ServiceTemplate::next()
        }
    });
    let row: EnvironmentRow = diesel::insert_into(environments::table)
        .values((
            environments::name.eq(name.as_str()),
            environments::service_template.eq(template.as_str()),
            environments::created_at.eq(change.at.micros()),
            environments::updated_at.eq(change.at.micros()),
        ))
        .returning(columns::<EnvironmentRow>())
        .get_result(tx.conn)?;
    let made = row.environment()?;
    service_names::take_for_environment(tx.conn, &made)?;
    tx.made(made.id);
    tx.tell(
        "environment.created",
        About::of_environment(made.id, made.id),
        change,
    )?;
    Ok(made)
}

fn update(
    tx: &mut Tx<'_>,
    wanted: &Environment,
    read_at: Timestamp,
    change: &Change,
) -> Result<Environment, Fault> {
    let (id, name) = (wanted.id, &wanted.name);
    tx.will_change(id)?;
    let stored = load(tx.conn, id)?;
    if stored.updated_at != read_at {
        return Err(stale("environment", stored.name));
    }
    if stored.name != *name {
        refuse_rename(tx.conn, &stored, name)?;
        leases::end(tx.conn, &of_environment(id))?;
    }
    let row: EnvironmentRow = diesel::update(environments::table.find(id.number()))
        .set((
            environments::name.eq(name.as_str()),
            environments::service_template.eq(wanted.service_template.as_str()),
            environments::updated_at.eq(touched(read_at.micros(), change)),
        ))
        .returning(columns::<EnvironmentRow>())
        .get_result(tx.conn)
        .map_err(|error| twin(error, name))?;
    let updated = row.environment()?;
    service_names::free_environment(tx.conn, id)?;
    service_names::take_for_environment(tx.conn, &updated)?;
    tx.tell("environment.updated", About::of_environment(id, id), change)?;
    Ok(updated)
}

/// Refuses a name that another has, and any other one while something bears the one that it has.
fn refuse_rename(
    conn: &mut Conn,
    stored: &Environment,
    name: &EnvironmentName,
) -> Result<(), Fault> {
    if by_name(conn, name.as_str())?.is_some() {
        return Err(exists("an environment", name));
    }
    let id = stored.id;
    let deploys = deploys::active_in(conn, id)?;
    let reconciles = reconciles::in_progress(conn, id)?.len();
    let instances = intents::standing_in(conn, id)?;
    let runs = runs::standing_in(conn, id)?;
    refuse_used(
        stored,
        [
            (deploys, "deploys"),
            (i64::try_from(reconciles).unwrap_or(i64::MAX), "reconciles"),
            (instances, "instances"),
            (runs, "runs"),
        ],
    )
}

fn refuse_used(
    stored: &Environment,
    users: impl IntoIterator<Item = (i64, &'static str)>,
) -> Result<(), Fault> {
    let mut users = users.into_iter();
    match users.find(|(held, _)| *held > 0) {
        Some((held, what)) => Err(Fault(Error::InUse {
            what: "environment",
            which: stored.name.to_string(),
            by: format!("{held} {what}"),
        })),
        None => Ok(()),
    }
}

/// Only where several servers write: another's was committed since the look.
fn twin(error: diesel::result::Error, name: &EnvironmentName) -> Fault {
    if is_taken(&error) {
        exists("an environment", name)
    } else {
        error.into()
    }
}

fn delete(tx: &mut Tx<'_>, id: EnvironmentId, change: &Change) -> Result<(), Fault> {
    tx.will_change(id)?;
    let stored = load(tx.conn, id)?;
    let deploys = deploys::unfinished_in(tx.conn, id)?;
    let instances = intents::standing_in(tx.conn, id)?;
    refuse_used(&stored, [(deploys, "deploys"), (instances, "instances")])?;
    service_names::free_environment(tx.conn, id)?;
    workers::delete_of_environment(tx.conn, id)?;
    configs::delete_of_environment(tx.conn, id, change)?;
    reconciles::end_of_environment(tx, id, change)?;
    leases::end(tx.conn, &of_environment(id))?;
    diesel::update(environments::table.find(id.number()))
        .set(environments::deleted_at.eq(change.at.micros()))
        .execute(tx.conn)?;
    tx.tell("environment.deleted", About::of_environment(id, id), change)
}

#[async_trait]
impl Environments for Store {
    async fn create_environment(
        &self,
        name: EnvironmentName,
        template: Option<ServiceTemplate>,
        change: &Change,
    ) -> Result<Environment, Error> {
        self.change(change, move |tx, change| {
            create(tx, &name, template, change)
        })
        .await
    }

    async fn find_environment(&self, name_or_id: &str) -> Result<Option<Environment>, Error> {
        let wanted = name_or_id.to_owned();
        self.read(
            move |conn| match (by_name(conn, &wanted)?, wanted.parse()) {
                (None, Ok(id)) => by_id(conn, id),
                (found, _) => Ok(found),
            },
        )
        .await
    }

    async fn list_environments(
        &self,
        prefix: &str,
        page: Page,
    ) -> Result<Listed<Environment>, Error> {
        let prefix = prefix.to_owned();
        self.read(move |conn| {
            let found = after(conn, &prefix, page.after.unwrap_or(0), rows(page))?;
            let numbered = found.into_iter().map(|found| (found.id.number(), found));
            Ok(listed(numbered.collect(), page))
        })
        .await
    }

    async fn update_environment(
        &self,
        environment: &Environment,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Environment, Error> {
        let environment = environment.clone();
        self.change(change, move |tx, change| {
            update(tx, &environment, read_at, change)
        })
        .await
    }

    async fn delete_environment(&self, id: EnvironmentId, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| delete(tx, id, change))
            .await
    }
}
