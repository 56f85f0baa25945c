//! Opening a database: what has to be true before the first read.

pub(crate) mod migrations;

use crate::{
    Store,
    address::PostgresAddress,
    audit,
    conn::{Address, Conn, Manager, Purpose, hold_open, hold_tables, without_stalls, write},
    fault::{Fault, classify},
    keys::{BadKeys, Key, KeyId, KeySource, Keyring, file},
    news::Bulletin,
    others::Others,
    reader::Reader,
    tables::{self, events, meta},
    warrant::Warrant,
    writer::{Effect, Supplies, Writer},
};
use diesel::{PgConnection, prelude::*, sql_query, sql_types::Text};
use domain::{AuditId, EventId, InstallationId};
use migrations::Standing;
use ports::store::Error;
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The oldest PostgreSQL that is taken, as it numbers itself.
const LEAST_POSTGRES: u32 = 140_000;

/// What PostgreSQL says where a lock is not had in time.
pub(crate) const LOCK_TIMEOUT: &str = "lock timeout";

/// Which database this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file, for one server. Its directory has to be there.
    File(PathBuf),
    /// A database of a PostgreSQL server, for any number of ours.
    Postgres {
        address: PostgresAddress,
        /// The directory of what this server alone keeps outside: the head of the audit log, and the lock. It has to be
        /// there.
        state: PathBuf,
    },
}

impl Database {
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::File(path) => Address::Sqlite(path.clone()),
            Self::Postgres { address, .. } => Address::Postgres(address.clone()),
        }
    }

    /// The file beside which this server keeps what is outside of the database.
    fn beside(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Postgres { state, .. } => state.join("postgres"),
        }
    }
}

/// Which database, and what decrypts its config values.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub database: Database,
    pub key: KeySource,
    /// The installation that a database is for that is made now: of one whose own database is lost. None: a new one.
    /// One that is there already keeps its own.
    pub installation: Option<InstallationId>,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "there is no directory for the database {database}; make it, or give another state directory"
    )]
    NoDirectory { database: String },
    #[error(
        "{database} may not be read and written by this user; change its owner, or run as that user"
    )]
    NoPermission { database: String },
    #[error(
        "the database {database} is read-only; make its file system writable if it is a file, or give the address of the primary if it is a standby"
    )]
    ReadOnly { database: String },
    #[error("the disk of the database {database} is full; make room, then start again")]
    DiskFull { database: String },
    #[error("the database {database} is locked by another program; end it, then start again")]
    Locked { database: String },
    #[error(
        "the database {database} cannot be reached: {what}; see that it runs and lets this user in"
    )]
    Unreachable { database: String, what: String },
    #[error("the database {database} is of PostgreSQL {version}; Jockey needs 14 or later")]
    TooOld { database: String, version: String },
    #[error("the database {database} keeps text as {encoding}; make one with the encoding UTF8")]
    Encoding { database: String, encoding: String },
    #[error(
        "the database {database} is being opened by another server or command, which does not come to an end; see which that is, then start again"
    )]
    BeingOpened { database: String },
    #[error("a server runs on the database {database}; stop all of them first")]
    Served { database: String },
    #[error("{database} is not a database of Jockey: {what}")]
    NotOurs { database: String, what: String },
    #[error(
        "the database {database} was made by a newer Jockey: it has the migration {version}, which this one does not know; run that version, or restore a backup from before"
    )]
    Newer { database: String, version: String },
    #[error("the database {database} is not empty; give a new one")]
    NotEmpty { database: String },
    #[error(transparent)]
    Keys(#[from] BadKeys),
    #[error("the database {database} cannot be opened: {source}")]
    Io { database: String, source: io::Error },
    #[error("the opening was interrupted: {0}")]
    Interrupted(String),
}

pub(crate) fn open(options: OpenOptions) -> Result<Store, OpenError> {
    let OpenOptions {
        database,
        key,
        installation,
    } = options;
    let address = database.address();
    let mut conn = connect(&address, Purpose::Maintain)?;
    // Until it is open: what is looked for and made here is made once.
    without_stalls(&mut conn).map_err(|error| told(&address, classify(&error)))?;
    hold_tables(&mut conn).map_err(|error| match classify(&error) {
        Error::Unavailable(what) if what.contains(LOCK_TIMEOUT) => OpenError::BeingOpened {
            database: address.to_string(),
        },
        error => told(&address, error),
    })?;
    let opened = prepare(conn, &address, &database, key, installation)?;
    start(opened, database)
}

/// Opens a connection, and finds out what is wrong where that fails.
pub(crate) fn connect(address: &Address, purpose: Purpose) -> Result<Conn, OpenError> {
    if let Address::Sqlite(path) = address {
        touch(path)?;
    }
    let manager = Manager {
        address: address.clone(),
        purpose,
    };
    let mut conn = manager.open().map_err(|error| refused(address, &error))?;
    if let Conn::Postgres(conn) = &mut conn {
        expect_version(conn, address)?;
    }
    Ok(conn)
}

/// A database that is looked through, up to date, and ours.
struct Prepared {
    conn: Conn,
    installation: InstallationId,
    keys: Arc<Keyring>,
    newest: EventId,
    unsealed: AuditId,
}

