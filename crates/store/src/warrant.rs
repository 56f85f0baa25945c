//! Whether this version may still write: a newer one may have brought the tables to where it does not know them.

use ports::store::Error;
use std::sync::OnceLock;

/// Good until a newer version says otherwise. Then it stays withdrawn: tables do not go back while servers run.
#[derive(Debug, Default)]
pub(crate) struct Warrant(OnceLock<String>);

impl Warrant {
    /// Refuses writes from now on: the database asks of its writers that they know this migration.
    pub(crate) fn withdraw(&self, migration: &str) {
        if self.0.set(migration.to_owned()).is_ok() {
            tracing::error!(
                migration,
                "a newer server has changed the tables: this one writes no more; run the newer version here as well"
            );
        }
    }

    /// # Errors
    /// `ReadOnly`, with the migration that this version does not know.
    pub(crate) fn may_write(&self) -> Result<(), Error> {
        match self.0.get() {
            None => Ok(()),
            Some(migration) => Err(Error::ReadOnly(format!(
                "a newer server has brought its tables to {migration}, which this one does not know; run the newer version \
                 here as well"
            ))),
        }
    }
}
