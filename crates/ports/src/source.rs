//! Repositories.

#[cfg(feature = "contract")]
pub mod contract;
pub mod credentials;

pub use credentials::Credentials;

use crate::Effect;
use async_trait::async_trait;
use bytes::Bytes;
use domain::{CommitSha, GitRef, RepoName};
use futures_util::stream::BoxStream;
use std::{collections::BTreeSet, io};

/// What a repository's host can answer instead. No text holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{repo} has no `{git_ref}`")]
    UnknownRef { repo: RepoName, git_ref: String },
    #[error("{repo} cannot be fetched: {detail}")]
    Denied { repo: RepoName, detail: String },
    /// Worth a retry.
    #[error("the host of {repo} does not answer: {detail}")]
    Unreachable { repo: RepoName, detail: String },
    /// The local copy cannot be read or written.
    #[error("the local copy of {repo} cannot be used: {detail}")]
    Local { repo: RepoName, detail: String },
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::UnknownRef { git_ref, .. } if git_ref.parse::<CommitSha>().is_ok() => {
                "a commit that is not pushed cannot be fetched: push it first, or name another branch, tag or commit"
            }
            Self::UnknownRef { .. } => "push it first, or name another branch, tag or commit",
            Self::Denied { .. } => {
                "make sure that it exists and that the server's git token may read it"
            }
            Self::Unreachable { .. } => "try again in a moment",
            Self::Local { .. } => "`jockeyd check` says what is wrong with the server's disk",
        }
    }

    /// What is wrong and what to do, for whoever reads of it later. Where waiting is all that can be done, what is wrong.
    #[must_use]
    pub fn with_advice(&self) -> String {
        match self.is_transient() {
            true => self.to_string(),
            false => format!("{self}; {}", self.advice()),
        }
    }
}

/// Repositories, each with a bare copy kept here, so that the second fetch brings only what is new.
#[async_trait]
pub trait Source: Send + Sync {
    /// The commit that a ref names now.
    ///
    /// # Errors
    /// `UnknownRef`, `Denied`, `Unreachable`.
    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, Error>;

    /// Brings one commit here, without history where the host allows that. Nothing is fetched when it is here.
    ///
    /// # Errors
    /// `UnknownRef`, `Denied`, `Unreachable`, `Local`.
    async fn fetch(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), Error>;

    /// One file of a fetched commit; none when there is no such file. At most 1 MiB of it.
    ///
    /// # Errors
    /// `Local`.
    async fn file(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        path: &str,
    ) -> Result<Option<Bytes>, Error>;

    /// The tree of a fetched commit as an uncompressed tar stream straight out of git objects. Equal trees make equal
    /// bytes: all times in it are constant. Nothing is checked out.
    ///
    /// # Errors
    /// `Local`; within the stream when it breaks off.
    async fn archive(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, Error>;

    /// The repositories of which there is a copy here.
    ///
    /// # Errors
    /// That of the disk.
    async fn copies(&self) -> io::Result<BTreeSet<RepoName>>;

    /// Takes the copy of a repository away. What is fetched later is fetched anew; who reads from the copy meanwhile is
    /// told that it is not there. `WasSo` when there is none.
    ///
    /// # Errors
    /// `Local`.
    async fn forget(&self, repo: &RepoName) -> Result<Effect, Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_is_not_there_is_to_be_pushed_first() {
        let unknown = |git_ref: String| Error::UnknownRef {
            repo: "shop/api".parse().unwrap(),
            git_ref,
        };
        let sha = "ab".repeat(20);
        let want = format!(
            "shop/api has no `{sha}`; a commit that is not pushed cannot be fetched: push it first, or name another branch, \
             tag or commit"
        );
        assert_eq!(unknown(sha).with_advice(), want);
        assert_eq!(
            unknown("nope".to_owned()).with_advice(),
            "shop/api has no `nope`; push it first, or name another branch, tag or commit"
        );
    }
}
