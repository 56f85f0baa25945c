//! Which copies there are, and their end.

use std::{collections::BTreeSet, fs, io};

use domain::RepoName;
use ports::{Effect, source::Error};

use super::{GitSource, failure::local, mirror};

impl GitSource {
    /// The repositories of which there is a copy, in whatever state.
    pub(super) fn list_copies(&self) -> io::Result<BTreeSet<RepoName>> {
        let mut copies = BTreeSet::new();
        for owner in entries(self.mirrors.root())? {
            if !owner.file_type()?.is_dir() {
                continue;
            }
            for copy in entries(&owner.path())? {
                let file = copy.file_name();
                // Beside them are locks and drafts.
                let name = file.to_str().and_then(|file| file.strip_suffix(".git"));
                let named = name.zip(owner.file_name().into_string().ok());
                let repo = named.and_then(|(name, owner)| format!("{owner}/{name}").parse().ok());
                if copy.file_type()?.is_dir() {
                    copies.extend(repo);
                }
            }
        }
        Ok(copies)
    }

    /// Takes a copy away under its lock. What is left by a server that is killed meanwhile is not taken for a copy, and
    /// goes the next time. The lock stays: somebody may wait for it.
    pub(super) async fn forget_copy(&self, repo: &RepoName) -> Result<Effect, Error> {
        let path = self.mirrors.path(repo);
        if !path.exists() {
            return Ok(Effect::WasSo);
        }
        let held = self.hold(repo).await?;
        let removing = tokio::task::spawn_blocking(move || {
            let held = held;
            mirror::suspect(&path);
            let removed = mirror::remove(&path);
            drop(held);
            removed
        });
        let removed = removing.await.map_err(|broken| local(repo, broken))?;
        removed.map_err(|error| local(repo, error))?;
        Ok(Effect::Done)
    }
}

/// What is in a directory; nothing where there is none.
fn entries(directory: &std::path::Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
