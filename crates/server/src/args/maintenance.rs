//! `jockeyd migrate`, `backup`, `restore` and `import`.

use super::{State, database::Veiled};
use anyhow::Context;
use clap::Subcommand;
use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    str::FromStr,
};
use store::Database;

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockeyd migrate status --state-dir /var/lib/jockey")]
pub(crate) enum Migrate {
    /// Say which migrations were applied, and which were not.
    #[command(after_help = "Example:\n  jockeyd migrate status --state-dir /var/lib/jockey")]
    Status {
        #[command(flatten)]
        state: State,
    },
    /// Bring the tables up to date. A server that starts does that by itself.
    #[command(after_help = "Example:\n  jockeyd migrate up --state-dir /var/lib/jockey")]
    Up {
        #[command(flatten)]
        state: State,
    },
    /// Take back the last migration; what only it has room for is lost. Stop the servers first, and make a backup.
    #[command(after_help = "Example:\n  jockeyd migrate down --state-dir /var/lib/jockey")]
    Down {
        #[command(flatten)]
        state: State,
    },
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  jockeyd backup --to jockey-2026-11-26.backup
  jockeyd backup --database postgres://jockey@db.internal/jockey --to /backups/jockey.backup")]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) state: State,
    /// The new file. The key is not in it: keep that apart.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  jockeyd restore --from jockey-2026-11-26.backup --state-dir /var/lib/jockey")]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) state: State,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  jockeyd import --from sqlite:/var/lib/jockey/jockey.db --to postgres://jockey@db.internal/jockey
  jockeyd import --from sqlite:/var/lib/jockey/jockey.db --to file:/etc/jockey/database")]
pub(crate) struct Import {
    /// What is copied: sqlite:PATH, postgres://…, or file:PATH of a file with such an address. No server may run on it.
    #[arg(long, value_name = "DATABASE")]
    pub(crate) from: Place,
    /// What is made: a database with nothing in it, or a SQLite file that is not there.
    #[arg(long, value_name = "DATABASE")]
    pub(crate) to: Place,
}

/// A database that is named by one word.
#[derive(Debug, Clone)]
pub(crate) struct Place(Veiled);

impl Place {
    /// # Errors
    /// It names none, or a password is given as an argument.
    pub(crate) fn database(&self) -> anyhow::Result<Database> {
        let text = self.0.text();
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Database::File(path.into()));
        }
        let address = match text.strip_prefix("file:") {
            Some(file) => super::database::read(Path::new(file))?,
            None => {
                let address = text.parse();
                let address =
                    address.context("it is neither sqlite:PATH, nor file:PATH, nor an address")?;
                super::database::refuse_in_arguments(&address)?;
                address
            }
        };
        Ok(Database::Postgres {
            address,
            // Nothing is kept outside by a copy.
            state: PathBuf::new(),
        })
    }
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        text.parse().map(Self)
    }
}
