//! What `jockeyd migrate` does: says how the tables stand, and moves them.

use crate::{
    Store,
    conn::{Address, Conn, Purpose, hold_tables},
    fault::classify,
    lock::alone,
    open::{Database, OpenError, connect, migrations, told},
};
use std::collections::BTreeSet;

/// How the tables of a database stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrations {
    /// Those that were applied, in their order.
    pub applied: BTreeSet<String>,
    /// Those that this version knows and that were not applied.
    pub pending: BTreeSet<String>,
    /// Those that were applied and that this version does not know.
    pub unknown: BTreeSet<String>,
}

impl Store {
    /// Whether there is anything in a database.
    ///
    /// # Errors
    /// It cannot be reached, or is not ours.
    pub async fn is_there(database: Database) -> Result<bool, OpenError> {
        Ok(!Self::migrations(database).await?.applied.is_empty())
    }

    /// Looks, and changes nothing.
    ///
    /// # Errors
    /// It cannot be reached, or is not ours.
    pub async fn migrations(database: Database) -> Result<Migrations, OpenError> {
        blocking(move || {
            let address = database.address();
            match existing(&address)? {
                Some(mut conn) => standing(&mut conn, &address),
                None => Ok(compared(BTreeSet::new())),
            }
        })
        .await
    }

    /// Brings the tables up to date, and answers how they stood. A server does that by itself when it starts.
    ///
    /// # Errors
    /// `Newer`, and that the database cannot be changed.
    pub async fn migrate_up(database: Database) -> Result<Migrations, OpenError> {
        blocking(move || {
            let address = database.address();
            let mut conn = connect(&address, Purpose::Maintain)?;
            hold(&mut conn, &address)?;
            migrations::look(&mut conn, &address)?;
            let before = standing(&mut conn, &address)?;
            migrations::run(&mut conn, &address, None)?;
            Ok(before)
        })
        .await
    }

    /// Takes back the last migration, and says which that was. What only it has room for is lost; no server may run
    /// meanwhile. None: there is none.
    ///
    /// # Errors
    /// `Newer`, `Served`, and that the database cannot be changed.
    pub async fn migrate_down(database: Database) -> Result<Option<String>, OpenError> {
        blocking(move || {
            let address = database.address();
            let Some(mut conn) = existing(&address)? else {
                return Ok(None);
            };
            let _alone = alone(&mut conn, &address)?;
            match migrations::look(&mut conn, &address)? {
                migrations::Standing::Empty => Ok(None),
                migrations::Standing::Ours => {
                    migrations::revert_last(&mut conn, &address).map(Some)
                }
            }
        })
        .await
    }
}

/// A connection to what is there; a file is not made for a look.
fn existing(address: &Address) -> Result<Option<Conn>, OpenError> {
    match address {
        Address::Sqlite(path) if !path.exists() => Ok(None),
        Address::Sqlite(_) | Address::Postgres(_) => connect(address, Purpose::Maintain).map(Some),
    }
}

fn hold(conn: &mut Conn, address: &Address) -> Result<(), OpenError> {
    hold_tables(conn).map_err(|error| told(address, classify(&error)))
}

fn standing(conn: &mut Conn, address: &Address) -> Result<Migrations, OpenError> {
    Ok(compared(migrations::applied(conn, address)?))
}

fn compared(applied: BTreeSet<String>) -> Migrations {
    let known = migrations::known();
    Migrations {
        pending: known.difference(&applied).cloned().collect(),
        unknown: applied.difference(&known).cloned().collect(),
        applied,
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|error| Err(OpenError::Interrupted(error.to_string())))
}
