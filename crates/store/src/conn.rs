//! Connections to one database, of either kind.

use diesel::{
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    prelude::*,
    r2d2::R2D2Connection,
};
use std::path::PathBuf;

/// A connection. Everything but a few marked statements is written once for both kinds.
#[derive(diesel::MultiConnection)]
pub(crate) enum Conn {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

pub(crate) type Backend = <Conn as Connection>::Backend;
pub(crate) type Transactions = <Conn as Connection>::TransactionManager;

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Sqlite(PathBuf),
    #[expect(
        dead_code,
        reason = "several servers share a database later; the queries are ready"
    )]
    Postgres(String),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// How long a writer waits for another process's commit, in milliseconds. A commit takes a few; a backup may take seconds.
const BUSY_MS: u32 = 5_000;

/// Opens connections to one database.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    pub(crate) address: Address,
    pub(crate) purpose: Purpose,
}

impl Manager {
    pub(crate) fn open(&self) -> ConnectionResult<Conn> {
        match &self.address {
            Address::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                conn.batch_execute(&self.pragmas())
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Sqlite(conn))
            }
            Address::Postgres(url) => PgConnection::establish(url).map(Conn::Postgres),
        }
    }

    fn pragmas(&self) -> String {
        let common = format!("PRAGMA busy_timeout={BUSY_MS}; PRAGMA foreign_keys=ON;");
        match self.purpose {
            Purpose::Read => format!("{common} PRAGMA query_only=ON;"),
            Purpose::Write => {
                format!("{common} PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            }
        }
    }
}

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Conn, Self::Error> {
        self.open().map_err(diesel::r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Self::Error> {
        conn.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// Begins a transaction that writes. SQLite takes its write lock at once, so that nothing meets a locked database half
/// way; a deferred one fails at once where two of them meet, whatever the timeout.
pub(crate) fn begin_write(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
    }
}

/// Begins a transaction that sees one point in time and waits for no writer.
fn begin_read(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(
            conn,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        ),
    }
}

/// One transaction that only looks.
pub(crate) fn read<T, E: From<diesel::result::Error>>(
    conn: &mut Conn,
    look: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    begin_read(conn)?;
    let seen = look(conn);
    Transactions::rollback_transaction(conn)?;
    seen
}

/// One transaction that writes, for what happens before there is a writer.
pub(crate) fn write<T, E: From<diesel::result::Error>>(
    conn: &mut Conn,
    act: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    begin_write(conn)?;
    match act(conn) {
        Ok(value) => {
            Transactions::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            Transactions::rollback_transaction(conn)?;
            Err(error)
        }
    }
}

/// The columns of a row, for `RETURNING`: `as_returning` names one backend, and statements here are for either.
pub(crate) fn columns<T: Selectable<Backend>>() -> T::SelectExpression {
    T::construct_selection()
}
