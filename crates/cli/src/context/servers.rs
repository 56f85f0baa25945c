//! `config.toml`: the servers that the user has given names, each with what goes without saying there.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::kept;
use crate::exit::Error;

const NAME: &str = "config.toml";
const HEADER: &str = "# Written by `jockey context`, which keeps no comments but this one.\n";

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Servers {
    /// The context that counts when none is named.
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Entry>,
}

/// One context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) url: String,
    /// The certificates, as PEM, of who may vouch for the server. The machine's own when not set.
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate, as PEM, that is shown to a server that asks for one, and its key: both or none.
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    /// The app and the environment when nothing nearer says one.
    pub(crate) app: Option<String>,
    pub(crate) environment: Option<String>,
}

impl Servers {
    /// Where the user's are.
    ///
    /// # Errors
    /// `NoHome`.
    pub(crate) fn path() -> Result<PathBuf, Error> {
        kept::path(NAME)
    }

    /// What the file says; `None` when there is none, or no place for one.
    ///
    /// # Errors
    /// `Read`, `BadProjectFile`.
    pub(crate) fn load() -> Result<Option<Self>, Error> {
        let Ok(path) = Self::path() else {
            return Ok(None);
        };
        let Some(text) = kept::read(&path)? else {
            return Ok(None);
        };
        let servers = toml::from_str(&text).map_err(|error| Error::BadProjectFile {
            path,
            message: error.message().to_owned(),
        });
        servers.map(Some)
    }

    /// Writes the file anew.
    ///
    /// # Errors
    /// `NoHome`, `Write`.
    pub(crate) fn save(&self) -> Result<(), Error> {
        kept::write(&Self::path()?, &self.text())
    }

    /// The context of that name.
    ///
    /// # Errors
    /// `NoContext`.
    pub(crate) fn named(&self, name: &str) -> Result<&Entry, Error> {
        self.contexts.get(name).ok_or_else(|| Error::NoContext {
            name: name.to_owned(),
            known: self.contexts.keys().cloned().collect(),
        })
    }

    fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        if let Some(current) = &self.current {
            let _ = writeln!(text, "current = {}", quoted(current));
        }
        for (name, server) in &self.contexts {
            let _ = writeln!(text, "\n[contexts.{}]", quoted(name));
            for (key, value) in [
                ("url", Some(server.url.as_str())),
                ("ca_file", written(server.ca_file.as_deref())),
                ("client_cert", written(server.client_cert.as_deref())),
                ("client_key", written(server.client_key.as_deref())),
                ("app", server.app.as_deref()),
                ("environment", server.environment.as_deref()),
            ] {
                if let Some(value) = value {
                    let _ = writeln!(text, "{key} = {}", quoted(value));
                }
            }
        }
        text
    }
}

fn written(path: Option<&Path>) -> Option<&str> {
    path.and_then(Path::to_str)
}

/// A basic string of TOML. JSON's escapes are among those of TOML; the one control character that JSON leaves as it is
/// gets its number.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let odd = "a \"quoted\" \\ name\n\u{7f}\u{1}é";
        let server = Entry {
            url: "https://jockey.example.com".to_owned(),
            ca_file: Some("/etc/ssl/a b.pem".into()),
            client_cert: Some("/etc/ssl/me \"too\".pem".into()),
            client_key: Some("/etc/ssl/private/me.key".into()),
            app: Some(odd.to_owned()),
            environment: None,
        };
        let servers = Servers {
            current: Some("one".to_owned()),
            contexts: [("one".to_owned(), server.clone()), (odd.to_owned(), server)].into(),
        };
        assert_eq!(toml::from_str::<Servers>(&servers.text()).unwrap(), servers);
        let none = Servers::default();
        assert_eq!(toml::from_str::<Servers>(&none.text()).unwrap(), none);
    }
}
