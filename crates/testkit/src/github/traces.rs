//! What a test reads off its GitHub afterwards.

use super::{Delivery, GitHub, world::Request};
use domain::{CommitSha, GitRef, RepoName};
use serde_json::Value;
use std::collections::BTreeMap;

impl GitHub {
    /// Every call that has been answered, in the order of the answers.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.world.state().requests.clone()
    }

    /// How many of these have been answered: `GET /user`. The path is without its query, and without `/api/v3`.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        let is = |request: &&Request| {
            let path = request.path.split('?').next().unwrap_or_default();
            let path = path.strip_prefix("/api/v3").unwrap_or(path);
            format!("{} {path}", request.method) == what
        };
        self.world.state().requests.iter().filter(is).count()
    }

    /// Every delivery that was tried, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world.state().deliveries.clone()
    }

    /// The latest status of each context at a commit, as GitHub's API has it.
    #[must_use]
    pub fn statuses(&self, repo: &RepoName, commit: &CommitSha) -> BTreeMap<String, Value> {
        let state = self.world.state();
        let Some((_, repo)) = state.find_repo(repo) else {
            return BTreeMap::new();
        };
        let here = repo.statuses.iter();
        here.filter(|(sha, _)| sha == commit.as_str())
            .map(|(_, status)| {
                let context = status["context"].as_str().unwrap_or_default();
                (context.to_owned(), status.clone())
            })
            .collect()
    }

    /// The deployments of a repository, oldest first, each with its statuses, oldest first.
    #[must_use]
    pub fn deployments(&self, repo: &RepoName) -> Vec<(Value, Vec<Value>)> {
        let state = self.world.state();
        let Some((_, repo)) = state.find_repo(repo) else {
            return Vec::new();
        };
        let statuses = |deployment: &Value| {
            let all = repo.deployment_statuses.iter();
            all.filter(|(id, _)| deployment["id"] == *id)
                .map(|(_, status)| status.clone())
                .collect()
        };
        let all = repo.deployments.iter();
        all.map(|one| (one.clone(), statuses(one))).collect()
    }

    /// The commit that a tag names.
    #[must_use]
    pub fn tag(&self, repo: &RepoName, tag: &GitRef) -> Option<CommitSha> {
        let state = self.world.state();
        let (_, repo) = state.find_repo(repo)?;
        let sha = repo.git.resolve(&format!("refs/tags/{tag}")).ok()?;
        sha.parse().ok()
    }

    /// The secrets of the hooks that call an address, and the events that they want.
    #[must_use]
    pub fn hooks(&self, repo: &RepoName, address: &str) -> Vec<(Option<String>, Vec<String>)> {
        let state = self.world.state();
        let Some((_, repo)) = state.find_repo(repo) else {
            return Vec::new();
        };
        let here = repo.hooks.values().filter(|hook| hook.url == address);
        here.map(|hook| (hook.secret.clone(), hook.events.iter().cloned().collect()))
            .collect()
    }
}
