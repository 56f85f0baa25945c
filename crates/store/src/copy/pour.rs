//! Writes rows into a table, many with one statement.

use super::{
    CopyError,
    rows::{self, Column},
};
use crate::conn::Conn;
use diesel::{prelude::*, sql_query, sql_types::Text};
use serde_json::Value;

/// How many rows one statement writes at the most, and how much text.
const ROWS_MAX: usize = 500;
const BYTES_MAX: usize = 1 << 20;

/// Rows on their way into a table.
pub(super) struct Pour {
    statement: String,
    waiting: Vec<String>,
    bytes: usize,
}

impl Pour {
    /// `columns`: in the order of the values of a row.
    pub(super) fn into(
        conn: &mut Conn,
        table: &str,
        columns: &[String],
    ) -> Result<Self, CopyError> {
        let there = rows::columns(conn, table)?;
        let mut names = Vec::new();
        let mut values = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let name = column;
            let Some(known) = there.iter().find(|known| known.name == *name) else {
                return Err(CopyError::Differs {
                    table: table.to_owned(),
                });
            };
            names.push(format!("\"{name}\""));
            values.push(match conn {
                Conn::Sqlite(_) => of_sqlite(known, place),
                Conn::Postgres(_) => format!("(value->>{place})::{}", known.kind),
            });
        }
        let rows = match conn {
            Conn::Sqlite(_) => "json_each($1)",
            Conn::Postgres(_) => "json_array_elements($1::json)",
        };
        Ok(Self {
            statement: format!(
                "INSERT INTO {table} ({}) SELECT {} FROM {rows}",
                names.join(", "),
                values.join(", ")
            ),
            waiting: Vec::new(),
            bytes: 0,
        })
    }

    pub(super) fn add(&mut self, conn: &mut Conn, row: Value) -> Result<(), CopyError> {
        let text = row.to_string();
        self.bytes += text.len();
        self.waiting.push(text);
        if self.waiting.len() == ROWS_MAX || self.bytes > BYTES_MAX {
            self.write(conn)?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self, conn: &mut Conn) -> Result<(), CopyError> {
        self.write(conn)
    }

    fn write(&mut self, conn: &mut Conn) -> Result<(), CopyError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = format!("[{}]", self.waiting.join(","));
        sql_query(&self.statement)
            .bind::<Text, _>(rows)
            .execute(conn)?;
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }
}

fn of_sqlite(column: &Column, place: usize) -> String {
    let value = format!("json_extract(value, '$[{place}]')");
    if column.is_bytes() {
        return format!("unhex(substr({value}, 3))");
    }
    value
}
