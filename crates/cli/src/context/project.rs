//! Files in the current directory or above it: `.jockey.toml` and `.jockey/admin-token`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use serde::Deserialize;

use crate::exit::Error;

pub(super) const PROJECT: &str = ".jockey.toml";
pub(super) const ADMIN_TOKEN: &str = ".jockey/admin-token";

/// What `.jockey.toml` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    pub(crate) app: Option<String>,
    pub(crate) environment: Option<String>,
}

impl Project {
    /// The nearest `.jockey.toml`; an empty one when there is none.
    ///
    /// # Errors
    /// `Read`, `BadProjectFile`.
    pub(crate) fn find(directory: &Path) -> Result<Self, Error> {
        let Some((path, text)) = nearest(directory, PROJECT)? else {
            return Ok(Self::default());
        };
        toml::from_str(&text).map_err(|error| Error::BadProjectFile {
            path,
            message: error.message().to_owned(),
        })
    }
}

/// The token that `jockeyd serve --dev` has written nearby.
///
/// # Errors
/// `Read` for one that is not text.
pub(crate) fn admin_token(directory: &Path) -> Result<Option<SecretString>, Error> {
    let found = nearest(directory, ADMIN_TOKEN)?;
    Ok(found.map(|(_, text)| SecretString::from(text.trim().to_owned())))
}

/// The token in a file.
///
/// # Errors
/// `Read`.
pub(crate) fn token(path: &Path) -> Result<SecretString, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(SecretString::from(text.trim().to_owned()))
}

/// The file of that name in the directory or the nearest one above it. One that may not be read is
/// somebody else's.
fn nearest(directory: &Path, name: &str) -> Result<Option<(PathBuf, String)>, Error> {
    for directory in directory.ancestors() {
        let path = directory.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(error) if is_absent(&error) => {}
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Ok(None)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}