fn prepare(
    mut conn: Conn,
    address: &Address,
    database: &Database,
    key: KeySource,
    installation: Option<InstallationId>,
) -> Result<Prepared, OpenError> {
    let told = |Fault(error)| told(address, error);
    let in_use = match migrations::look(&mut conn, address)? {
        Standing::Empty => None,
        Standing::Ours => meta::key_in_use(&mut conn).map_err(told)?,
    };
    let keys = load_keys(&key, in_use)?;
    migrations::run(&mut conn, address, None)?;
    let installation = identify(&mut conn, &keys, installation).map_err(told)?;
    let newest = events::newest(&mut conn).map_err(told)?;
    let keys = Arc::new(Keyring::new(key, keys));
    let audit = audit::load_or_make(&mut conn, &keys).map_err(told)?;
    keys.keep_audit_key(audit);
    if let Database::Postgres { .. } = database {
        audit::anchor_first(&mut conn, &keys, &database.beside()).map_err(told)?;
    }
    let unsealed = tables::audit::newest_unsealed(&mut conn).map_err(told)?;
    Ok(Prepared {
        conn,
        installation,
        keys,
        newest,
        unsealed,
    })
}

/// The threads of an open database.
fn start(opened: Prepared, database: Database) -> Result<Store, OpenError> {
    let address = database.address();
    let manager = |purpose| Manager {
        address: address.clone(),
        purpose,
    };
    let io = |source| OpenError::Io {
        database: address.to_string(),
        source,
    };
    let reader = Reader::open(manager(Purpose::Read)).map_err(|error| told(&address, error))?;
    let (conn, others_from) = match opened.conn {
        conn @ Conn::Sqlite(_) => (conn, None),
        Conn::Postgres(_) => {
            // Before the tables are let go, so that nobody who wants the database alone comes between.
            let mut hearing = connect(&address, Purpose::Read)?;
            hold_open(&mut hearing).map_err(|error| told(&address, classify(&error)))?;
            // With its limits; closing the one of the opening lets the tables go.
            let writing = connect(&address, Purpose::Write)?;
            (writing, Some((hearing, opened.newest)))
        }
    };
    let (keys, installation) = (opened.keys, opened.installation);
    let bulletin = Arc::new(Bulletin::new(opened.newest, opened.unsealed));
    let warrant = Arc::new(Warrant::default());
    let supplies = Supplies {
        manager: manager(Purpose::Write),
        keys: Arc::clone(&keys),
        bulletin: Arc::clone(&bulletin),
        warrant: Arc::clone(&warrant),
    };
    let writer = Writer::start(conn, supplies);
    let others = others_from.map(|(conn, from)| {
        let bulletin = Arc::clone(&bulletin);
        Others::start(conn, manager(Purpose::Read), bulletin, warrant, from)
    });
    Ok(Store {
        writer: Arc::new(writer.map_err(io)?),
        others: others.transpose().map_err(io)?.map(Arc::new),
        effect: Effect::Kept,
        call_back: None,
        path: database.beside(),
        address: address.clone(),
        installation,
        keys,
        bulletin,
        reader,
    })
}

/// Refuses a PostgreSQL that is older than what is tested, and a database that does not keep every text.
fn expect_version(conn: &mut PgConnection, address: &Address) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Shown {
        #[diesel(sql_type = Text)]
        number: String,
        #[diesel(sql_type = Text)]
        version: String,
        #[diesel(sql_type = Text)]
        encoding: String,
    }
    let shown: Shown = sql_query(
        "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version, \
         current_setting('server_encoding') AS encoding",
    )
    .get_result(conn)
    .map_err(|error| told(address, classify(&error)))?;
    expect(address, &shown.number, shown.version, shown.encoding)
}

/// `number`: as PostgreSQL counts its releases, 140005 for 14.5.
fn expect(
    address: &Address,
    number: &str,
    version: String,
    encoding: String,
) -> Result<(), OpenError> {
    let database = address.to_string();
    match number.parse::<u32>() {
        Ok(number) if number >= LEAST_POSTGRES && encoding == "UTF8" => Ok(()),
        Ok(number) if number >= LEAST_POSTGRES => Err(OpenError::Encoding { database, encoding }),
        Ok(_) | Err(_) => Err(OpenError::TooOld { database, version }),
    }
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
    let database = path.display().to_string();
    match opened.map_err(|error| (error.kind(), error)) {
        Ok(_) => Ok(()),
        Err((ErrorKind::NotFound, _)) => Err(OpenError::NoDirectory { database }),
        Err((ErrorKind::PermissionDenied, _)) => Err(OpenError::NoPermission { database }),
        Err((ErrorKind::ReadOnlyFilesystem, _)) => Err(OpenError::ReadOnly { database }),
        Err((ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _)) => {
            Err(OpenError::DiskFull { database })
        }
        Err((_, source)) => Err(OpenError::Io { database, source }),
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

fn refused(address: &Address, error: &diesel::ConnectionError) -> OpenError {
    let database = address.to_string();
    match (error, address) {
        (diesel::ConnectionError::CouldntSetupConfiguration(error), _) => {
            told(address, classify(error))
        }
        (other, Address::Postgres(_)) => OpenError::Unreachable {
            database,
            what: on_one_line(&other.to_string()),
        },
        (other, Address::Sqlite(_)) => OpenError::NotOurs {
            database,
            what: other.to_string(),
        },
    }
}

/// What libpq says: a line for each address that a name stands for, and advice below it.
fn on_one_line(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

pub(crate) fn told(address: &Address, error: Error) -> OpenError {
    let database = address.to_string();
    match (error, address) {
        (Error::DiskFull(_), _) => OpenError::DiskFull { database },
        (Error::ReadOnly(_), _) => OpenError::ReadOnly { database },
        (Error::Unavailable(_), Address::Sqlite(_)) => OpenError::Locked { database },
        (Error::Unavailable(what), Address::Postgres(_)) => {
            OpenError::Unreachable { database, what }
        }
        (other, _) => OpenError::NotOurs {
            database,
            what: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
