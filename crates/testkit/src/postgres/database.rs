//! A database of a test.

use super::programs::{Programs, run};
use std::{net::Ipv4Addr, path::PathBuf};

/// How a server is reached by its own programs.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) programs: Programs,
    /// Of its socket.
    pub(super) directory: PathBuf,
    pub(super) host: Ipv4Addr,
    pub(super) port: u16,
}

impl Access {
    fn sql(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let mut psql = self.programs.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(&self.directory)
            .args(["-p", &self.port.to_string()])
            .args(["-U", "postgres", "-d", database, "-c", statement]);
        run(&mut psql)
    }
}

/// A database of its own. Dropped: whoever is connected to it is cut off, and it goes.
#[derive(Debug)]
pub struct Database {
    access: Access,
    name: String,
    url: String,
}

impl Database {
    /// Sorts as English does, where the server can: what is right there does not lean on the order of bytes.
    pub(super) fn create(access: Access, name: String) -> anyhow::Result<Self> {
        let plain = format!("CREATE DATABASE {name} TEMPLATE template0");
        let sorted = format!("{plain} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
        if access.sql("postgres", &sorted).is_err() {
            access.sql("postgres", &plain)?;
        }
        Ok(Self {
            url: format!("postgres://postgres@{}:{}/{name}", access.host, access.port),
            access,
            name,
        })
    }

    /// `postgres://postgres@127.0.0.1:30000/test_0`. No password is asked for.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same by the server's socket, for programs in another network.
    #[must_use]
    pub fn socket_url(&self) -> String {
        let (directory, port) = (self.access.directory.display(), self.access.port);
        format!(
            "postgres://postgres@/{}?host={directory}&port={port}",
            self.name
        )
    }

    /// What one statement answers, a row a line, columns with `|` between them.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn sql(&self, statement: &str) -> anyhow::Result<String> {
        self.access.sql(&self.name, statement)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // It goes with its server, where that has ended before.
        let _gone = self.access.sql("postgres", &drop);
    }
}
