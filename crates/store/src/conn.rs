//! Connections to one database, of either kind.

use crate::address::PostgresAddress;
use diesel::{
    connection::{
        AnsiTransactionManager, InstrumentationEvent, SimpleConnection, TransactionManager,
    },
    prelude::*,
    r2d2::R2D2Connection,
};
use std::{fmt, path::PathBuf, time::Duration};

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
    Postgres(PostgresAddress),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
    /// Making and changing tables, and copying whole databases: takes as long as it takes.
    Maintain,
}

/// How long a writer waits for another process's commit, in milliseconds. A commit takes a few; a backup may take seconds.
const BUSY_MS: u32 = 5_000;
/// The same on PostgreSQL, where other servers write: longer than the one before it may be held up (`STALLED_MS`).
const LOCK_MS: u32 = 10_000;
/// How long a server may hold a transaction open without a word, in milliseconds: one that was stopped in the middle of
/// it would keep all others from writing. Its own transaction is taken back. A transaction's statements follow each other
/// within microseconds.
const STALLED_MS: u32 = 4_000;
/// How long one statement may take, in milliseconds. The longest look through a whole history for a page.
const STATEMENT_MS: u32 = 30_000;
/// How long whoever opens a database waits for another who does, in milliseconds: longer than making all tables takes.
const TABLES_MS: u32 = 60_000;
/// How long who changes a table waits for those who use it, in milliseconds.
const PASSING_MS: u32 = 2_000;
/// How long whoever opens a database may be silent, in milliseconds. Between two statements it makes a key at the most.
const OPENING_MS: u32 = 20_000;
/// How long the database may take to answer at all before a caller is told that it does not: more than `LOCK_MS` and
/// `STATEMENT_MS` together.
pub(crate) const ANSWER: Duration = Duration::from_secs(45);

/// The writers' lock: a number of ours among the advisory locks of the database.
const WRITERS: i64 = 0x006a_6f63_6b65_7901;
/// The lock of whoever looks at the tables and brings them up to date.
const TABLES: i64 = 0x006a_6f63_6b65_7902;

/// The lock of whoever has the database open: many at once, or one that takes it away from all others.
const OPEN: i64 = 0x006a_6f63_6b65_7903;
/// How long a server that was just ended may still be connected, in milliseconds.
const ENDING_MS: u32 = 3_000;

/// Opens connections to one database.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    pub(crate) address: Address,
    pub(crate) purpose: Purpose,
}

impl Manager {
    pub(crate) fn open(&self) -> ConnectionResult<Conn> {
        let mut conn = self.establish()?;
        conn.set_instrumentation(count);
        Ok(conn)
    }

    fn establish(&self) -> ConnectionResult<Conn> {
        match &self.address {
            Address::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                conn.batch_execute(&self.pragmas())
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Sqlite(conn))
            }
            Address::Postgres(address) => {
                let mut conn = PgConnection::establish(&address.for_libpq())?;
                conn.batch_execute(&self.limits())
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Postgres(conn))
            }
        }
    }

    fn pragmas(&self) -> String {
        let common = format!("PRAGMA busy_timeout={BUSY_MS}; PRAGMA foreign_keys=ON;");
        match self.purpose {
            Purpose::Read => format!("{common} PRAGMA query_only=ON;"),
            Purpose::Write | Purpose::Maintain => {
                format!("{common} PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            }
        }
    }

    /// Also that what is answered is kept, whatever the role or the database has for a default.
    fn limits(&self) -> String {
        let (statement, lock, stalled) = match self.purpose {
            Purpose::Read | Purpose::Write => (STATEMENT_MS, LOCK_MS, STALLED_MS),
            Purpose::Maintain => (0, TABLES_MS, 0),
        };
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {stalled}; SET client_min_messages = warning; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    }
}

/// Counts what is asked of the database: a page that asks once for each thing that it shows is seen by this before it is
/// slow.
fn count(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { .. } = event {
        metrics::counter!("jockey_statements_total").increment(1);
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
/// way; a deferred one fails at once where two of them meet, whatever the timeout. On PostgreSQL the writers' lock makes
/// the same of all servers together: one writes at a time, sees all that was written before, and what it numbers becomes
/// visible in the order of the numbers.
///
/// Where it fails on PostgreSQL the connection may be in the middle of a transaction: it is not to be used any more.
pub(crate) fn begin_write(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
        Conn::Postgres(conn) => {
            // Each statement sees what was committed before it: what others wrote before the lock was had.
            let begin = format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({WRITERS})"
            );
            AnsiTransactionManager::begin_transaction_sql(conn, &begin)
        }
    }
}

/// Keeps every other server from looking at the tables, and from changing them, until the connection is closed.
pub(crate) fn hold_tables(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        // The commands of one machine take turns by SQLite's own lock.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => conn.batch_execute(&format!("SELECT pg_advisory_lock({TABLES})")),
    }
}

/// Does what changes the tables while nobody writes into them. Fails soon where a table is in use, for a backup: whoever
/// would only read it waits behind who waits to change it.
pub(crate) fn without_writers<T, E: From<diesel::result::Error>>(
    conn: &mut Conn,
    act: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    writers(conn, "pg_advisory_lock", PASSING_MS)?;
    let done = act(conn);
    let let_go = writers(conn, "pg_advisory_unlock", TABLES_MS);
    // What broke the act says more than that its lock went with the connection.
    match (done, let_go) {
        (Ok(_), Err(error)) => Err(error.into()),
        (done, _) => done,
    }
}

/// `wait`: how long what follows waits for a lock, in milliseconds.
fn writers(conn: &mut Conn, function: &str, wait: u32) -> QueryResult<()> {
    match conn {
        // A file's tables are changed under SQLite's own lock.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => conn.batch_execute(&format!(
            "SET lock_timeout = {wait}; SELECT {function}({WRITERS})"
        )),
    }
}

/// Says that the database is open here, until the connection is closed.
pub(crate) fn hold_open(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        // A server takes the lock of its file.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => {
            conn.batch_execute(&format!("SELECT pg_advisory_lock_shared({OPEN})"))
        }
    }
}

/// Keeps everybody from opening the database, until the connection is closed. Fails where somebody has it open.
pub(crate) fn hold_alone(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => conn.batch_execute(&format!(
            "SET lock_timeout = {ENDING_MS}; SELECT pg_advisory_lock({OPEN}); SET lock_timeout = {TABLES_MS}"
        )),
    }
}

/// Has the database end the connection of whoever opens it when that stalls, so that it keeps nobody out: within less than
/// the others wait for.
pub(crate) fn without_stalls(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => conn.batch_execute(&format!(
            "SET idle_session_timeout = {OPENING_MS}; SET idle_in_transaction_session_timeout = {OPENING_MS}"
        )),
    }
}

/// Begins a transaction that sees one point in time and waits for no writer.
pub(crate) fn begin_read(conn: &mut Conn) -> QueryResult<()> {
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
    let ended = Transactions::rollback_transaction(conn);
    // What broke the look says more than that its end failed as well.
    match (seen, ended) {
        (Ok(_), Err(error)) => Err(error.into()),
        (seen, _) => seen,
    }
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

#[cfg(test)]
mod tests;
