//! Repositories in memory.

use super::lock;
use async_trait::async_trait;
use bytes::Bytes;
use domain::{CommitSha, GitRef, RepoName};
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::{Effect, source::Error};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Mutex,
};

/// The most of one file that is read.
const FILE_MAX: usize = 1 << 20;

/// Repositories with refs and commits, and which commits were fetched.
#[derive(Default)]
pub struct Source {
    state: Mutex<State>,
}

type Tree = BTreeMap<String, Bytes>;

#[derive(Default)]
struct State {
    repos: BTreeMap<RepoName, Repo>,
    fetched: BTreeSet<(RepoName, CommitSha)>,
    away: BTreeSet<RepoName>,
    hanging: BTreeSet<RepoName>,
    unanswered: usize,
}

#[derive(Default)]
struct Repo {
    refs: BTreeMap<String, CommitSha>,
    commits: BTreeMap<CommitSha, Tree>,
}

impl Source {
    /// Adds a commit of these files, and lets a ref and `HEAD` name it.
    pub fn commit(
        &self,
        repo: &RepoName,
        git_ref: &str,
        commit: &CommitSha,
        files: &[(&str, &str)],
    ) {
        let mut state = lock(&self.state);
        let repo = state.repos.entry(repo.clone()).or_default();
        let owned = |(path, text): &(&str, &str)| {
            ((*path).to_owned(), Bytes::copy_from_slice(text.as_bytes()))
        };
        repo.commits
            .insert(commit.clone(), files.iter().map(owned).collect());
        repo.refs.insert(git_ref.to_owned(), commit.clone());
        repo.refs.insert("HEAD".to_owned(), commit.clone());
    }

    /// Lets the host of a repository not answer.
    pub fn lose(&self, repo: &RepoName) {
        lock(&self.state).away.insert(repo.clone());
    }

    /// From now on the host of a repository takes questions and answers none.
    pub fn hang(&self, repo: &RepoName) {
        lock(&self.state).hanging.insert(repo.clone());
    }

    /// Lets the host of a repository answer again.
    pub fn find(&self, repo: &RepoName) {
        let mut state = lock(&self.state);
        state.away.remove(repo);
        state.hanging.remove(repo);
    }

    /// Waits for the end of time where the host of a repository hangs.
    async fn wait(&self, repo: &RepoName) {
        let hangs = lock(&self.state).hanging.contains(repo);
        if hangs {
            lock(&self.state).unanswered += 1;
            let _asked = Asked(&self.state);
            std::future::pending().await
        }
    }

    /// How many wait for an answer of a host that hangs.
    pub fn unanswered(&self) -> usize {
        lock(&self.state).unanswered
    }
}

/// A question that waits for an answer.
struct Asked<'a>(&'a Mutex<State>);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        lock(self.0).unanswered -= 1;
    }
}

impl State {
    fn reach(&self, name: &RepoName) -> Result<&Repo, Error> {
        if self.away.contains(name) {
            return Err(Error::Unreachable {
                repo: name.clone(),
                detail: "connection timed out".to_owned(),
            });
        }
        self.repos.get(name).ok_or_else(|| Error::Denied {
            repo: name.clone(),
            detail: "repository not found".to_owned(),
        })
    }

    fn tree(&self, name: &RepoName, commit: &CommitSha) -> Result<&Tree, Error> {
        let fetched = self.fetched.contains(&(name.clone(), commit.clone()));
        let repo = self.repos.get(name).filter(|_| fetched);
        repo.and_then(|repo| repo.commits.get(commit))
            .ok_or_else(|| Error::Local {
                repo: name.clone(),
                detail: format!("{commit} was not fetched"),
            })
    }
}

#[async_trait]
impl ports::Source for Source {
    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, Error> {
        self.wait(repo).await;
        let state = lock(&self.state);
        let found = state.reach(repo)?;
        let as_commit = || {
            let mut known = found.commits.keys();
            let short = git_ref.as_str();
            known.find(|commit| short.len() >= 7 && commit.as_str().starts_with(short))
        };
        let commit = found.refs.get(git_ref.as_str()).or_else(as_commit).cloned();
        commit.ok_or_else(|| Error::UnknownRef {
            repo: repo.clone(),
            git_ref: git_ref.to_string(),
        })
    }

    async fn fetch(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), Error> {
        let mut state = lock(&self.state);
        let key = (repo.clone(), commit.clone());
        if state.fetched.contains(&key) {
            return Ok(());
        }
        if !state.reach(repo)?.commits.contains_key(commit) {
            return Err(Error::UnknownRef {
                repo: repo.clone(),
                git_ref: commit.to_string(),
            });
        }
        state.fetched.insert(key);
        Ok(())
    }

    async fn file(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        path: &str,
    ) -> Result<Option<Bytes>, Error> {
        let state = lock(&self.state);
        let file = state.tree(repo, commit)?.get(path);
        Ok(file.map(|content| content.slice(..content.len().min(FILE_MAX))))
    }

    async fn archive(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, Error> {
        let archive = tar(lock(&self.state).tree(repo, commit)?);
        Ok(stream::iter([Ok(archive)]).boxed())
    }

    async fn copies(&self) -> io::Result<BTreeSet<RepoName>> {
        let state = lock(&self.state);
        Ok(state.fetched.iter().map(|(repo, _)| repo.clone()).collect())
    }

    async fn forget(&self, repo: &RepoName) -> Result<Effect, Error> {
        let fetched = &mut lock(&self.state).fetched;
        let before = fetched.len();
        fetched.retain(|(known, _)| known != repo);
        Ok(if fetched.len() < before {
            Effect::Done
        } else {
            Effect::WasSo
        })
    }
}

/// The POSIX ustar format, as much of it as plain files with short names need: a header of 512 bytes, the content
/// padded to blocks, two empty blocks. All times are 0.
fn tar(tree: &Tree) -> Bytes {
    const BLOCK: usize = 512;
    let mut archive = Vec::new();
    for (path, content) in tree {
        let mut header = [0_u8; BLOCK];
        let mut field = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        field(0, &path[..path.len().min(100)]);
        field(100, "0000644\0");
        field(108, "0000000\0");
        field(116, "0000000\0");
        field(124, &format!("{:011o}\0", content.len()));
        field(136, "00000000000\0");
        field(148, "        ");
        field(156, "0");
        field(257, "ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Bytes::from(archive)
}
