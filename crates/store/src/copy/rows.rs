//! Rows as JSON arrays that both databases write alike: numbers, text, `\x` and digits for bytes, 0 and 1 for no and yes.

use super::{CopyError, tables};
use crate::{conn::Conn, fault::corrupt};
use diesel::{
    connection::DefaultLoadingMode, pg::PgRowByRowLoadingMode, prelude::*, sql_query,
    sql_types::Text,
};
use serde_json::Value;

/// A column, as one database has it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Column {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// `TEXT`, `BIGINT`, `INTEGER`, `BOOLEAN`, `BLOB` or `BYTEA`.
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
}

impl Column {
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self.kind.as_str(), "BLOB" | "BYTEA")
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The columns of a table, in their order.
pub(super) fn columns(conn: &mut Conn, table: &str) -> Result<Vec<Column>, CopyError> {
    let found = match conn {
        Conn::Sqlite(conn) => sql_query(
            "SELECT name, upper(type) AS kind FROM pragma_table_info($1) ORDER BY cid",
        )
        .bind::<Text, _>(table)
        .load(conn)?,
        Conn::Postgres(conn) => sql_query(
            "SELECT column_name::text AS name, upper(data_type::text) AS kind FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
        )
        .bind::<Text, _>(table)
        .load(conn)?,
    };
    Ok(found)
}

/// Hands out each row of a table, in the order of its key.
pub(super) fn each(
    conn: &mut Conn,
    table: &str,
    mut take: impl FnMut(Value) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let columns = columns(conn, table)?;
    let key = tables::key(table);
    let mut take = |line: QueryResult<Line>| {
        let row: Value = serde_json::from_str(&line?.line).map_err(corrupt)?;
        take(alike(row))
    };
    match conn {
        Conn::Sqlite(conn) => {
            let parts: Vec<String> = columns.iter().map(of_sqlite).collect();
            let parts = parts.join(", ");
            let query = sql_query(format!(
                "SELECT json_array({parts}) AS line FROM {table} ORDER BY {key}"
            ));
            let mut lines = query.load_iter::<Line, DefaultLoadingMode>(conn)?;
            lines.try_for_each(&mut take)
        }
        Conn::Postgres(conn) => {
            let parts: Vec<String> = columns.iter().map(of_postgres).collect();
            let parts = parts.join(", ");
            let query = sql_query(format!(
                "SELECT json_build_array({parts})::text AS line FROM {table} ORDER BY {key}"
            ));
            let mut lines = query.load_iter::<Line, PgRowByRowLoadingMode>(conn)?;
            lines.try_for_each(&mut take)
        }
    }
}

fn of_sqlite(column: &Column) -> String {
    let name = &column.name;
    if column.is_bytes() {
        return format!("iif(\"{name}\" IS NULL, NULL, '\\x' || lower(hex(\"{name}\")))");
    }
    format!("\"{name}\"")
}

fn of_postgres(column: &Column) -> String {
    let name = &column.name;
    if column.is_bytes() {
        return format!("'\\x' || encode(\"{name}\", 'hex')");
    }
    format!("\"{name}\"")
}

/// PostgreSQL knows yes and no, and keeps no text with a zero in it.
fn alike(row: Value) -> Value {
    match row {
        Value::Bool(yes) => Value::from(i64::from(yes)),
        Value::String(text) if text.contains('\0') => Value::from(text.replace('\0', "\u{fffd}")),
        Value::Array(all) => all.into_iter().map(alike).collect(),
        other => other,
    }
}
