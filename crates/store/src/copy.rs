//! Whole databases: copied into a file and back, and from one kind to the other, with every id and all history.
//!
//! A copy is of one point in time, and is compared with what it was made from: how many rows each table has, and a digest
//! over them. Secrets stay encrypted in it; the key is kept apart.

mod file;
mod pour;
mod rows;
mod tables;

use crate::{
    Store,
    conn::{self, Address, Conn, Purpose, Transactions},
    fault::{Fault, classify},
    lock::{self, LockError},
    open::{Database, OpenError, connect, migrations, migrations::Standing},
};
use diesel::{
    QueryableByName, RunQueryDsl as _, connection::TransactionManager as _, sql_query,
    sql_types::Text,
};
use domain::InstallationId;
use ports::store::Error;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use tables::Digest;
#[cfg(test)]
pub(crate) use tables::of as tables_of;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// None: of a database that no server has opened yet.
    pub installation: Option<InstallationId>,
    /// The newest migration that it has.
    pub migration: String,
    /// How many rows of each table.
    pub rows: BTreeMap<String, u64>,
}

impl Copied {
    /// How many rows all tables have.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// Why a database was not copied. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("there is no database of Jockey in {0}")]
    Nothing(String),
    #[error("there is a file {0} already; remove it, or give another name")]
    Exists(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is not a whole backup of Jockey: {what}")]
    BadBackup { path: PathBuf, what: String },
    #[error("the copy of the table {table} is not what it was made from; do not use it")]
    Differs { table: String },
    #[error("the copying broke off")]
    Store(#[from] Error),
    #[error("the copying was interrupted: {0}")]
    Interrupted(String),
}

impl From<Fault> for CopyError {
    fn from(Fault(error): Fault) -> Self {
        Self::Store(error)
    }
}

impl From<diesel::result::Error> for CopyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(classify(&error))
    }
}

/// What a copy has beside its rows: how far numbers were given away, and what it is compared by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tail {
    sequences: BTreeMap<String, i64>,
    digests: BTreeMap<String, Digest>,
}

impl Store {
    /// Copies a database into a new file that only its user may read. A server may go on writing meanwhile.
    ///
    /// # Errors
    /// `CopyError`; no file is left then.
    pub async fn back_up(from: Database, into: PathBuf) -> Result<Copied, CopyError> {
        blocking(move || file::back_up(&from.address(), &into)).await
    }

    /// Makes a database of such a file, and brings its tables up to date.
    ///
    /// # Errors
    /// `CopyError`: among others when there is anything in that database.
    pub async fn restore(from: PathBuf, into: Database) -> Result<Copied, CopyError> {
        blocking(move || make(&into, |target| file::restore(&from, target))).await
    }

    /// Copies one database into another, empty one, of either kind. No server may run on the first: what it writes
    /// meanwhile is not in the copy.
    ///
    /// # Errors
    /// `CopyError`: among others when there is anything in the second, and when a server runs on the first.
    pub async fn import(from: Database, into: Database) -> Result<Copied, CopyError> {
        blocking(move || make(&into, |target| across(&from.address(), target))).await
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|error| Err(CopyError::Interrupted(error.to_string())))
}

/// Opens what is to be read, which has to be there.
fn source(address: &Address) -> Result<Conn, CopyError> {
    let nothing = || CopyError::Nothing(address.to_string());
    if let Address::Sqlite(path) = address
        && !path.exists()
    {
        return Err(nothing());
    }
    let mut conn = connect(address, Purpose::Maintain)?;
    match migrations::look(&mut conn, address)? {
        Standing::Ours => Ok(conn),
        Standing::Empty => Err(nothing()),
    }
}

