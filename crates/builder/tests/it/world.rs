//! A code host with one repository, and a server's directory of copies.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use builder::git::{Anonymous, GitSource};
use bytes::Bytes;
use domain::{CommitSha, GitRef, RepoName};
use futures_util::{StreamExt, stream::BoxStream};
use tempfile::TempDir;
use testkit::git::{Change, Repositories, Repository};

/// Kept for as long as the test needs any of it.
pub(crate) struct World {
    pub(crate) repositories: Repositories,
    pub(crate) repository: Repository,
    pub(crate) state: TempDir,
}

/// The one repository's name.
pub(crate) fn repo() -> RepoName {
    "example/app".parse().unwrap()
}

pub(crate) fn git_ref(text: &str) -> GitRef {
    text.parse().unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let repositories = Repositories::new().unwrap();
        let repository = repositories.create("example/app").unwrap();
        Self {
            repositories,
            repository,
            state: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn commit(&self, change: Change) -> CommitSha {
        self.repository.commit(&change).unwrap().parse().unwrap()
    }

    /// A server that reads the repositories as files.
    pub(crate) fn source(&self) -> Arc<GitSource> {
        self.source_at(&self.repositories.base_url())
    }

    pub(crate) fn source_at(&self, base: &str) -> Arc<GitSource> {
        Arc::new(source_in(self.state.path(), base))
    }

    /// The copy of the one repository.
    pub(crate) fn mirror(&self) -> PathBuf {
        self.state.path().join("mirrors/example/app.git")
    }

    /// Takes the code host away.
    pub(crate) fn unplug(&self) {
        fs::remove_dir_all(self.repository.path()).unwrap();
    }
}

/// A server with its state in this directory, that fetches from below this address.
pub(crate) fn source_in(state: &Path, base: &str) -> GitSource {
    let base = base.parse().unwrap();
    GitSource::new(base, Arc::new(Anonymous), state.to_owned())
}

/// What all files below a directory take, in bytes.
pub(crate) fn size_of(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| {
        if entry.file_type().unwrap().is_dir() {
            size_of(&entry.path())
        } else {
            entry.metadata().unwrap().len()
        }
    });
    sizes.sum()
}

/// This many bytes that do not compress, the same each time.
pub(crate) fn noise(size: u32) -> Vec<u8> {
    let word = |n: u32| n.wrapping_mul(2_654_435_761).rotate_left(n % 31);
    (0..size / 4).flat_map(|n| word(n).to_le_bytes()).collect()
}

/// Reads a stream to its end.
pub(crate) async fn collect(
    mut stream: BoxStream<'static, std::io::Result<Bytes>>,
) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

/// What is in a tar: `mode path` or `mode path -> target`, with times and owners where they are not the constant ones.
pub(crate) fn listing(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let line = |entry: tar::Entry<'_, &[u8]>| {
        let header = entry.header();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut line = format!("{:o} {path}", header.mode().unwrap());
        if let Some(target) = entry.link_name_bytes() {
            line += &format!(" -> {}", str::from_utf8(&target).unwrap());
        }
        let odd = (
            header.mtime().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
        );
        if odd != (499_162_500, 0, 0) {
            line += &format!(" {odd:?}");
        }
        line
    };
    archive
        .entries()
        .unwrap()
        .map(|entry| line(entry.unwrap()))
        .collect()
}

/// The processes that have a path among their arguments, and still run.
pub(crate) fn children_on(path: &Path) -> Vec<u32> {
    let wanted = path.to_str().unwrap();
    processes()
        .filter(|process| {
            let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(wanted)
        })
        .filter_map(|process| process.file_name()?.to_str()?.parse().ok())
        .collect()
}

/// All processes of this machine, by their directories.
pub(crate) fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_process = |path: &PathBuf| path.join("cmdline").exists();
    entries.map(|entry| entry.path()).filter(is_process)
}

/// Waits until something is so. Fails after a minute.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    assert!(
        tokio::time::timeout(limit, wait).await.is_ok(),
        "not so: {what}"
    );
}
