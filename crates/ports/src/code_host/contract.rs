//! What every `CodeHost` does, stated as tests for the fake and for GitHub's API alike.

mod hooks;
mod reports;
mod repositories;

use super::{CodeHost, Error};
use crate::outage::Outage;
use domain::{CheckState, CommitSha, GitRef, RepoName, Timestamp};
use std::{collections::BTreeSet, sync::Arc};

/// What stands at the host, as whoever looks at it there would see it.
pub trait Witness: Send + Sync {
    /// The statuses of a commit: of each context the latest state, as the host spells it, and the length of its
    /// description in characters.
    fn statuses(&self, repo: &RepoName, commit: &CommitSha) -> Vec<(String, String, usize)>;
    /// The deployments, oldest first: the commit, the environment, and the states it has been given, oldest first.
    fn deployments(&self, repo: &RepoName) -> Vec<(CommitSha, String, Vec<String>)>;
    /// What a tag names.
    fn tag(&self, repo: &RepoName, tag: &GitRef) -> Option<CommitSha>;
    /// The secrets of the hooks that call an address.
    fn hook_secrets(&self, repo: &RepoName, address: &str) -> Vec<String>;
}

/// A host to test, and what is on it.
pub struct Ground {
    pub host: Arc<dyn CodeHost>,
    pub witness: Arc<dyn Witness>,
    pub outage: Arc<dyn Outage>,
    pub repo: RepoName,
    /// What it was called before.
    pub old_name: RepoName,
    /// Not there, of the same owner.
    pub nowhere: RepoName,
    /// Where the server has no credential.
    pub foreign: RepoName,
    pub default_branch: GitRef,
    /// A branch with a `/` in its name.
    pub feature: GitRef,
    /// The tip of the default branch, and the commit before it, which `feature` names.
    pub tip: CommitSha,
    pub before: CommitSha,
    /// An annotated tag on `before`.
    pub annotated: GitRef,
    /// What the default branch requires.
    pub required: BTreeSet<String>,
    /// What was reported of `tip`: more than a page holds.
    pub reported: Vec<(String, CheckState)>,
}

/// All of it.
///
/// # Panics
/// When the host does otherwise.
pub async fn contract(ground: &Ground) {
    repositories::contract(ground).await;
    reports::contract(ground).await;
    hooks::contract(ground).await;
    failures_say_what_to_do(ground).await;
}

async fn failures_say_what_to_do(ground: &Ground) {
    let head = || {
        ground
            .host
            .branch_head(&ground.repo, &ground.default_branch)
    };
    let found = ground.host.repository(&ground.foreign).await;
    assert!(
        matches!(found, Err(Error::NoCredential { .. })),
        "{found:?}"
    );
    let until = Timestamp::from_micros(1_767_229_200_000_000);
    ground.outage.fall_silent();
    let error = head().await.expect_err("it is in trouble");
    assert!(matches!(error, Error::NotReachable { .. }), "{error:?}");
    assert!(error.is_transient());
    ground.outage.limit(until);
    let error = head().await.expect_err("it is in trouble");
    assert_eq!(error, Error::RateLimited { until });
    assert_eq!(error.not_before(), Some(until));
    ground.outage.recover();
    assert_eq!(head().await, Ok(Some(ground.tip.clone())));
}
