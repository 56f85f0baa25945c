//! Opening a database: what has to be true before the first read.

mod migrations;

use crate::{
    Store, audit,
    conn::{Address, Conn, Manager, Purpose, write},
    fault::{Fault, classify},
    keys::{BadKeys, Key, KeyId, KeySource, Keyring, file},
    news::Bulletin,
    reader::Reader,
    tables::{self, events, meta},
    writer::{Effect, Writer},
};
use domain::InstallationId;
use ports::store::Error;
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Which database, and what decrypts its config values.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The SQLite file. Its directory has to be there.
    pub path: PathBuf,
    pub key: KeySource,
    /// The installation that a database is for that is made now: of one whose own database is lost. None: a new one.
    /// One that is there already keeps its own.
    pub installation: Option<InstallationId>,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "there is no directory for the database {path}; make it, or give another state directory"
    )]
    NoDirectory { path: PathBuf },
    #[error(
        "{path} may not be read and written by this user; change its owner, or run as that user"
    )]
    NoPermission { path: PathBuf },
    #[error("the database {path} is read-only; make it and its file system writable")]
    ReadOnly { path: PathBuf },
    #[error("the disk of the database {path} is full; make room, then start again")]
    DiskFull { path: PathBuf },
    #[error("the database {path} is locked by another program; end it, then start again")]
    Locked { path: PathBuf },
    #[error("{path} is not a database of Jockey: {what}")]
    NotOurs { path: PathBuf, what: String },
    #[error(
        "the database {path} was made by a newer Jockey: it has the migration {version}, which this one does not know; run that version, or restore a backup from before"
    )]
    Newer { path: PathBuf, version: String },
    #[error(transparent)]
    Keys(#[from] BadKeys),
    #[error("the database {path} cannot be opened: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the opening was interrupted: {0}")]
    Interrupted(String),
}

pub(crate) fn open(options: OpenOptions) -> Result<Store, OpenError> {
    let OpenOptions {
        path,
        key,
        installation,
    } = options;
    touch(&path)?;
    let told = |Fault(error)| told(&path, error);
    let manager = |purpose| Manager {
        address: Address::Sqlite(path.clone()),
        purpose,
    };
    let mut conn = manager(Purpose::Write)
        .open()
        .map_err(|error| refused(&path, &error))?;
    let known = migrations::look(&mut conn, &path)?;
    let in_use = match known {
        migrations::Standing::Empty => None,
        migrations::Standing::Ours => meta::key_in_use(&mut conn).map_err(told)?,
    };
    let keys = load_keys(&key, in_use)?;
    migrations::run(&mut conn, &path)?;
    let installation = identify(&mut conn, &keys, installation).map_err(told)?;
    let newest = events::newest(&mut conn).map_err(told)?;
    let reader = Reader::open(manager(Purpose::Read)).map_err(|error| self::told(&path, error))?;
    let keys = Arc::new(Keyring::new(key, keys));
    let audit = audit::load_or_make(&mut conn, &keys).map_err(told)?;
    keys.keep_audit_key(audit);
    let unsealed = tables::audit::newest_unsealed(&mut conn).map_err(told)?;
    let bulletin = Arc::new(Bulletin::new(newest, unsealed));
    let writer = Writer::start(
        conn,
        manager(Purpose::Write),
        Arc::clone(&keys),
        Arc::clone(&bulletin),
    );
    Ok(Store {
        writer: Arc::new(writer.map_err(|source| OpenError::Io {
            path: path.clone(),
            source,
        })?),
        effect: Effect::Kept,
        path,
        installation,
        keys,
        bulletin,
        reader,
    })
}

/// Makes the file where there is none, for its user alone, and finds out what SQLite would only hint at.
fn touch(path: &Path) -> Result<(), OpenError> {
    let opened = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    let path = path.to_owned();
    match opened.map_err(|error| (error.kind(), error)) {
        Ok(_) => Ok(()),
        Err((ErrorKind::NotFound, _)) => Err(OpenError::NoDirectory { path }),
        Err((ErrorKind::PermissionDenied, _)) => Err(OpenError::NoPermission { path }),
        Err((ErrorKind::ReadOnlyFilesystem, _)) => Err(OpenError::ReadOnly { path }),
        Err((ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _)) => {
            Err(OpenError::DiskFull { path })
        }
        Err((_, source)) => Err(OpenError::Io { path, source }),
    }
}

/// A database keeps the key that it was made with; a new one gets one.
fn load_keys(source: &KeySource, in_use: Option<KeyId>) -> Result<Vec<Key>, BadKeys> {
    match in_use {
        None => file::load_or_make(source),
        Some(wanted) => {
            let keys = file::load(source)?;
            file::expect(source, &keys, wanted)?;
            Ok(keys)
        }
    }
}

/// The installation's id, made with the database in one transaction with the record of its key.
fn identify(
    conn: &mut Conn,
    keys: &[Key],
    wanted: Option<InstallationId>,
) -> Result<InstallationId, Fault> {
    write(conn, |conn| {
        if let Some(known) = meta::installation(conn)? {
            return Ok(known);
        }
        let made = match wanted {
            Some(wanted) => wanted,
            None => InstallationId::from_bits(getrandom::u64().map_err(crate::fault::corrupt)?),
        };
        let newest = keys
            .first()
            .ok_or_else(|| crate::fault::corrupt("no key"))?;
        meta::set_key_in_use(conn, newest.id())?;
        meta::set_installation(conn, made)?;
        Ok(made)
    })
}

fn refused(path: &Path, error: &diesel::ConnectionError) -> OpenError {
    match error {
        diesel::ConnectionError::CouldntSetupConfiguration(error) => told(path, classify(error)),
        other => OpenError::NotOurs {
            path: path.to_owned(),
            what: other.to_string(),
        },
    }
}

fn told(path: &Path, error: Error) -> OpenError {
    let path = path.to_owned();
    match error {
        Error::DiskFull(_) => OpenError::DiskFull { path },
        Error::ReadOnly(_) => OpenError::ReadOnly { path },
        Error::Unavailable(_) => OpenError::Locked { path },
        other => OpenError::NotOurs {
            path,
            what: other.to_string(),
        },
    }
}
