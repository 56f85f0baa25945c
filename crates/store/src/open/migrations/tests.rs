//! Each migration is one that the version before survives: what that version says to its tables is said to the newest
//! ones. `released.txt` has the tables as the last release knows them; a release writes it anew, after what it
//! contracts has been out for one release.

use super::{known, run};
use crate::{
    conn::{Address, Conn, Manager, Purpose, Transactions, begin_write},
    copy::tables_of,
};
use diesel::{
    connection::{SimpleConnection as _, TransactionManager as _},
    prelude::*,
    sql_query,
};
use testkit::postgres::Postgres;

const RELEASED: &str = include_str!("released.txt");

/// A table as a release knows it: `apps id:int name:text`.
struct Table<'a> {
    name: &'a str,
    columns: Vec<(&'a str, &'a str)>,
}

/// The newest migration of the release, and its tables, each behind those that it refers to.
fn released() -> (&'static str, Vec<Table<'static>>) {
    let mut lines = RELEASED.lines().filter(|line| !line.starts_with('#'));
    let migration = lines.next().unwrap().strip_prefix("migration ").unwrap();
    let tables = lines.map(|line| {
        let mut words = line.split_whitespace();
        Table {
            name: words.next().unwrap(),
            columns: words.map(|word| word.split_once(':').unwrap()).collect(),
        }
    });
    (migration, tables.collect())
}

fn open(address: Address) -> Conn {
    let manager = Manager {
        address,
        purpose: Purpose::Maintain,
    };
    manager.open().unwrap()
}

/// Says every statement of the release: each table gets a row, whose numbers are all 1, so that each refers to the one
/// before; which is read, changed, and taken away. What is not understood is answered, and what was said is taken back.
fn speak(conn: &mut Conn, tables: &[Table<'_>]) -> Result<(), String> {
    begin_write(conn).unwrap();
    let said = say_all(conn, tables);
    Transactions::rollback_transaction(conn).unwrap();
    said
}

fn say_all(conn: &mut Conn, tables: &[Table<'_>]) -> Result<(), String> {
    sql_query("DELETE FROM outbox").execute(conn).unwrap();
    let say = |conn: &mut Conn, statement: String| match sql_query(&statement).execute(conn) {
        Ok(1) => Ok(()),
        other => Err(format!("{statement}: {other:?}")),
    };
    for table in tables {
        let quoted = table.columns.iter().map(|(name, _)| format!("\"{name}\""));
        let names: Vec<String> = quoted.collect();
        let value = |kind: &str| match (kind, &*conn) {
            ("int", _) => "1",
            ("text", _) => "'1'",
            ("bool", Conn::Postgres(_)) => "true",
            ("bool", Conn::Sqlite(_)) => "1",
            ("bytes", Conn::Postgres(_)) => "'\\x01'::bytea",
            ("bytes", Conn::Sqlite(_)) => "x'01'",
            (other, _) => panic!("{other}"),
        };
        let values: Vec<&str> = table.columns.iter().map(|(_, kind)| value(kind)).collect();
        let (name, values) = (table.name, values.join(", "));
        let columns = names.join(", ");
        say(
            conn,
            format!("INSERT INTO {name} ({columns}) VALUES ({values})"),
        )?;
        let same: Vec<String> = names
            .iter()
            .map(|name| format!("{name} = {name}"))
            .collect();
        say(conn, format!("UPDATE {name} SET {}", same.join(", ")))?;
        let read = format!("SELECT {columns} FROM {name}");
        execute(conn, &read).map_err(|error| format!("{read}: {error}"))?;
    }
    for table in tables.iter().rev() {
        say(conn, format!("DELETE FROM {}", table.name))?;
    }
    Ok(())
}

fn execute(conn: &mut Conn, statements: &str) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(conn) => conn.batch_execute(statements),
        Conn::Postgres(conn) => conn.batch_execute(statements),
    }
}

fn check(address: &Address) {
    let (migration, tables) = released();
    assert!(known().contains(migration), "{migration}");
    let mut conn = open(address.clone());
    run(&mut conn, address, Some(migration)).unwrap();
    let mut names: Vec<&str> = tables.iter().map(|table| table.name).collect();
    let there = tables_of(&mut conn).unwrap();
    let mut there: Vec<&str> = there.iter().map(String::as_str).collect();
    names.sort_unstable();
    there.sort_unstable();
    assert_eq!(names, there, "the tables of the release");
    speak(&mut conn, &tables).unwrap();
    run(&mut conn, address, None).unwrap();
    speak(&mut conn, &tables).unwrap();
    // Made-up migrations, so that this is seen to tell one that may be from those that may not.
    execute(
        &mut conn,
        "ALTER TABLE stacks ADD COLUMN made_up INTEGER NOT NULL DEFAULT 7",
    )
    .unwrap();
    speak(&mut conn, &tables).unwrap();
    for (what, statement) in [
        ("leases", "ALTER TABLE leases RENAME TO holds"),
        ("stacks", "ALTER TABLE stacks RENAME COLUMN name TO title"),
    ] {
        execute(&mut conn, statement).unwrap();
        let error = speak(&mut conn, &tables).unwrap_err();
        assert!(error.contains(what), "{statement}: {error}");
    }
}

#[test]
fn the_release_before_is_understood_by_the_newest_tables() {
    let directory = tempfile::tempdir().unwrap();
    check(&Address::Sqlite(directory.path().join("jockey.db")));
}

#[test]
fn the_release_before_is_understood_by_the_newest_tables_of_postgresql() {
    let database = Postgres::shared().unwrap().database().unwrap();
    check(&Address::Postgres(database.url().parse().unwrap()));
}