/// As the transaction sees it.
fn newest_migration(conn: &mut Conn) -> Result<String, CopyError> {
    #[derive(QueryableByName)]
    struct Newest {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let query = "SELECT coalesce(max(version), '') AS version FROM __diesel_schema_migrations";
    let newest: Newest = sql_query(query).get_result(conn)?;
    Ok(newest.version)
}

/// Has a database made where there is none. A file is made beside its place, and put there once it is whole.
fn make(
    into: &Database,
    fill: impl FnOnce(&mut Target) -> Result<Copied, CopyError>,
) -> Result<Copied, CopyError> {
    match into {
        Database::Postgres { .. } => {
            let mut target = Target::open(into.address())?;
            fill(&mut target)
        }
        Database::File(path) => {
            let _lock = lock_for(path)?;
            nothing_at(path)?;
            let draft = file::beside(path, ".new");
            remove_database(&draft)?;
            let mut target = Target::open(Address::Sqlite(draft.clone()))?;
            let filled = fill(&mut target);
            // What is not yet in the file itself is written into it when it is closed.
            drop(target);
            let done = filled.and_then(|copied| file::put(&draft, path).map(|()| copied));
            if done.is_err() {
                remove_database(&draft)?;
            }
            done
        }
    }
}

/// Keeps servers away from a file that is not there yet.
fn lock_for(path: &Path) -> Result<lock::ServeLock, CopyError> {
    match lock::take(path) {
        Err(LockError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(CopyError::Open(OpenError::NoDirectory {
                database: path.display().to_string(),
            }))
        }
        taken => Ok(taken?),
    }
}

/// What SQLite keeps beside a file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses to make a file where there is one, and beside what is left of one: SQLite would write that into the new file.
fn nothing_at(path: &Path) -> Result<(), CopyError> {
    for suffix in [""].into_iter().chain(BESIDE) {
        let path = file::beside(path, suffix);
        // Also a link that leads nowhere.
        if path.symlink_metadata().is_ok() {
            return Err(CopyError::Exists(path));
        }
    }
    Ok(())
}

/// What another try may have left.
fn remove_database(path: &Path) -> Result<(), CopyError> {
    for suffix in [""].into_iter().chain(BESIDE) {
        remove(&file::beside(path, suffix))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), CopyError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(CopyError::Io {
            path: path.to_owned(),
            source,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A database that is being made.
struct Target {
    address: Address,
    conn: Conn,
}

impl Target {
    fn open(address: Address) -> Result<Self, CopyError> {
        let mut conn = connect(&address, Purpose::Maintain)?;
        conn::hold_tables(&mut conn)?;
        match migrations::look(&mut conn, &address)? {
            Standing::Empty => Ok(Self { address, conn }),
            Standing::Ours => Err(OpenError::NotEmpty {
                database: address.to_string(),
            }
            .into()),
        }
    }

    /// Makes the tables as they were then, fills them, compares, and only then brings them up to date: all of it or
    /// nothing, so that what broke off can be tried again.
    fn fill(
        &mut self,
        migration: &str,
        pour: impl FnOnce(&mut Conn) -> Result<Tail, CopyError>,
    ) -> Result<BTreeMap<String, u64>, CopyError> {
        if !migrations::knows(migration) {
            return Err(CopyError::Open(OpenError::Newer {
                database: "to be copied".to_owned(),
                version: migration.to_owned(),
            }));
        }
        conn::begin_write(&mut self.conn)?;
        migrations::run(&mut self.conn, &self.address, Some(migration))?;
        tables::clear(&mut self.conn)?;
        let tail = pour(&mut self.conn)?;
        tables::set_sequences(&mut self.conn, &tail.sequences)?;
        compare(&mut self.conn, &tail)?;
        migrations::run(&mut self.conn, &self.address, None)?;
        Transactions::commit_transaction(&mut self.conn)?;
        let rows = tail.digests.into_iter();
        Ok(rows.map(|(table, digest)| (table, digest.rows)).collect())
    }
}

/// Reads everything once more.
fn compare(conn: &mut Conn, tail: &Tail) -> Result<(), CopyError> {
    for (table, digest) in &tail.digests {
        let mut there = tables::Sum::default();
        rows::each(conn, table, |row| {
            there.add(&row);
            Ok(())
        })?;
        if there.digest() != *digest {
            return Err(CopyError::Differs {
                table: table.clone(),
            });
        }
    }
    Ok(())
}

/// From one database straight into another.
fn across(from: &Address, target: &mut Target) -> Result<Copied, CopyError> {
    let mut source = source(from)?;
    let _alone = lock::alone(&mut source, from)?;
    conn::begin_read(&mut source)?;
    let migration = newest_migration(&mut source)?;
    let rows = target.fill(&migration, |into| {
        let mut tail = Tail::default();
        for table in tables::of(&mut source)? {
            let columns = rows::columns(&mut source, &table)?;
            let columns: Vec<String> = columns.into_iter().map(|column| column.name).collect();
            let mut pour = pour::Pour::into(into, &table, &columns)?;
            let mut sum = tables::Sum::default();
            rows::each(&mut source, &table, |row| {
                sum.add(&row);
                pour.add(into, row)
            })?;
            pour.finish(into)?;
            tail.digests.insert(table, sum.digest());
        }
        tail.sequences = tables::sequences(&mut source)?;
        Ok(tail)
    })?;
    Ok(Copied {
        installation: crate::tables::meta::installation(&mut target.conn)?,
        migration,
        rows,
    })
}
