use super::{Ended, read, route};
use crate::{GitHub, api::Call, fault::Fault};
use async_trait::async_trait;
use domain::{Checks, CommitSha, GitRef, RepoName};
use http::StatusCode;
use ports::code_host::{
    Error, Repositories,
    repositories::{Repository, Visibility},
};
use serde::Deserialize;
use std::str;

/// Asks for a commit's id alone.
const SHA: &str = "application/vnd.github.sha";

#[derive(Deserialize)]
struct Repo {
    id: u64,
    full_name: String,
    default_branch: String,
    private: bool,
}

/// The object that a ref names: a commit, or an annotated tag.
#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) object: Object,
}

#[derive(Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

fn unreadable(what: &str, repo: &RepoName) -> Error {
    Fault::unreadable(what).at_host(repo)
}

fn sha(text: &str, repo: &RepoName) -> Result<CommitSha, Error> {
    text.trim()
        .parse()
        .map_err(|_| unreadable("a commit's id", repo))
}

/// What a name may stand for, in git's own order: a tag goes before a branch.
fn candidates(git_ref: &GitRef) -> Vec<String> {
    let name = git_ref.as_str();
    if git_ref.as_commit().is_some() || name == "HEAD" {
        return vec![name.to_owned()];
    }
    if let Some(full) = name.strip_prefix("refs/") {
        return vec![full.to_owned()];
    }
    let mut names = vec![format!("tags/{name}"), format!("heads/{name}")];
    if name.len() >= 7 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        names.push(name.to_owned());
    }
    names
}

/// Whether an answer says that there is no such commit: 422, 404, or 409 of a repository that is empty.
fn is_no_commit(fault: &Fault) -> bool {
    [
        StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
    ]
    .iter()
    .any(|status| fault.is(*status))
}

impl GitHub {
    /// The commit of one name; none when there is none, or no repository.
    async fn commit(&self, repo: &RepoName, name: &str) -> Result<Option<CommitSha>, Error> {
        let call = Call::get(route(repo, &["commits", name])).accept(SHA);
        match self.of_repo(repo, &call).await {
            Ok(answer) => {
                let text = str::from_utf8(&answer.body).unwrap_or_default();
                sha(text, repo).map(Some)
            }
            Err(Ended::Fault(fault)) if is_no_commit(&fault) => Ok(None),
            Err(ended) => Err(ended.at(repo)),
        }
    }
}

#[async_trait]
impl Repositories for GitHub {
    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error> {
        let answer = self.ask(repo, &Call::get(route(repo, &[]))).await?;
        let found: Repo = read(&answer, repo)?;
        let name = found.full_name.parse();
        let branch = found.default_branch.parse();
        Ok(Repository {
            id: found.id,
            name: name.map_err(|_| unreadable("a repository's name", repo))?,
            default_branch: branch.map_err(|_| unreadable("a branch's name", repo))?,
            visibility: if found.private {
                Visibility::Private
            } else {
                Visibility::Public
            },
        })
    }

    async fn branch_head(
        &self,
        repo: &RepoName,
        branch: &GitRef,
    ) -> Result<Option<CommitSha>, Error> {
        let call = Call::get(route(repo, &["git", "ref", "heads", branch.as_str()]));
        let Some(answer) = self.find(repo, &call).await? else {
            return Ok(None);
        };
        let reference: Reference = read(&answer, repo)?;
        sha(&reference.object.sha, repo).map(Some)
    }

    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, Error> {
        for name in candidates(git_ref) {
            if let Some(commit) = self.commit(repo, &name).await? {
                return Ok(commit);
            }
        }
        self.repository(repo).await?;
        Err(Error::UnknownRef {
            repo: repo.clone(),
            name: git_ref.to_string(),
        })
    }

    async fn has_commit(&self, repo: &RepoName, commit: &CommitSha) -> Result<bool, Error> {
        if self.commit(repo, commit.as_str()).await?.is_some() {
            return Ok(true);
        }
        self.repository(repo).await?;
        Ok(false)
    }

    async fn checks(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        branch: &GitRef,
    ) -> Result<Checks, Error> {
        if !self.has_commit(repo, commit).await? {
            return Err(Error::UnknownRef {
                repo: repo.clone(),
                name: commit.to_string(),
            });
        }
        self.reported(repo, commit, branch).await
    }
}
