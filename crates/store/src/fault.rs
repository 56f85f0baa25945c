//! What went wrong, told apart by what a caller does about it.

use diesel::result::{DatabaseErrorKind, Error as Diesel};
use ports::store::Error;
use std::{fmt::Display, str::FromStr};

/// An error on its way to the door of the crate; `?` takes what diesel says for one.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) Error);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Diesel> for Fault {
    fn from(error: Diesel) -> Self {
        Self(classify(&error))
    }
}

/// What the database said, as the port says it. SQLite gives words alone through diesel, so words are looked at.
pub(crate) fn classify(error: &Diesel) -> Error {
    let said = error.to_string();
    match error {
        Diesel::DatabaseError(kind, info) => {
            let message = info.message();
            let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
            if has(&["invalid byte sequence"]) {
                // Text with a zero in it was looked for, which PostgreSQL does not take: no record has it.
                Error::NotFound {
                    what: "record",
                    which: "of a text with a zero in it".to_owned(),
                }
            } else if has(&["is full", "No space left"]) {
                Error::DiskFull(said)
            } else if has(&["readonly", "read-only", "during recovery"]) {
                Error::ReadOnly(said)
            } else if has(&PASSING) || is_passing(kind) {
                Error::Unavailable(said)
            } else {
                Error::Corrupt(said)
            }
        }
        Diesel::BrokenTransactionManager
        | Diesel::RollbackErrorOnCommit { .. }
        | Diesel::RollbackTransaction
        | Diesel::AlreadyInTransaction
        | Diesel::NotInTransaction => Error::Unavailable(said),
        _ => Error::Corrupt(said),
    }
}

/// Words of what passes: of SQLite, and of PostgreSQL, which gives no code through diesel for them either.
const PASSING: [&str; 12] = [
    "locked",
    "busy",
    "unable to open",
    "disk I/O error",
    "canceling statement",
    "terminating connection",
    "the database system is",
    "too many clients",
    "connection slots",
    "too many connections",
    "deadlock detected",
    "out of memory",
];

const fn is_passing(kind: &DatabaseErrorKind) -> bool {
    matches!(
        kind,
        DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::UnableToSendCommand
    )
}

/// Whether a row was refused because another has its key.
pub(crate) const fn is_taken(error: &Diesel) -> bool {
    matches!(
        error,
        Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
    )
}

/// The same words again, for the others of a batch that failed as one.
pub(crate) fn repeated(error: &Error) -> Error {
    match error {
        Error::DiskFull(said) => Error::DiskFull(said.clone()),
        Error::ReadOnly(said) => Error::ReadOnly(said.clone()),
        Error::Corrupt(said) => Error::Corrupt(said.clone()),
        other => Error::Unavailable(other.to_string()),
    }
}

/// Whether the whole transaction is lost, and not only what one caller did in it.
pub(crate) const fn is_of_the_database(error: &Error) -> bool {
    matches!(
        error,
        Error::DiskFull(_) | Error::ReadOnly(_) | Error::Unavailable(_)
    )
}

/// A stored word, read.
pub(crate) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error: T::Err| corrupt(error))
}

/// A stored word that may be missing, read.
pub(crate) fn parse_some<T: FromStr<Err: Display>>(text: Option<&str>) -> Result<Option<T>, Fault> {
    text.map(parse).transpose()
}

/// A stored number, in the type that it came from.
pub(crate) fn number<T: TryFrom<i64, Error: Display>>(stored: i64) -> Result<T, Fault> {
    T::try_from(stored).map_err(corrupt)
}

pub(crate) fn corrupt(what: impl Display) -> Fault {
    Fault(Error::Corrupt(what.to_string()))
}

pub(crate) fn missing(what: &'static str, which: impl Display) -> Fault {
    Fault(Error::NotFound {
        what,
        which: which.to_string(),
    })
}

pub(crate) fn exists(what: &'static str, which: impl Display) -> Fault {
    Fault(Error::Exists {
        what,
        which: which.to_string(),
    })
}

pub(crate) fn stale(what: &'static str, which: impl Display) -> Fault {
    Fault(Error::Stale {
        what,
        which: which.to_string(),
    })
}
