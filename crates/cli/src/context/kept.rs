//! Files of ours in the user's configuration directory.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::exit::Error;

/// What others than a file's owner may do with a secret: nothing.
pub(super) const OTHERS: u32 = 0o077;
/// What anybody on this machine may do with a file, besides its user and those of its group.
pub(super) const ANYBODY: u32 = 0o007;

/// A file of ours: below `XDG_CONFIG_HOME`, else `.config` in the home directory.
///
/// # Errors
/// `NoHome`.
pub(super) fn path(name: &str) -> Result<PathBuf, Error> {
    let config = super::variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || super::variable("HOME").map(|home| Path::new(&home).join(".config"));
    let config = config.or_else(home).ok_or(Error::NoHome)?;
    Ok(config.join("jockey").join(name))
}

/// What is in a file; `None` when there is none.
///
/// # Errors
/// `Read`.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Whether those of these bits of a mode may do something with a file.
///
/// # Errors
/// `Read`.
pub(super) fn is_open(path: &Path, to: u32) -> Result<bool, Error> {
    let found = fs::metadata(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(found.permissions().mode() & to != 0)
}

/// Writes a file that its user alone can read. Whole or not at all: written beside it, and moved into its place.
///
/// # Errors
/// `Write`.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut make = fs::DirBuilder::new();
    let made = make.recursive(true).mode(0o700).create(directory);
    made.map_err(failed)?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = (|| {
        let mut open = fs::OpenOptions::new();
        let mut file = open
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        // What is left is ours, and of no use.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)
}
