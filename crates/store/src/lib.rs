//! What Jockey remembers, in SQLite or PostgreSQL: the `Store` port by diesel, migrations, and config values encrypted at rest.
//!
//! A public method is one transaction, on a thread that may block: no connection crosses an `.await`. Rows are private
//! and become types of the domain at the door. Nothing here decides what to do, reads a clock but the database's own for
//! leases, or writes a config value that is not encrypted.

mod address;
mod audit;
mod check;
mod conn;
mod copy;
mod fault;
mod json;
mod keys;
mod lock;
mod migrate;
mod news;
mod open;
mod others;
mod reader;
mod rotate;
mod schema;
mod tables;
mod thread;
mod tx;
mod warrant;
mod writer;

pub use address::{BadAddress, PostgresAddress};
pub use check::Checked;
pub use copy::{Copied, CopyError};
pub use keys::{BadKeys, KeyId, KeySource};
pub use lock::{LockError, ServeLock};
pub use migrate::Migrations;
pub use open::{Database, OpenError, OpenOptions};
pub use rotate::{RotateError, Rotated};

use conn::Address;
use domain::InstallationId;
use fault::Fault;
use keys::Keyring;
use news::Bulletin;
use others::Others;
use ports::store::{Change, Error};
use reader::Reader;
use secrecy::SecretString;
use std::{path::PathBuf, sync::Arc};
use tables::webhooks;
use tx::Tx;
use writer::{Effect, Writer};

/// An open database. Dropped: what was accepted is written, then it is closed.
pub struct Store {
    /// The file, or where PostgreSQL is used, a name beside which is what this server keeps outside of it.
    path: PathBuf,
    address: Address,
    installation: InstallationId,
    keys: Arc<Keyring>,
    bulletin: Arc<Bulletin>,
    reader: Reader,
    writer: Arc<Writer>,
    /// None: nobody else serves on this database.
    others: Option<Arc<Others>>,
    effect: Effect,
    /// Who is called once what is asked for here is over.
    call_back: Option<SecretString>,
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

    /// Whether other servers may be at work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.address, Address::Postgres(_))
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

    /// The same, of something that is over one day: whom to call then is written down with it.
    async fn begin<T: Send + 'static>(
        &self,
        change: &Change,
        act: impl FnOnce(&mut Tx<'_>, &Change) -> Result<T, Fault> + Send + 'static,
        name: impl FnOnce(&T) -> String + Send + 'static,
    ) -> Result<T, Error> {
        let call_back = self.call_back.clone();
        self.change(change, move |tx, change| {
            let begun = act(tx, change)?;
            if let Some(url) = &call_back {
                webhooks::expect(tx, &name(&begun), url, change.at)?;
            }
            Ok(begun)
        })
        .await
    }

    /// The same database, by another way.
    fn same(&self) -> Self {
        Self {
            path: self.path.clone(),
            address: self.address.clone(),
            installation: self.installation,
            keys: Arc::clone(&self.keys),
            bulletin: Arc::clone(&self.bulletin),
            reader: self.reader.clone(),
            writer: Arc::clone(&self.writer),
            others: self.others.clone(),
            effect: self.effect,
            call_back: self.call_back.clone(),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("address", &self.address)
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
            effect: Effect::TakenBack,
            ..self.same()
        })
    }

    fn calling_back(&self, url: SecretString) -> Arc<dyn ports::Store> {
        Arc::new(Self {
            call_back: Some(url),
            ..self.same()
        })
    }
}
