//! Which tables there are, in which order they are filled, and what they are compared by.

use super::CopyError;
use crate::conn::Conn;
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use std::{collections::BTreeMap, fmt::Write as _};

/// Every table with its key, each behind those that it refers to. One that is not known here is not copied: a test says
/// that there is none.
const TABLES: [(&str, &str); 36] = [
    ("meta", "key"),
    ("environments", "id"),
    ("stacks", "id"),
    ("apps", "id"),
    ("service_names", "name"),
    ("node_duties", "node"),
    ("node_authority", "id"),
    ("join_tokens", "hash"),
    ("joined_nodes", "name"),
    ("config_sets", "id"),
    ("config_versions", "id"),
    ("workers", "id"),
    ("builds", "id"),
    ("build_lines", "build, number"),
    ("releases", "id"),
    ("deploys", "id"),
    ("reconciles", "id"),
    ("intents", "instance, kind"),
    ("fences", "environment, app, worker"),
    ("instance_ends", "id"),
    ("leases", "name"),
    ("events", "id"),
    ("tokens", "id"),
    ("requests", "actor, id"),
    ("signing_keys", "id"),
    ("revoked_sessions", "id"),
    ("jobs", "id"),
    ("outbox", "name"),
    ("webhooks", "id"),
    ("callbacks", "id"),
    ("deliveries", "id"),
    ("app_hooks", "app"),
    ("pull_requests", "app, number"),
    ("audit", "id"),
    ("people", "account"),
    ("runs", "id"),
];

/// A table that is not copied. A node's program may have a lease that the copy does not know of: there nobody may rely upon
/// the end of an older one.
const LEFT_BEHIND: &str = "node_leases";

/// The columns that order a table.
pub(super) fn key(table: &str) -> &'static str {
    let found = TABLES.iter().find(|(name, _)| *name == table);
    found.map_or("1", |(_, key)| key)
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Sequence {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    value: i64,
}

/// Those that a database has, in the order in which they are filled.
///
/// # Errors
/// `NotOurs`: it has one that is not known here.
pub(crate) fn of(conn: &mut Conn) -> Result<Vec<String>, CopyError> {
    let there: Vec<Name> = match conn {
        Conn::Sqlite(conn) => sql_query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        )
        .load(conn)?,
        Conn::Postgres(conn) => sql_query(
            "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = current_schema() \
             AND table_name NOT LIKE '\\_\\_%'",
        )
        .load(conn)?,
    };
    let place = |name: &str| TABLES.iter().position(|(known, _)| *known == name);
    let mut names = Vec::new();
    for Name { name } in there.into_iter().filter(|it| it.name != LEFT_BEHIND) {
        match place(&name) {
            Some(place) => names.push((place, name)),
            None => return Err(CopyError::Differs { table: name }),
        }
    }
    names.sort();
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// Takes away what making the tables has put into them.
pub(super) fn clear(conn: &mut Conn) -> Result<(), CopyError> {
    for table in of(conn)?.iter().rev() {
        sql_query(format!("DELETE FROM {table}")).execute(conn)?;
    }
    Ok(())
}

/// The last number that was given to a row of each table, also where that is gone by now.
pub(super) fn sequences(conn: &mut Conn) -> Result<BTreeMap<String, i64>, CopyError> {
    let found: Vec<Sequence> = match conn {
        Conn::Sqlite(conn) => {
            sql_query("SELECT name, seq AS value FROM sqlite_sequence").load(conn)?
        }
        Conn::Postgres(conn) => {
            let names: Vec<Name> = sql_query(
                "SELECT sequencename::text AS name FROM pg_sequences WHERE schemaname = current_schema()",
            )
            .load(conn)?;
            let mut found = Vec::new();
            for Name { name } in names {
                let table = name.strip_suffix("_id_seq").unwrap_or(&name);
                let asked = sql_query(format!(
                    "SELECT '{table}' AS name, CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS value FROM {name}"
                ));
                found.extend(asked.load::<Sequence>(conn)?);
            }
            found
        }
    };
    let found = found.into_iter().filter(|sequence| sequence.value > 0);
    Ok(found
        .map(|sequence| (sequence.name, sequence.value))
        .collect())
}

/// Lets the numbers go on from there.
pub(super) fn set_sequences(
    conn: &mut Conn,
    sequences: &BTreeMap<String, i64>,
) -> Result<(), CopyError> {
    if let Conn::Sqlite(conn) = conn {
        sql_query("DELETE FROM sqlite_sequence").execute(conn)?;
    }
    for (table, value) in sequences {
        if !TABLES.iter().any(|(known, _)| known == table) {
            return Err(CopyError::Differs {
                table: table.clone(),
            });
        }
        match conn {
            Conn::Sqlite(conn) => {
                sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)")
                    .bind::<Text, _>(table)
                    .bind::<BigInt, _>(*value)
                    .execute(conn)?;
            }
            Conn::Postgres(conn) => {
                sql_query(format!("SELECT setval('{table}_id_seq', $1)"))
                    .bind::<BigInt, _>(*value)
                    .execute(conn)?;
            }
        }
    }
    Ok(())
}

/// What a table is compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) rows: u64,
    /// SHA-256 over the rows in their order, in hexadecimal digits.
    pub(super) sha256: String,
}

/// A digest under way.
pub(super) struct Sum {
    rows: u64,
    context: ring::digest::Context,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            rows: 0,
            context: ring::digest::Context::new(&ring::digest::SHA256),
        }
    }
}

impl Sum {
    pub(super) fn add(&mut self, row: &serde_json::Value) {
        self.rows += 1;
        self.context.update(row.to_string().as_bytes());
        self.context.update(b"\n");
    }

    pub(super) fn digest(self) -> Digest {
        let mut sha256 = String::new();
        for byte in self.context.finish().as_ref() {
            write!(sha256, "{byte:02x}").expect("text takes whatever is written");
        }
        Digest {
            rows: self.rows,
            sha256,
        }
    }
}
