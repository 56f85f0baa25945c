//! A directory with a database in it.

use domain::Timestamp;
use ports::store::Change;
use std::path::{Path, PathBuf};
use store::{KeySource, OpenError, OpenOptions, Store};
use tempfile::TempDir;

/// Goes away with its files.
pub(crate) struct Ground(TempDir);

impl Ground {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("jockey.db")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path().join("jockey.key")
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        open_in(self.path()).await
    }
}

/// Opens the database of a directory, and makes it where there is none.
pub(crate) async fn open_in(directory: &Path) -> Result<Store, OpenError> {
    let options = OpenOptions {
        path: directory.join("jockey.db"),
        key: KeySource::File(directory.join("jockey.key")),
        installation: None,
    };
    Store::open(options).await
}

pub(crate) fn change() -> Change {
    Change {
        actor: "ada".to_owned(),
        at: Timestamp::from_micros(1_767_225_600_000_000),
        message: "for a test".to_owned(),
        request: None,
        origin: ports::store::Origin::Server,
    }
}
