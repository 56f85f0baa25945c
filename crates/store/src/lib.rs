//! What Jockey remembers, in SQLite: the `Store` port by diesel, migrations, and config values encrypted at rest.
//!
//! A public method is one transaction, on a thread that may block: no connection crosses an `.await`. Rows are private
//! and become types of the domain at the door. Nothing here decides what to do, reads a clock but the database's own for
//! leases, or writes a config value that is not encrypted.

mod audit;
mod check;
mod conn;
mod fault;
mod json;
mod keys;
mod lock;
mod news;
mod open;
mod reader;
mod rotate;
mod schema;
mod tables;
mod tx;
mod writer;

pub use check::Checked;
pub use keys::{BadKeys, KeyId, KeySource};
pub use lock::{LockError, ServeLock};
pub use open::{OpenError, OpenOptions};
pub use rotate::{RotateError, Rotated};

use domain::InstallationId;
use fault::Fault;
use keys::Keyring;
use news::Bulletin;
use ports::store::{Change, Error};
use reader::Reader;
use std::{path::PathBuf, sync::Arc};
use tx::Tx;
use writer::{Effect, Writer};

/// An open database. Dropped: what was accepted is written, then it is closed.
pub struct Store {
    path: PathBuf,
    installation: InstallationId,
    keys: Arc<Keyring>,
    bulletin: Arc<Bulletin>,
    reader: Reader,
    writer: Arc<Writer>,
    effect: Effect,
}

impl Store {
    /// Opens the database, makes it where there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// `OpenError`, which says what is wrong and how to mend it.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        match tokio::task::spawn_blocking(move || open::open(options)).await {
            Ok(opened) => opened,
            Err(error) => Err(OpenError::Interrupted(error.to_string())),
        }
    }

    /// Looks at one point in time. Waits for no writer.
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut conn::Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        self.reader.read(look).await
    }

    /// Writes, all or nothing, and answers once it is on the disk; in a trial, once it is taken back.
    async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.write(self.effect, act).await
    }

    /// Writes what a change asks for, at most once for its idempotency key.
    async fn change<T: Send + 'static>(
        &self,
        change: &Change,
        act: impl FnOnce(&mut Tx<'_>, &Change) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let change = change.clone();
        self.write(move |tx| tx.once(&change, |tx| act(tx, &change)))
            .await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("installation", &self.installation)
            .finish_non_exhaustive()
    }
}

impl ports::Store for Store {
    fn installation(&self) -> InstallationId {
        self.installation
    }

    fn trial(&self) -> Arc<dyn ports::Store> {
        Arc::new(Self {
            path: self.path.clone(),
            installation: self.installation,
            keys: Arc::clone(&self.keys),
            bulletin: Arc::clone(&self.bulletin),
            reader: self.reader.clone(),
            writer: Arc::clone(&self.writer),
            effect: Effect::TakenBack,
        })
    }
}
