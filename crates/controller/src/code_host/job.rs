//! The jobs: what each is called, what makes it one, and what it carries.

use domain::{
    App, AppId, BuildId, CommitSha, DeployId, EnvironmentId, GitRef, Login, RepoName, Timestamp,
    push::Gate,
};
use ports::store::jobs::{Job, NewJob};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::str::FromStr;

pub(super) const PUSH: &str = "github.push";
pub(super) const DEPLOY: &str = "github.deploy";
pub(super) const MOVED: &str = "github.repository";
pub(super) const STATUS: &str = "github.status";
pub(super) const DEPLOYMENT: &str = "github.deployment";
pub(super) const TAG: &str = "github.tag";
pub(super) const HOOK: &str = "github.hook";

/// A branch was pushed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PushJob {
    pub(super) app: i64,
    pub(super) branch: String,
    #[serde(default)]
    pub(super) by: Option<String>,
}

/// What was built of a branch is to be deployed by a rule.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeployJob {
    pub(super) app: i64,
    pub(super) environment: i64,
    pub(super) branch: String,
    pub(super) commit: String,
    pub(super) build: i64,
    pub(super) checks: bool,
    #[serde(default)]
    pub(super) by: Option<String>,
}

/// A repository may have another name, or be gone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MovedJob {
    pub(super) repo: String,
}

/// The number of what is told, or of the App whose hook is looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NumberJob {
    pub(super) number: i64,
}

fn job(
    kind: &str,
    key: String,
    subject: String,
    payload: &impl Serialize,
    now: Timestamp,
) -> NewJob {
    let payload = serde_json::to_string(payload).expect("texts and numbers");
    NewJob {
        kind: kind.to_owned(),
        key,
        subject,
        payload: SecretString::from(payload),
        due_at: now,
        created_at: now,
    }
}

/// The payload of a job. None: it was written by another Jockey.
pub(super) fn read<T: DeserializeOwned>(job: &Job) -> Option<T> {
    serde_json::from_str(job.payload.expose_secret()).ok()
}

/// A text of a payload, which was of this kind when it was written.
pub(super) fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// One delivery of one push is one job.
pub(crate) fn push(
    app: &App,
    branch: &GitRef,
    by: Option<&Login>,
    delivery: &str,
    now: Timestamp,
) -> NewJob {
    let payload = PushJob {
        app: app.id.number(),
        branch: branch.to_string(),
        by: by.map(ToString::to_string),
    };
    let key = format!("{}/{branch}/{delivery}", app.id);
    job(PUSH, key, app.id.to_string(), &payload, now)
}

/// What was built of a branch.
pub(super) struct Built<'a> {
    pub(super) app: AppId,
    pub(super) branch: &'a GitRef,
    pub(super) commit: &'a CommitSha,
    pub(super) build: BuildId,
    pub(super) by: Option<&'a str>,
}

/// One commit is deployed once to one Environment by its rule.
pub(super) fn deploy(
    built: &Built<'_>,
    environment: EnvironmentId,
    gate: Gate,
    now: Timestamp,
) -> NewJob {
    let payload = DeployJob {
        app: built.app.number(),
        environment: environment.number(),
        branch: built.branch.to_string(),
        commit: built.commit.to_string(),
        build: built.build.number(),
        checks: gate == Gate::ChecksGreen,
        by: built.by.map(str::to_owned),
    };
    let key = format!("{}/{environment}/{}", built.app, built.commit);
    job(DEPLOY, key, built.app.to_string(), &payload, now)
}

/// A repository may have another name by now.
pub(crate) fn moved(from: &RepoName, to: &RepoName, delivery: &str, now: Timestamp) -> NewJob {
    let payload = MovedJob {
        repo: from.to_string(),
    };
    let key = format!("{from}/{to}/{delivery}");
    job(MOVED, key, from.to_string(), &payload, now)
}

/// A repository may be gone.
pub(crate) fn gone(repo: &RepoName, delivery: &str, now: Timestamp) -> NewJob {
    let payload = MovedJob {
        repo: repo.to_string(),
    };
    job(
        MOVED,
        format!("{repo}/{delivery}"),
        repo.to_string(),
        &payload,
        now,
    )
}

/// How a Build stands is told. `when` tells jobs apart that are wanted at different times.
pub(super) fn status(build: BuildId, when: &str, now: Timestamp) -> NewJob {
    number(STATUS, build.number(), build.to_string(), when, now)
}

/// How a Deploy stands is told.
pub(super) fn deployment(deploy: DeployId, when: &str, now: Timestamp) -> NewJob {
    number(DEPLOYMENT, deploy.number(), deploy.to_string(), when, now)
}

/// The tag of a Deploy's Environment is moved to what is deployed there.
pub(super) fn tag(deploy: DeployId, when: &str, now: Timestamp) -> NewJob {
    number(TAG, deploy.number(), deploy.to_string(), when, now)
}

/// The hook of an App is made as it is to be, or taken away.
pub(crate) fn hook(app: AppId, when: &str, now: Timestamp) -> NewJob {
    number(HOOK, app.number(), app.to_string(), when, now)
}

fn number(kind: &str, number: i64, subject: String, when: &str, now: Timestamp) -> NewJob {
    job(
        kind,
        format!("{subject}/{when}"),
        subject,
        &NumberJob { number },
        now,
    )
}
