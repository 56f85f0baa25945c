//! The bare copy of one repository: a cache, so that whatever is odd about it is mended by making it anew.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{CommitSha, RepoName};
use tokio::sync::OwnedMutexGuard;

/// Where a copy says that git could not read it.
const SUSPECT: &str = "jockey-suspect";
/// What a commit's own attributes must not change: which files the tree has, and what is in them.
const ATTRIBUTES: &str = "* -export-ignore -export-subst\n";
/// How often a lock is tried that a git of an earlier, killed server may still hold.
const RETRY: Duration = Duration::from_millis(50);

/// All copies, below one directory: `<owner>/<name>.git`.
#[derive(Debug)]
pub(super) struct Mirrors {
    root: PathBuf,
    turns: Mutex<BTreeMap<RepoName, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to change one copy. The lock on the file is also held by each git that got the file, so that a git which
/// outlives its server keeps the next server's waiting.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
    _turn: OwnedMutexGuard<()>,
}

impl Held {
    /// The locked file, for a child to hold too.
    pub(super) fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Mirrors {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            turns: Mutex::default(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, repo: &RepoName) -> PathBuf {
        self.root.join(format!("{repo}.git"))
    }

    /// Waits for the right to change a copy. The caller sets the deadline.
    pub(super) async fn hold(&self, repo: &RepoName) -> io::Result<Held> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(repo.clone()).or_default())
        };
        let turn = turn.lock_owned().await;
        let path = self.root.join(format!("{repo}.lock"));
        if let Some(owner) = path.parent() {
            fs::create_dir_all(owner)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Held { file, _turn: turn }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(RETRY).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// The ref that says that a commit is here with all that is below it.
pub(super) fn kept(commit: &CommitSha) -> String {
    format!("refs/jockey/commits/{commit}")
}

/// Whether there is a copy that can be used.
pub(super) fn is_usable(mirror: &Path) -> bool {
    mirror.join("HEAD").is_file() && !mirror.join(SUSPECT).exists()
}

/// Whether history was left out of the copy.
pub(super) fn is_shallow(mirror: &Path) -> bool {
    mirror.join("shallow").exists()
}

/// Says that git could not read a copy, so that the next fetch makes it anew.
pub(super) fn suspect(mirror: &Path) {
    let marked = File::create(mirror.join(SUSPECT));
    if let Err(error) = marked.map(drop)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a broken copy of a repository could not be marked");
    }
}

/// Takes a copy away.
pub(super) fn remove(mirror: &Path) -> io::Result<()> {
    match fs::remove_dir_all(mirror) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Where a new copy is made before it takes its place, complete.
pub(super) fn draft(mirror: &Path) -> PathBuf {
    let name = mirror.file_name().unwrap_or_default().to_string_lossy();
    mirror.with_file_name(format!(".{name}.new"))
}

/// Puts a copy that `git init` made in its place.
pub(super) fn settle(draft: &Path, mirror: &Path) -> io::Result<()> {
    fs::create_dir_all(draft.join("info"))?;
    fs::write(draft.join("info/attributes"), ATTRIBUTES)?;
    fs::rename(draft, mirror)
}

/// Takes away what a killed git, or one without room, left: its lock files, unfinished packs and unfinished objects. Only
/// under the lock, when no git runs.
pub(super) fn sweep(mirror: &Path) -> io::Result<()> {
    let is_lock = |name: &str| name.ends_with(".lock");
    let is_unfinished = |name: &str| name.starts_with("tmp_") || name.starts_with(".tmp-");
    sweep_files(mirror, is_lock)?;
    for entry in fs::read_dir(mirror.join("objects"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sweep_files(&entry.path(), is_unfinished)?;
        }
    }
    let mut below = vec![mirror.join("refs")];
    while let Some(directory) = below.pop() {
        sweep_files(&directory, is_lock)?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                below.push(entry.path());
            }
        }
    }
    Ok(())
}

fn sweep_files(directory: &Path, is_litter: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_litter(&entry.file_name().to_string_lossy()) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
