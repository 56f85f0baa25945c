//! The state directory: the database, its key, and what other programs on the machine find there.

use crate::args;
use anyhow::{Context, bail};
use domain::{InstallationId, audit::Proof};
use ports::store::{Origin, audit::Asked};
use secrecy::SecretString;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{Database, KeySource, Store};

/// A key given in the environment instead of a file. It is not an argument: those are seen by everybody on the machine.
const KEY_VARIABLE: &str = "JOCKEY_KEY";

/// Whether a database may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// Where there is none, one is made, with a key. With an installation's id where its old database is lost.
    IfMissing(Option<InstallationId>),
    /// It has to be there.
    Never,
}

/// A change by whoever may read the state directory.
pub(crate) fn operator(action: &str) -> Origin {
    Origin::Asked(Arc::new(Asked {
        proof: Proof::StateDirectory,
        credential: String::new(),
        action: action.to_owned(),
        request: String::new(),
    }))
}

/// The database that is meant.
///
/// # Errors
/// Its address cannot be read, or holds a password where everybody sees it.
pub(crate) fn database(state: &args::State) -> anyhow::Result<Database> {
    state.database.chosen(&state.dir())
}

/// Opens the database of a state directory.
///
/// # Errors
/// What is wrong, and how to mend it.
pub(crate) async fn open(state: &args::State, make: Make) -> anyhow::Result<Store> {
    let dir = state.dir();
    let database = database(state)?;
    let installation = match (make, &database) {
        (Make::IfMissing(installation), _) => {
            make_dir(&dir)?;
            installation
        }
        (Make::Never, Database::File(path)) => {
            expect_database(&dir, path)?;
            expect_up_to_date(&database).await?;
            None
        }
        (Make::Never, Database::Postgres { address, .. }) => {
            if !Store::is_there(database.clone()).await? {
                bail!("there is nothing in the database {address}; start a server on it first");
            }
            expect_up_to_date(&database).await?;
            make_dir(&dir)?;
            None
        }
    };
    Ok(Store::open(store::OpenOptions {
        database,
        key: key(state)?,
        installation,
    })
    .await?)
}

/// Where the key is that is meant.
///
/// # Errors
/// Two are given.
pub(crate) fn key(state: &args::State) -> anyhow::Result<KeySource> {
    match (std::env::var(KEY_VARIABLE), &state.key_file) {
        (Ok(key), None) => Ok(KeySource::Given(SecretString::from(key))),
        (Ok(_), Some(_)) => {
            bail!("both {KEY_VARIABLE} and --key-file are given; leave one of them out")
        }
        (Err(_), Some(file)) => Ok(KeySource::File(file.clone())),
        (Err(_), None) => Ok(KeySource::File(state.dir().join("key"))),
    }
}

/// A command that only looks, or changes one thing, leaves the tables to the servers that run on them.
async fn expect_up_to_date(database: &Database) -> anyhow::Result<()> {
    let stands = Store::migrations(database.clone()).await?;
    let count = stands.pending.len();
    match stands.pending.first() {
        None => Ok(()),
        Some(first) => bail!(
            "the tables are of an older version: {count} migrations were not applied, the first of them {first}; start a \
             server of this version, or run `jockeyd migrate up`"
        ),
    }
}

fn expect_database(dir: &Path, path: &Path) -> anyhow::Result<()> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => bail!(
            "there is no database in {}; start a server there first, or name another --state-dir",
            dir.display()
        ),
        Err(error) => bail!(
            "{} cannot be looked at: {error}; run this as the user of the server",
            dir.display()
        ),
    }
}

/// Nobody but its user reads the state.
///
/// # Errors
/// It cannot be made.
pub(crate) fn make_dir(dir: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| {
            format!(
                "the state directory {} cannot be made; give another --state-dir",
                dir.display()
            )
        })
}

/// A file in the state directory that only its user can read, written whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_private(dir: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(name);
    let draft = dir.join(format!(".{name}.new"));
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    written().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}
