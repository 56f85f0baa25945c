//! Bringing the tables up to date, and refusing those of a newer Jockey.

use super::{LOCK_TIMEOUT, OpenError, told};
use crate::{
    conn::{self, Address, Conn},
    fault::classify,
};
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::{collections::BTreeSet, error::Error as StdError, time::Duration};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// How often all migrations together are tried again while a table is in use: for 50 s, less than the others wait who
/// open the database.
const TRIES: u32 = 16;
/// Before a migration is tried again: others read and write meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// What a database holds before anything is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Empty,
    Ours,
}

/// Looks at what was applied.
pub(crate) fn look(conn: &mut Conn, address: &Address) -> Result<Standing, OpenError> {
    let applied = applied(conn, address)?;
    let known = known();
    match applied.iter().find(|version| !known.contains(*version)) {
        Some(version) => Err(OpenError::Newer {
            database: address.to_string(),
            version: version.clone(),
        }),
        None if applied.is_empty() => Ok(Standing::Empty),
        None => Ok(Standing::Ours),
    }
}

/// The migrations that were applied, in their order.
pub(crate) fn applied(conn: &mut Conn, address: &Address) -> Result<BTreeSet<String>, OpenError> {
    let applied = match conn {
        Conn::Sqlite(conn) => conn.applied_migrations(),
        Conn::Postgres(conn) => conn.applied_migrations(),
    };
    let applied = applied.map_err(|error| failed(address, error.as_ref()))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Applies what was not, up to and with this one; None: all.
pub(crate) fn run(
    conn: &mut Conn,
    address: &Address,
    up_to: Option<&str>,
) -> Result<(), OpenError> {
    let applied = applied(conn, address)?;
    let is_wanted = |version: &String| {
        up_to.is_none_or(|last| version.as_str() <= last) && !applied.contains(version)
    };
    let count = known().into_iter().filter(is_wanted).count();
    if count == 0 {
        return Ok(());
    }
    let mut tries = TRIES;
    for _ in 0..count {
        while let Err(Failed(error)) = run_next(conn) {
            let is_in_use = error.to_string().contains(LOCK_TIMEOUT);
            if !is_in_use || tries == 0 {
                return Err(failed(address, error.as_ref()));
            }
            tracing::warn!(%error, "a table is in use, by a backup for one: the migration is tried again");
            tries -= 1;
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

fn run_next(conn: &mut Conn) -> Result<(), Failed> {
    conn::without_writers(conn, |conn| {
        match conn {
            Conn::Sqlite(conn) => conn.run_next_migration(SQLITE).map(drop),
            Conn::Postgres(conn) => conn.run_next_migration(POSTGRES).map(drop),
        }?;
        Ok(())
    })
}

/// Takes the last one back, and says which that was. What only it has room for is lost.
pub(crate) fn revert_last(conn: &mut Conn, address: &Address) -> Result<String, OpenError> {
    let reverted = conn::without_writers(conn, |conn| {
        let version = match conn {
            Conn::Sqlite(conn) => conn.revert_last_migration(SQLITE),
            Conn::Postgres(conn) => conn.revert_last_migration(POSTGRES),
        }?;
        Ok(version.to_string())
    });
    reverted.map_err(|error: Failed| failed(address, error.0.as_ref()))
}

/// Whether this version knows a migration; it does when none is named.
pub(crate) fn knows(version: &str) -> bool {
    version.is_empty() || known().contains(version)
}

/// The migrations that this version knows: the same for both databases, as a test of the house says.
pub(crate) fn known() -> BTreeSet<String> {
    let all = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE);
    let all: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        all.expect("they are read when this is compiled");
    all.iter()
        .map(|migration| migration.name().version().to_string())
        .collect()
}

/// What diesel says of a migration that did not run.
struct Failed(Box<dyn StdError + Send + Sync>);

impl From<Box<dyn StdError + Send + Sync>> for Failed {
    fn from(error: Box<dyn StdError + Send + Sync>) -> Self {
        Self(error)
    }
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self(Box::new(error))
    }
}

fn failed(address: &Address, error: &(dyn StdError + Send + Sync + 'static)) -> OpenError {
    match error.downcast_ref::<diesel::result::Error>() {
        Some(error) => told(address, classify(error)),
        None => OpenError::NotOurs {
            database: address.to_string(),
            what: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
