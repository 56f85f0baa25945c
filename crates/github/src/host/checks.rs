//! The checks of a commit: which its branch requires, and how each stands.

use super::{read, route};
use crate::{GitHub, api::Call};
use domain::{CheckState, Checks, CommitSha, GitRef, RepoName};
use ports::code_host::Error;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How GitHub begins to say that the plan of an account has no rulesets for its private repositories.
const NO_RULESETS: &str = "Upgrade to GitHub ";

#[derive(Deserialize)]
struct Branch {
    protection: Option<Protection>,
}

#[derive(Deserialize)]
struct Protection {
    required_status_checks: Option<Required>,
}

#[derive(Deserialize)]
struct Required {
    #[serde(default)]
    contexts: BTreeSet<String>,
    #[serde(default)]
    checks: Vec<Context>,
}

#[derive(Deserialize)]
struct Context {
    context: String,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    required_status_checks: Vec<Context>,
}

#[derive(Deserialize)]
struct Statuses {
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    status: String,
    conclusion: Option<String>,
}

impl Status {
    fn check(&self) -> CheckState {
        match self.state.as_str() {
            "success" => CheckState::Passed,
            "pending" => CheckState::Pending,
            _ => CheckState::Failed,
        }
    }
}

impl Run {
    fn check(&self) -> CheckState {
        match (self.status.as_str(), self.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Passed,
            ("completed", _) => CheckState::Failed,
            _ => CheckState::Pending,
        }
    }
}

impl GitHub {
    /// What was reported of a commit that is there.
    ///
    /// # Errors
    /// Those of `Repositories::checks`.
    pub(super) async fn reported(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        branch: &GitRef,
    ) -> Result<Checks, Error> {
        let of = |what: &str| route(repo, &["commits", commit.as_str(), what]);
        let mut checks = Checks {
            required: self.required(repo, branch).await?,
            ..Checks::default()
        };
        let runs: Vec<Runs> = self.list(repo, of("check-runs")).await?;
        for run in runs.into_iter().flat_map(|page| page.check_runs) {
            worst(&mut checks, run.check(), run.name);
        }
        let statuses: Vec<Statuses> = self.list(repo, of("status")).await?;
        for status in statuses.into_iter().flat_map(|page| page.statuses) {
            worst(&mut checks, status.check(), status.context);
        }
        Ok(checks)
    }

    async fn required(&self, repo: &RepoName, branch: &GitRef) -> Result<BTreeSet<String>, Error> {
        let call = Call::get(route(repo, &["branches", branch.as_str()]));
        let Some(found) = self.find(repo, &call).await? else {
            return Ok(BTreeSet::new());
        };
        let found: Branch = read(&found, repo)?;
        let protection = found.protection.and_then(|p| p.required_status_checks);
        let mut required = BTreeSet::new();
        if let Some(checks) = protection {
            required.extend(checks.contexts);
            required.extend(checks.checks.into_iter().map(|check| check.context));
        }
        let rules = route(repo, &["rules", "branches", branch.as_str()]);
        let rules: Vec<Vec<Rule>> = match self.list(repo, rules).await {
            Ok(rules) => rules,
            // Of a server that is older than rulesets: the repository itself is there.
            Err(Error::UnknownRepo { .. }) => Vec::new(),
            // Nor has a private repository any whose owner does not pay.
            Err(Error::Forbidden { detail }) if detail.starts_with(NO_RULESETS) => Vec::new(),
            Err(error) => return Err(error),
        };
        let rules = rules.into_iter().flatten();
        let checks = rules.filter(|rule| rule.kind == "required_status_checks");
        let checks = checks.filter_map(|rule| rule.parameters);
        required.extend(
            checks
                .flat_map(|parameters| parameters.required_status_checks)
                .map(|check| check.context),
        );
        Ok(required)
    }
}

/// Of several reports by one name, of two Apps or of both kinds, the worst counts.
fn worst(checks: &mut Checks, check: CheckState, name: String) {
    let rank = |check: CheckState| match check {
        CheckState::Passed => 0,
        CheckState::Pending => 1,
        CheckState::Failed => 2,
    };
    let known = checks.reported.entry(name).or_insert(check);
    if rank(check) > rank(*known) {
        *known = check;
    }
}
