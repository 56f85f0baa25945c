//! Clocks of servers that can be moved while they run, by libfaketime.

use anyhow::Context;
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Whether the servers of a world have clocks that can be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clocks {
    OfTheMachine,
    Movable,
}

/// Whose time is this file's, and how another command is run with it. The clock that does not jump stays the machine's.
pub(super) fn words(file: &Path) -> anyhow::Result<Vec<OsString>> {
    set(file, "+0")?;
    let library = library()?;
    Ok(vec![
        "env".into(),
        format!("LD_PRELOAD={}", library.display()).into(),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()).into(),
        "FAKETIME_CACHE_DURATION=1".into(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
        "NO_FAKE_STAT=1".into(),
    ])
}

/// Moves it so far from the machine's: `+2h`, `-2h`.
pub(super) fn set(file: &Path, by: &str) -> anyhow::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, format!("{by}\n"))?;
    Ok(fs::rename(new, file)?)
}

fn library() -> anyhow::Result<PathBuf> {
    let found = fs::read_dir("/usr/lib")?
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.exists());
    found.context("this test needs libfaketime: run scripts/provision, then try again")
}
