//! Stacks.

use super::{listed, rows, service_names, starts_with};
use crate::{
    Store,
    conn::{Conn, columns},
    fault::{Fault, exists, missing, parse},
    schema::{apps, stacks},
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{Stack, StackId, StackName, Timestamp};
use ports::store::{Change, Error, Listed, Page, Stacks};

#[derive(Queryable, Selectable)]
#[diesel(table_name = stacks)]
struct StackRow {
    id: i64,
    name: String,
    created_at: i64,
}

impl StackRow {
    fn stack(self) -> Result<Stack, Fault> {
        Ok(Stack {
            id: StackId::new(self.id),
            name: parse(&self.name)?,
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}

/// One that is there, by its id.
pub(super) fn load(conn: &mut Conn, id: StackId) -> Result<Stack, Fault> {
    by_id(conn, id)?.ok_or_else(|| missing("stack", id))
}

pub(super) fn by_id(conn: &mut Conn, id: StackId) -> Result<Option<Stack>, Fault> {
    let row: Option<StackRow> = stacks::table
        .find(id.number())
        .filter(stacks::deleted_at.is_null())
        .select(StackRow::as_select())
        .first(conn)
        .optional()?;
    row.map(StackRow::stack).transpose()
}

fn by_name(conn: &mut Conn, name: &str) -> Result<Option<Stack>, Fault> {
    let row: Option<StackRow> = stacks::table
        .filter(stacks::name.eq(name).and(stacks::deleted_at.is_null()))
        .select(StackRow::as_select())
        .first(conn)
        .optional()?;
    row.map(StackRow::stack).transpose()
}

/// The name of one, deleted or not.
pub(super) fn name(conn: &mut Conn, id: i64) -> QueryResult<String> {
    stacks::table.find(id).select(stacks::name).first(conn)
}

/// Those that are there, in order of id.
pub(super) fn all(conn: &mut Conn) -> Result<Vec<Stack>, Fault> {
    after(conn, "", 0, i64::MAX)
}

fn after(conn: &mut Conn, prefix: &str, number: i64, limit: i64) -> Result<Vec<Stack>, Fault> {
    let found: Vec<StackRow> = stacks::table
        .filter(stacks::deleted_at.is_null())
        .filter(stacks::id.gt(number))
        .filter(starts_with!(stacks::name, prefix))
        .order(stacks::id)
        .limit(limit)
        .select(StackRow::as_select())
        .load(conn)?;
    found.into_iter().map(StackRow::stack).collect()
}

fn create(tx: &mut Tx<'_>, name: &StackName, change: &Change) -> Result<Stack, Fault> {
    if by_name(tx.conn, name.as_str())?.is_some() {
        return Err(exists("a stack", name));
    }
    let row: StackRow = diesel::insert_into(stacks::table)
        .values((
            stacks::name.eq(name.as_str()),
            stacks::created_at.eq(change.at.micros()),
        ))
        .returning(columns::<StackRow>())
        .get_result(tx.conn)?;
    let made = row.stack()?;
    service_names::take_for_stack(tx.conn, &made)?;
    tx.made(made.id);
    tx.tell("stack.created", About::thing(made.id), change)?;
    Ok(made)
}

fn delete(tx: &mut Tx<'_>, id: StackId, change: &Change) -> Result<(), Fault> {
    tx.will_change(id)?;
    let stored = load(tx.conn, id)?;
    let held: i64 = apps::table
        .filter(apps::stack.eq(id.number()).and(apps::deleted_at.is_null()))
        .count()
        .get_result(tx.conn)?;
    if held > 0 {
        return Err(Fault(Error::InUse {
            what: "stack",
            which: stored.name.to_string(),
            by: format!("{held} apps"),
        }));
    }
    service_names::free_stack(tx.conn, id)?;
    diesel::update(stacks::table.find(id.number()))
        .set(stacks::deleted_at.eq(change.at.micros()))
        .execute(tx.conn)?;
    tx.tell("stack.deleted", About::thing(id), change)
}

#[async_trait]
impl Stacks for Store {
    async fn create_stack(&self, name: StackName, change: &Change) -> Result<Stack, Error> {
        self.change(change, move |tx, change| create(tx, &name, change))
            .await
    }

    async fn find_stack(&self, name_or_id: &str) -> Result<Option<Stack>, Error> {
        let wanted = name_or_id.to_owned();
        self.read(
            move |conn| match (by_name(conn, &wanted)?, wanted.parse()) {
                (None, Ok(id)) => by_id(conn, id),
                (found, _) => Ok(found),
            },
        )
        .await
    }

    async fn list_stacks(&self, prefix: &str, page: Page) -> Result<Listed<Stack>, Error> {
        let prefix = prefix.to_owned();
        self.read(move |conn| {
            let found = after(conn, &prefix, page.after.unwrap_or(0), rows(page))?;
            let numbered = found.into_iter().map(|found| (found.id.number(), found));
            Ok(listed(numbered.collect(), page))
        })
        .await
    }

    async fn delete_stack(&self, id: StackId, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| delete(tx, id, change))
            .await
    }
}
