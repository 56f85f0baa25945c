//! Who is signed in where: a token for each server, in a file that its user alone can read.
//!
//! A file and no keyring: the keyrings of a desktop want a session bus that a server, a container or an SSH login does
//! not have, and the crates for them bring that bus's whole stack. The file is what `jockey login` falls back to on all
//! of those, so that it is the one way there is.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::kept;
use crate::exit::Error;

const NAME: &str = "credentials.json";

/// The file. It need not be there.
#[derive(Debug, Clone)]
pub(crate) struct Credentials(PathBuf);

type Tokens = BTreeMap<String, String>;

impl Credentials {
    /// That of the user who runs this.
    ///
    /// # Errors
    /// `NoHome`.
    pub(crate) fn of_user() -> Result<Self, Error> {
        kept::path(NAME).map(Self)
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
        let Some(text) = kept::read(&self.0)? else {
            return Ok(Tokens::new());
        };
        if kept::is_open(&self.0, kept::OTHERS)? {
            return Err(Error::CredentialsOpen(self.0.clone()));
        }
        // What is wrong with it is not said: it would quote a token.
        serde_json::from_str(&text).map_err(|_| Error::BadCredentials(self.0.clone()))
    }

    fn write(&self, tokens: &Tokens) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(tokens).map_err(|error| Error::Write {
            path: self.0.clone(),
            source: error.into(),
        })?;
        kept::write(&self.0, &text)
    }
}

/// A server's address, however it ends.
pub(super) fn key(server: &str) -> &str {
    server.trim_end_matches('/')
}
