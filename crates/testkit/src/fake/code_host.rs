//! The host of the code in memory.

mod hooks;
mod reports;

use super::{
    hours::{Hours, InTheWay},
    lock,
};
use async_trait::async_trait;
use domain::{CheckState, Checks, CommitSha, GitRef, Login, RepoName};
use ports::code_host::{
    Error, Repositories,
    hooks::Hook,
    reports::{CommitStatus, NewDeployment},
    repositories::{Repository, Visibility},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

/// Repositories, and what was told of them.
#[derive(Default)]
pub struct CodeHost {
    state: Mutex<State>,
    hours: Arc<Hours>,
}

#[derive(Default)]
struct State {
    count: u64,
    /// Where the server has a credential.
    accounts: BTreeSet<Login>,
    repos: BTreeMap<RepoName, Repo>,
    renamed: BTreeMap<RepoName, RepoName>,
}

#[derive(Default)]
struct Repo {
    id: u64,
    default_branch: String,
    branches: BTreeMap<String, CommitSha>,
    tags: BTreeMap<String, CommitSha>,
    commits: BTreeSet<CommitSha>,
    required: BTreeMap<String, BTreeSet<String>>,
    reported: BTreeMap<CommitSha, BTreeMap<String, CheckState>>,
    statuses: BTreeMap<(CommitSha, String), CommitStatus>,
    deployments: Vec<Told>,
    hooks: BTreeMap<String, (Hook, String)>,
}

struct Told {
    id: u64,
    deployment: NewDeployment,
    states: Vec<&'static str>,
}

impl CodeHost {
    /// Whether it answers.
    #[must_use]
    pub fn hours(&self) -> Arc<Hours> {
        Arc::clone(&self.hours)
    }

    /// Gives the server a credential at an account.
    pub fn install(&self, account: &Login) {
        lock(&self.state).accounts.insert(account.clone());
    }

    /// A repository with a commit on its default branch.
    pub fn repository(&self, repo: &RepoName, branch: &GitRef, commit: &CommitSha) {
        let mut state = lock(&self.state);
        state.count += 1;
        let made = Repo {
            id: state.count,
            default_branch: branch.to_string(),
            ..Repo::default()
        };
        state.repos.insert(repo.clone(), made);
        drop(state);
        self.branch(repo, branch, Some(commit));
    }

    /// Lets a branch name a commit, or takes it away.
    ///
    /// # Panics
    /// Without such a repository, as all of these do.
    pub fn branch(&self, repo: &RepoName, branch: &GitRef, commit: Option<&CommitSha>) {
        self.change(repo, |repo| match commit {
            Some(commit) => {
                repo.commits.insert(commit.clone());
                repo.branches.insert(branch.to_string(), commit.clone());
            }
            None => {
                repo.branches.remove(branch.as_str());
            }
        });
    }

    /// Lets a tag name a commit.
    pub fn tag(&self, repo: &RepoName, tag: &GitRef, commit: &CommitSha) {
        self.change(repo, |repo| {
            repo.commits.insert(commit.clone());
            repo.tags.insert(tag.to_string(), commit.clone());
        });
    }

    /// Renames a repository.
    pub fn rename(&self, repo: &RepoName, to: &RepoName) {
        let mut state = lock(&self.state);
        let moved = state.repos.remove(repo).expect("the repository is there");
        state.repos.insert(to.clone(), moved);
        state.renamed.insert(repo.clone(), to.clone());
    }

    /// Lets a branch require a check.
    pub fn require(&self, repo: &RepoName, branch: &GitRef, name: &str) {
        self.change(repo, |repo| {
            let required = repo.required.entry(branch.to_string()).or_default();
            required.insert(name.to_owned());
        });
    }

    /// Somebody reports a check.
    pub fn report(&self, repo: &RepoName, commit: &CommitSha, name: &str, check: CheckState) {
        self.change(repo, |repo| {
            let reported = repo.reported.entry(commit.clone()).or_default();
            reported.insert(name.to_owned(), check);
        });
    }

    fn change(&self, repo: &RepoName, change: impl FnOnce(&mut Repo)) {
        let mut state = lock(&self.state);
        let repo = state.repos.get_mut(repo);
        change(repo.expect("the repository is there"));
    }

    /// The state, and the repository's name now, where a call gets through to it.
    fn reach(&self, repo: &RepoName) -> Result<(MutexGuard<'_, State>, RepoName), Error> {
        self.hours.pass().map_err(|way| match way {
            InTheWay::Silence(detail) => Error::NotReachable { detail },
            InTheWay::Limit(until) => Error::RateLimited { until },
        })?;
        let state = lock(&self.state);
        let account: Login = repo
            .as_str()
            .split('/')
            .next()
            .and_then(|owner| owner.parse().ok())
            .ok_or_else(|| Error::UnknownRepo { repo: repo.clone() })?;
        if !state.accounts.contains(&account) {
            let detail = "the App is not installed there".to_owned();
            return Err(Error::NoCredential { account, detail });
        }
        let name = state.renamed.get(repo).unwrap_or(repo).clone();
        if state.repos.contains_key(&name) {
            Ok((state, name))
        } else {
            Err(Error::UnknownRepo { repo: repo.clone() })
        }
    }
}

fn unknown(repo: &RepoName, name: &impl ToString) -> Error {
    Error::UnknownRef {
        repo: repo.clone(),
        name: name.to_string(),
    }
}

impl Repo {
    fn resolve(&self, name: &str) -> Option<CommitSha> {
        if name == "HEAD" {
            return self.branches.get(&self.default_branch).cloned();
        }
        let short = |commit: &&CommitSha| name.len() >= 7 && commit.as_str().starts_with(name);
        let found = self.tags.get(name).or_else(|| self.branches.get(name));
        found.or_else(|| self.commits.iter().find(short)).cloned()
    }

    fn wants(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), Error> {
        let known = self.commits.contains(commit);
        known.then_some(()).ok_or_else(|| unknown(repo, commit))
    }
}

#[async_trait]
impl Repositories for CodeHost {
    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error> {
        let (state, name) = self.reach(repo)?;
        let found = &state.repos[&name];
        let branch = found.default_branch.parse();
        Ok(Repository {
            id: found.id,
            default_branch: branch.expect("it was a branch when it was set"),
            name,
            visibility: Visibility::Private,
        })
    }

    async fn branch_head(
        &self,
        repo: &RepoName,
        branch: &GitRef,
    ) -> Result<Option<CommitSha>, Error> {
        let (state, name) = self.reach(repo)?;
        Ok(state.repos[&name].branches.get(branch.as_str()).cloned())
    }

    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, Error> {
        let (state, name) = self.reach(repo)?;
        let found = state.repos[&name].resolve(git_ref.as_str());
        found.ok_or_else(|| unknown(repo, git_ref))
    }

    async fn has_commit(&self, repo: &RepoName, commit: &CommitSha) -> Result<bool, Error> {
        let (state, name) = self.reach(repo)?;
        Ok(state.repos[&name].commits.contains(commit))
    }

    async fn checks(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        branch: &GitRef,
    ) -> Result<Checks, Error> {
        let (state, name) = self.reach(repo)?;
        let found = &state.repos[&name];
        found.wants(repo, commit)?;
        let required = found.required.get(branch.as_str());
        Ok(Checks {
            required: required.cloned().unwrap_or_default(),
            reported: found.reported.get(commit).cloned().unwrap_or_default(),
        })
    }
}
