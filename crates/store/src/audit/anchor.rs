//! The head of the chain, in a file beside the database: what was cut off the end is missed there.

use domain::audit::Seal;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// There is none.
    Missing,
    /// It does not read.
    Unreadable,
    At(Seal),
}

/// Where it is.
pub(crate) fn path(database: &Path) -> PathBuf {
    database.with_file_name("audit-head")
}

pub(crate) fn read(path: &Path) -> Anchor {
    match fs::read_to_string(path) {
        Ok(text) => text.parse().map_or(Anchor::Unreadable, Anchor::At),
        Err(error) if error.kind() == ErrorKind::NotFound => Anchor::Missing,
        Err(_) => Anchor::Unreadable,
    }
}

/// Replaces the file as a whole: after a crash it is the old one or the new one.
pub(crate) fn write(path: &Path, head: &Seal) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    writeln!(file, "{head}")?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
