//! The checks of a commit: which its branch requires, and how each stands.

use super::{read, route};
use crate::{GitHub, api::Call};
use domain::{CheckState, Checks, CommitSha, GitRef, RepoName};
use ports::code_host::Error;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

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
    /// The App that has to report it, as a protection says it, and as a ruleset does. -1: any.
    #[serde(alias = "integration_id")]
    app_id: Option<i64>,
}

/// From whom a check has to come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Anybody,
    App(i64),
}

/// What a branch requires, by name. Its protection and a ruleset may name two Apps: then it takes both.
type RequiredChecks = BTreeMap<String, BTreeSet<Source>>;

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
    app: Option<AppOfRun>,
}

#[derive(Deserialize)]
struct AppOfRun {
    id: i64,
}

/// How a check stands, as somebody reported it.
struct Report {
    name: String,
    check: CheckState,
    by: Reporter,
}

#[derive(Clone, Copy)]
enum Reporter {
    /// By a check run. None: GitHub does not say which App's it is.
    App(Option<i64>),
    /// By a commit status, of a person or of an App.
    Status,
}

impl Context {
    const fn source(&self) -> Source {
        match self.app_id {
            None | Some(-1) => Source::Anybody,
            Some(app) => Source::App(app),
        }
    }
}

impl Source {
    /// Whether a report of that name counts. GitHub itself looks at who created a commit status, which it does not tell
    /// where it answers with all statuses of a commit. So one counts by its name alone, whoever wrote it: some Apps
    /// report by nothing else, and a deploy would wait for them in vain.
    fn takes(self, report: &Report) -> bool {
        match (self, report.by) {
            (Self::Anybody, _) | (Self::App(_), Reporter::Status) => true,
            (Self::App(wanted), Reporter::App(app)) => app == Some(wanted),
        }
    }
}

impl From<Run> for Report {
    fn from(run: Run) -> Self {
        Self {
            check: run.check(),
            by: Reporter::App(run.app.map(|app| app.id)),
            name: run.name,
        }
    }
}

impl From<Status> for Report {
    fn from(status: Status) -> Self {
        Self {
            check: status.check(),
            by: Reporter::Status,
            name: status.context,
        }
    }
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
        let required = self.required(repo, branch).await?;
        let runs: Vec<Runs> = self.list(repo, of("check-runs")).await?;
        let runs = runs.into_iter().flat_map(|page| page.check_runs);
        let mut reports: Vec<Report> = runs.map(Report::from).collect();
        let statuses: Vec<Statuses> = self.list(repo, of("status")).await?;
        let statuses = statuses.into_iter().flat_map(|page| page.statuses);
        reports.extend(statuses.map(Report::from));
        Ok(summed_up(required, &reports))
    }

    async fn required(&self, repo: &RepoName, branch: &GitRef) -> Result<RequiredChecks, Error> {
        let call = Call::get(route(repo, &["branches", branch.as_str()]));
        let Some(found) = self.find(repo, &call).await? else {
            return Ok(RequiredChecks::new());
        };
        let found: Branch = read(&found, repo)?;
        let protection = found.protection.and_then(|p| p.required_status_checks);
        let mut wanted = Vec::new();
        if let Some(Required { contexts, checks }) = protection {
            // Each name is in both, but for servers that are older than `checks`.
            let is_more = |name: &String| checks.iter().all(|check| check.context != *name);
            let more = contexts.into_iter().filter(is_more);
            wanted.extend(more.map(|context| Context {
                context,
                app_id: None,
            }));
            wanted.extend(checks);
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
        wanted.extend(checks.flat_map(|parameters| parameters.required_status_checks));
        let mut required = RequiredChecks::new();
        for check in wanted {
            let source = check.source();
            required.entry(check.context).or_default().insert(source);
        }
        Ok(required)
    }
}

/// How each check stands. Of several reports by one name, of two Apps or of both kinds, the worst counts; of one that
/// is required from an App, only those that come from it.
fn summed_up(required: RequiredChecks, reports: &[Report]) -> Checks {
    let mut reported = BTreeMap::new();
    for report in reports {
        let sources = required.get(&report.name);
        if sources.is_none_or(|sources| sources.iter().any(|source| source.takes(report))) {
            let known = reported.entry(report.name.clone());
            let known = known.or_insert(report.check);
            *known = worse(*known, report.check);
        }
    }
    for (name, sources) in &required {
        let is_silent = |source: &Source| {
            let mut own = reports.iter().filter(|report| report.name == *name);
            !own.any(|report| source.takes(report))
        };
        // What one App has reported waits for the other.
        if let Some(known) = reported.get_mut(name)
            && sources.iter().any(is_silent)
        {
            *known = worse(*known, CheckState::Pending);
        }
    }
    Checks {
        required: required.into_keys().collect(),
        reported,
    }
}

fn worse(one: CheckState, other: CheckState) -> CheckState {
    let rank = |check: CheckState| match check {
        CheckState::Passed => 0,
        CheckState::Pending => 1,
        CheckState::Failed => 2,
    };
    match rank(other) > rank(one) {
        true => other,
        false => one,
    }
}
