//! Bringing the tables up to date, and refusing those of a newer Jockey.

use super::{OpenError, told};
use crate::{conn::Conn, fault::classify};
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::{collections::BTreeSet, error::Error as StdError, path::Path};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// What a database holds before anything is done to it.
pub(super) enum Standing {
    Empty,
    Ours,
}

/// Looks at what was applied.
pub(super) fn look(conn: &mut Conn, path: &Path) -> Result<Standing, OpenError> {
    let applied = match conn {
        Conn::Sqlite(conn) => conn.applied_migrations(),
        Conn::Postgres(conn) => conn.applied_migrations(),
    };
    let applied = applied.map_err(|error| failed(path, error.as_ref()))?;
    let known = known(conn).map_err(|error| failed(path, error.as_ref()))?;
    let newer = applied
        .iter()
        .map(ToString::to_string)
        .find(|version| !known.contains(version));
    match newer {
        Some(version) => Err(OpenError::Newer {
            path: path.to_owned(),
            version,
        }),
        None if applied.is_empty() => Ok(Standing::Empty),
        None => Ok(Standing::Ours),
    }
}

/// Applies what was not.
pub(super) fn run(conn: &mut Conn, path: &Path) -> Result<(), OpenError> {
    let ran = match conn {
        Conn::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(drop),
        Conn::Postgres(conn) => conn.run_pending_migrations(POSTGRES).map(drop),
    };
    ran.map_err(|error| failed(path, error.as_ref()))
}

fn known(conn: &Conn) -> Result<BTreeSet<String>, Box<dyn StdError + Send + Sync>> {
    Ok(match conn {
        Conn::Sqlite(_) => versions(&MigrationSource::<diesel::sqlite::Sqlite>::migrations(
            &SQLITE,
        )?),
        Conn::Postgres(_) => versions(&MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES)?),
    })
}

fn versions<DB: diesel::backend::Backend>(all: &[Box<dyn Migration<DB>>]) -> BTreeSet<String> {
    all.iter()
        .map(|migration| MigrationVersion::as_owned(&migration.name().version()).to_string())
        .collect()
}

fn failed(path: &Path, error: &(dyn StdError + Send + Sync + 'static)) -> OpenError {
    match error.downcast_ref::<diesel::result::Error>() {
        Some(error) => told(path, classify(error)),
        None => OpenError::NotOurs {
            path: path.to_owned(),
            what: error.to_string(),
        },
    }
}
