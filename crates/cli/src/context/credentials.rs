//! Who is signed in where: a token for each server, in a file that its user alone can read.
//!
//! A file and no keyring: the keyrings of a desktop want a session bus that a server, a container or an SSH login does
//! not have, and the crates for them bring that bus's whole stack. The file is what `jockey login` falls back to on all
//! of those, so that it is the one way there is.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use crate::exit::Error;

const NAME: &str = "credentials.json";
/// What others than the file's owner may do with it: nothing.
const OTHERS: u32 = 0o077;

/// The file. It need not be there.
#[derive(Debug, Clone)]
pub(crate) struct Credentials(PathBuf);

type Tokens = BTreeMap<String, String>;

impl Credentials {
    /// Below `XDG_CONFIG_HOME`, else `.config` in the home directory.
    ///
    /// # Errors
    /// `NoHome`.
    pub(crate) fn of_user() -> Result<Self, Error> {
        let config = super::variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = || super::variable("HOME").map(|home| Path::new(&home).join(".config"));
        let config = config.or_else(home).ok_or(Error::NoHome)?;
        Ok(Self(config.join("jockey").join(NAME)))
    }

    /// The token for a server.
    ///
    /// # Errors
    /// `Read`, `BadCredentials`, `CredentialsOpen` when others may read the file.
    pub(crate) fn token(&self, server: &str) -> Result<Option<SecretString>, Error> {
        let token = self.read()?.remove(key(server));
        Ok(token.map(SecretString::from))
    }

    /// Keeps a token for a server, instead of the one before.
    ///
    /// # Errors
    /// As for `token`, and `Write`.
    pub(crate) fn keep(&self, server: &str, token: &SecretString) -> Result<(), Error> {
        let mut tokens = self.read()?;
        tokens.insert(key(server).to_owned(), token.expose_secret().to_owned());
        self.write(&tokens)
    }

    /// Forgets the token for a server; whether there was one.
    ///
    /// # Errors
    /// As for `keep`.
    pub(crate) fn forget(&self, server: &str) -> Result<bool, Error> {
        let mut tokens = self.read()?;
        let known = tokens.remove(key(server)).is_some();
        if known {
            self.write(&tokens)?;
        }
        Ok(known)
    }

    fn read(&self) -> Result<Tokens, Error> {
        let path = || self.0.clone();
        let unreadable = |source| Error::Read {
            path: path(),
            source,
        };
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tokens::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mode = fs::metadata(&self.0).map_err(unreadable)?;
        if mode.permissions().mode() & OTHERS != 0 {
            return Err(Error::CredentialsOpen(path()));
        }
        // What is wrong with it is not said: it would quote a token.
        serde_json::from_str(&text).map_err(|_| Error::BadCredentials(path()))
    }

    /// Whole or not at all: written beside it, and moved into its place.
    fn write(&self, tokens: &Tokens) -> Result<(), Error> {
        let failed = |source| Error::Write {
            path: self.0.clone(),
            source,
        };
        let directory = self.0.parent().unwrap_or(Path::new("."));
        let mut make = fs::DirBuilder::new();
        let made = make.recursive(true).mode(0o700).create(directory);
        made.map_err(failed)?;
        let text = serde_json::to_string_pretty(tokens).map_err(|error| failed(error.into()))?;
        let beside = self.0.with_extension(format!("{}.new", std::process::id()));
        let written = (|| {
            let mut open = fs::OpenOptions::new();
            let mut file = open
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.0)
        })();
        if written.is_err() {
            // What is left is ours, and of no use.
            let _ = fs::remove_file(&beside);
        }
        written.map_err(failed)
    }
}

/// A server's address, however it ends.
fn key(server: &str) -> &str {
    server.trim_end_matches('/')
}
