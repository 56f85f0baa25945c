//! A database of a test, of either kind.

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _, sql_query,
};
use domain::Timestamp;
use ports::store::Change;
use std::path::{Path, PathBuf};
use store::{Database, KeySource, OpenError, OpenOptions, Store};
use tempfile::TempDir;
use testkit::postgres::{self, Postgres};

/// A directory, with a file or a database of a server. Goes away with what is in it.
pub(crate) struct Ground {
    directory: TempDir,
    shared: Option<postgres::Database>,
}

impl Ground {
    /// With a SQLite file.
    pub(crate) fn file() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            shared: None,
        }
    }

    /// With a database of PostgreSQL.
    pub(crate) fn postgres() -> Self {
        let server = Postgres::shared().unwrap();
        Self {
            shared: Some(server.database().unwrap()),
            ..Self::file()
        }
    }

    /// The address of the database, where it is no file.
    pub(crate) fn url(&self) -> Option<&str> {
        self.shared.as_ref().map(|shared| shared.url())
    }

    pub(crate) const fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Another one of the same kind.
    pub(crate) fn another(&self) -> Self {
        match self.shared {
            None => Self::file(),
            Some(_) => Self::postgres(),
        }
    }

    pub(crate) fn of_the_other_kind(&self) -> Self {
        match self.shared {
            None => Self::postgres(),
            Some(_) => Self::file(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The SQLite file.
    pub(crate) fn file_path(&self) -> PathBuf {
        self.path().join("jockey.db")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path().join("jockey.key")
    }

    pub(crate) fn database(&self) -> Database {
        self.database_for(self.path())
    }

    /// The same database, for a server whose own files are in this directory.
    pub(crate) fn database_for(&self, state: &Path) -> Database {
        match &self.shared {
            None => Database::File(state.join("jockey.db")),
            Some(shared) => Database::Postgres {
                address: shared.url().parse().unwrap(),
                state: state.to_owned(),
            },
        }
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        self.try_open_with(KeySource::File(self.key())).await
    }

    pub(crate) async fn try_open_with(&self, key: KeySource) -> Result<Store, OpenError> {
        open(self.database(), key).await
    }

    /// A transaction of somebody else in PostgreSQL, which lasts until it is dropped.
    pub(crate) fn begin(&self, statements: &str) -> PgConnection {
        let mut begun = PgConnection::establish(self.url().unwrap()).unwrap();
        begun
            .batch_execute(&format!("BEGIN; {statements}"))
            .unwrap();
        begun
    }

    /// Another program that is in the middle of a write, until it is dropped.
    pub(crate) fn hold_writers(&self) -> Box<dyn std::any::Any> {
        match &self.shared {
            None => {
                let path = self.file_path();
                let mut held = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
                held.batch_execute("BEGIN IMMEDIATE; DELETE FROM stacks")
                    .unwrap();
                Box::new(held)
            }
            Some(shared) => {
                let mut held = PgConnection::establish(shared.url()).unwrap();
                held.batch_execute("BEGIN; DELETE FROM stacks").unwrap();
                Box::new(held)
            }
        }
    }

    /// What PostgreSQL answers a statement of somebody else.
    pub(crate) fn sql(&self, statement: &str) -> String {
        let shared = self.shared.as_ref().expect("it is no file");
        shared.sql(statement).unwrap()
    }

    /// Statements of somebody who has the database, over one connection. Says how many rows each has touched.
    pub(crate) fn execute(&self, statements: &[&str]) -> Vec<usize> {
        match &self.shared {
            None => {
                let path = self.file_path();
                let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
                let execute = |statement: &&str| sql_query(*statement).execute(&mut conn).unwrap();
                statements.iter().map(execute).collect()
            }
            Some(shared) => {
                let mut conn = PgConnection::establish(shared.url()).unwrap();
                let execute = |statement: &&str| sql_query(*statement).execute(&mut conn).unwrap();
                statements.iter().map(execute).collect()
            }
        }
    }
}

/// Opens a database, and makes it where there is none.
pub(crate) async fn open(database: Database, key: KeySource) -> Result<Store, OpenError> {
    Store::open(OpenOptions {
        database,
        key,
        installation: None,
    })
    .await
}

/// Opens the SQLite file of a directory.
pub(crate) async fn open_in(directory: &Path) -> Result<Store, OpenError> {
    let key = KeySource::File(directory.join("jockey.key"));
    open(Database::File(directory.join("jockey.db")), key).await
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

/// Makes two tests of each function that is given a `Ground`: with a file, and with PostgreSQL.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod file {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name(crate::world::Ground::file()).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name(crate::world::Ground::postgres()).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;
