//! Servers that share a PostgreSQL and a Docker host.

use super::Jockeyd;
use anyhow::Context;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use std::sync::Arc;
use testkit::{
    postgres::{Database, Postgres},
    process,
};

impl Jockeyd {
    /// A server on a new database of PostgreSQL, whatever the other tests run on.
    pub(crate) async fn start_shared(extra: &[&str]) -> anyhow::Result<Self> {
        let mut server = Self::prepare(extra)?;
        server.database = Some(Arc::new(Postgres::shared()?.database()?));
        server.resume().await?;
        Ok(server)
    }

    /// What one statement answers, a row a line, columns with `|` between them.
    pub(crate) fn sql(&self, statement: &str) -> anyhow::Result<String> {
        let database = self.database.as_ref().context("it keeps a file")?;
        database.sql(statement)
    }

    /// Carries out one statement beside the server, whatever its database is.
    pub(crate) fn change_beside(&self, statement: &str) -> anyhow::Result<()> {
        if let Some(database) = &self.database {
            return database.sql(statement).map(drop);
        }
        let path = self.file("jockey.db").display().to_string();
        let mut connection = SqliteConnection::establish(&path)?;
        // The server writes now and then by itself: whoever comes beside it waits for its turn.
        connection.batch_execute("PRAGMA busy_timeout = 10000")?;
        Ok(connection.batch_execute(statement)?)
    }

    /// Whether it keeps everything in the file of its state directory.
    pub(crate) fn keeps_a_file(&self) -> bool {
        self.database.is_none()
    }

    /// From now on it keeps everything in this database.
    pub(crate) fn keep_in(&mut self, database: Arc<Database>) {
        self.database = Some(database);
    }

    /// From now on it keeps everything in the file of its state directory.
    pub(crate) fn keep_in_file(&mut self) {
        self.database = None;
    }

    /// All that another server on the same database and the same Docker host needs: a state directory of its own with the
    /// same key.
    pub(crate) fn beside(&self) -> anyhow::Result<Self> {
        let mut other = Self::prepare(&[])?;
        other.database.clone_from(&self.database);
        other.consul.clone_from(&self.consul);
        other.ports = Arc::clone(&self.ports);
        other.extra.clone_from(&self.extra);
        let base = self.base_url();
        other.extra.extend(base);
        std::fs::copy(self.file("key"), other.file("key"))?;
        Ok(other)
    }

    /// Another server, that runs.
    pub(crate) async fn start_beside(&self) -> anyhow::Result<Self> {
        let mut other = self.beside()?;
        other.resume().await?;
        Ok(other)
    }

    /// Holds the process still, as on a machine that stalls.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        process::hold(self.pid())
    }

    /// Lets it go on.
    pub(crate) fn release(&self) -> anyhow::Result<()> {
        process::release(self.pid())
    }
}
