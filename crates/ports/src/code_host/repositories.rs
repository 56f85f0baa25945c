//! What is in a repository.

use super::Error;
use async_trait::async_trait;
use domain::{Checks, CommitSha, GitRef, RepoName};

/// A repository as the host has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its number. Stays when it is renamed or given to another owner.
    pub id: u64,
    /// What it is called now, which is another name than was asked for when it was renamed.
    pub name: RepoName,
    pub default_branch: GitRef,
    pub visibility: Visibility,
}

/// Who may see a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    Public,
    /// Also what only an enterprise sees.
    Private,
}

/// Reads repositories. A name that a repository had before it was renamed still finds it.
#[async_trait]
pub trait Repositories: Send + Sync {
    /// The repository of this name, or that had it.
    ///
    /// # Errors
    /// `UnknownRepo`, and what holds for every call: `NoCredential`, `BadCredential`, `Forbidden`, `RateLimited`,
    /// `NotReachable`.
    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error>;

    /// The commit at the tip of a branch, by the branch's name alone (`main`); none when there is no such branch.
    ///
    /// # Errors
    /// `UnknownRepo`, and what holds for every call.
    async fn branch_head(
        &self,
        repo: &RepoName,
        branch: &GitRef,
    ) -> Result<Option<CommitSha>, Error>;

    /// The commit that a ref names: a branch, a tag, `HEAD`, a full or short commit id. Of a tag and a branch of one
    /// name the tag, as git itself takes it.
    ///
    /// # Errors
    /// `UnknownRepo`, `UnknownRef`, and what holds for every call.
    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, Error>;

    /// Whether the host shows this commit in the repository. A commit of a fork is shown too: this is no evidence that
    /// anybody who may write to the repository put it there.
    ///
    /// # Errors
    /// `UnknownRepo`, and what holds for every call.
    async fn has_commit(&self, repo: &RepoName, commit: &CommitSha) -> Result<bool, Error>;

    /// What was found out about a commit, and what the branch requires: commit statuses and check runs together, and
    /// the rules of the branch and of its rulesets.
    ///
    /// # Errors
    /// `UnknownRepo`, `UnknownRef` for the commit, and what holds for every call. A branch that is not there requires
    /// nothing.
    async fn checks(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        branch: &GitRef,
    ) -> Result<Checks, Error>;
}
