//! Where everything is kept.

use anyhow::{Context, bail};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    convert::Infallible,
    fmt,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};
use store::{Database as Kept, PostgresAddress};

/// An argument that may hold a password. It is looked into when it is used: what is refused while arguments are read is
/// repeated with the refusal.
#[derive(Clone)]
pub(crate) struct Veiled(SecretString);

impl Veiled {
    pub(super) fn text(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for Veiled {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(SecretString::from(text)))
    }
}

impl fmt::Debug for Veiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Database {
    /// PostgreSQL database to keep everything in, which several servers may share; without a password, for arguments are
    /// seen by everybody on the machine: give that by the variable, or in a file. [default: a SQLite file in the state
    /// directory]
    #[arg(
        long,
        env = "JOCKEY_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) database: Option<Veiled>,
    /// File with the address of the PostgreSQL database, password and all.
    #[arg(
        long,
        env = "JOCKEY_DATABASE_FILE",
        value_name = "FILE",
        conflicts_with = "database"
    )]
    pub(crate) database_file: Option<PathBuf>,
}

impl Database {
    /// The database of a server whose own files are in this directory.
    ///
    /// # Errors
    /// The address or its file cannot be read, or a password is given as an argument.
    pub(crate) fn chosen(&self, state: &Path) -> anyhow::Result<Kept> {
        let address = match (&self.database, &self.database_file) {
            (None, None) => return Ok(Kept::File(state.join("jockey.db"))),
            (Some(given), _) => {
                let address = given.text().parse().context("--database")?;
                refuse_in_arguments(&address)?;
                address
            }
            (None, Some(file)) => read(file)?,
        };
        Ok(Kept::Postgres {
            address,
            state: state.to_owned(),
        })
    }
}

/// The mode of a file that everybody may read.
const OTHERS: u32 = 0o004;

/// The address in a file.
pub(super) fn read(file: &Path) -> anyhow::Result<PostgresAddress> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("--database-file {} cannot be read", file.display()))?;
    // Not refused: what hands secrets to containers often gives them that mode, in a directory that nobody else sees.
    if std::fs::metadata(file).is_ok_and(|found| found.mode() & OTHERS != 0) {
        tracing::warn!(file = %file.display(), "everybody on this machine may read the database's password; take that mode away");
    }
    let address = text.trim().parse();
    address.with_context(|| format!("--database-file {}", file.display()))
}

/// Everybody on the machine may read the arguments of a process.
pub(crate) fn refuse_in_arguments(address: &PostgresAddress) -> anyhow::Result<()> {
    if std::env::args().any(|argument| address.is_told_by(&argument)) {
        bail!(
            "the argument holds the password of {address}, and everybody on this machine can read it there; give the address \
             by the variable JOCKEY_DATABASE, or in a file by --database-file"
        );
    }
    Ok(())
}
