//! One server at a time on a database that is a file, and on a state directory.

use crate::{
    conn::{Address, Conn, hold_alone, hold_tables},
    fault::classify,
    open::{LOCK_TIMEOUT, OpenError, told},
};
use ports::store::Error;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Held while this process serves. The kernel gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct ServeLock {
    file: File,
}

/// Let go by name: a child that is just coming into being holds the file too, until it runs its own program, and would keep
/// the lock for that moment.
impl Drop for ServeLock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock of the database is given back only when this process ends");
        }
    }
}

/// Why this process may not serve.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "another server (process {holder}) runs on {database}; stop it first, or give this one a state directory of its own"
    )]
    Held { database: PathBuf, holder: String },
    #[error("the lock {path} cannot be taken: {source}")]
    Io { path: PathBuf, source: io::Error },
}

pub(crate) fn take(database: &Path) -> Result<ServeLock, LockError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let io = |source| LockError::Io {
        path: path.clone(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {
            note_holder(&mut file).map_err(io)?;
            Ok(ServeLock { file })
        }
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            database: database.to_owned(),
            holder: holder(&mut file),
        }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

fn note_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

/// Keeps servers away from a database, for as long as what is answered is kept.
///
/// # Errors
/// `Served`: one runs on it.
pub(crate) fn alone(conn: &mut Conn, address: &Address) -> Result<Option<ServeLock>, OpenError> {
    let database = address.to_string();
    let taken = match address {
        Address::Sqlite(path) => take(path).map(Some),
        Address::Postgres(_) => {
            hold_tables(conn).map_err(|error| told(address, classify(&error)))?;
            return match hold_alone(conn).map_err(|error| classify(&error)) {
                Ok(()) => Ok(None),
                Err(Error::Unavailable(what)) if what.contains(LOCK_TIMEOUT) => {
                    Err(OpenError::Served { database })
                }
                Err(error) => Err(told(address, error)),
            };
        }
    };
    taken.map_err(|error| match error {
        LockError::Held { .. } => OpenError::Served { database },
        LockError::Io { source, .. } => OpenError::Io { database, source },
    })
}

impl crate::Store {
    /// Takes the right to serve on this database. Commands that run beside a server do without it.
    ///
    /// # Errors
    /// `LockError::Held`, with the process that has it.
    pub fn serve_lock(&self) -> Result<ServeLock, LockError> {
        take(&self.path)
    }
}
