use super::{Ended, read, repositories::Reference, route};
use crate::{GitHub, api::Call, fault::Fault};
use async_trait::async_trait;
use domain::{CommitSha, GitRef, RepoName};
use http::StatusCode;
use ports::{
    Effect,
    code_host::{
        Error, Reports, Repositories as _,
        reports::{
            CommitStatus, DESCRIPTION_MAX, DeploymentId, DeploymentKind, DeploymentState,
            DeploymentStatus, NewDeployment, StatusState,
        },
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What our deployments are told from others by, in their payload.
const OURS: &str = "jockey_deploy";
const WHOSE: &str = "jockey_installation";

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[derive(Deserialize)]
struct Known {
    id: u64,
    #[serde(default)]
    payload: Value,
}

impl Known {
    /// Whether it is of this Deploy of this Installation. Some servers give the payload back as the text of its JSON.
    fn is_of(&self, installation: &str, deploy: &str) -> bool {
        let is_of = |payload: &Value| payload[OURS] == deploy && payload[WHOSE] == installation;
        match &self.payload {
            Value::String(text) => {
                serde_json::from_str::<Value>(text).is_ok_and(|payload| is_of(&payload))
            }
            payload => is_of(payload),
        }
    }
}

/// As much of a description as is kept.
fn cut(text: &str) -> String {
    text.chars().take(DESCRIPTION_MAX).collect()
}

const fn status_word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}

const fn deployment_word(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Queued => "queued",
        DeploymentState::InProgress => "in_progress",
        DeploymentState::Success => "success",
        DeploymentState::Failure => "failure",
        DeploymentState::Error => "error",
        DeploymentState::Inactive => "inactive",
    }
}

impl GitHub {
    /// Makes a call that names a commit: when it is refused, it may be that the commit is not there.
    async fn about(&self, repo: &RepoName, commit: &CommitSha, call: &Call) -> Result<u64, Error> {
        match self.of_repo(repo, call).await {
            Ok(answer) => {
                let made = answer.want(StatusCode::CREATED);
                let made = made.and_then(|answer| answer.json::<Made>());
                made.map(|made| made.id)
                    .map_err(|fault| fault.at_host(repo))
            }
            Err(Ended::Fault(fault)) => Err(self.refused(repo, commit, fault).await),
            Err(Ended::Error(error)) => Err(error),
        }
    }

    async fn refused(&self, repo: &RepoName, commit: &CommitSha, fault: Fault) -> Error {
        if fault.is(StatusCode::NOT_FOUND) {
            return self.unseen(repo).await;
        }
        // 409: it is empty, or something else is in the way.
        if !fault.is(StatusCode::UNPROCESSABLE_ENTITY) && !fault.is(StatusCode::CONFLICT) {
            return fault.at_host(repo);
        }
        match self.has_commit(repo, commit).await {
            Ok(true) => fault.at_host(repo),
            Ok(false) => Error::UnknownRef {
                repo: repo.clone(),
                name: commit.to_string(),
            },
            Err(error) => error,
        }
    }

    /// Where a tag is now; none when there is no such tag.
    async fn tag(&self, repo: &RepoName, tag: &GitRef) -> Result<Option<String>, Error> {
        let call = Call::get(route(repo, &["git", "ref", "tags", tag.as_str()]));
        let Some(answer) = self.find(repo, &call).await? else {
            return Ok(None);
        };
        let reference: Reference = read(&answer, repo)?;
        Ok(Some(reference.object.sha))
    }
}

#[async_trait]
impl Reports for GitHub {
    async fn set_status(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        status: &CommitStatus,
    ) -> Result<(), Error> {
        let body = json!({
            "state": status_word(status.state),
            "context": status.context,
            "description": cut(&status.description),
            "target_url": status.address,
        });
        let call = Call::post(route(repo, &["statuses", commit.as_str()]), &body);
        self.about(repo, commit, &call).await.map(drop)
    }

    async fn ensure_deployment(
        &self,
        repo: &RepoName,
        deployment: &NewDeployment,
    ) -> Result<DeploymentId, Error> {
        let commit = &deployment.commit;
        let deploy = deployment.deploy.to_string();
        let installation = deployment.installation.to_string();
        let known = route(repo, &["deployments"])
            .query("sha", commit.as_str())
            .query("environment", deployment.environment.as_str());
        let known: Vec<Vec<Known>> = self.list(repo, known).await?;
        let mut known = known.into_iter().flatten();
        if let Some(ours) = known.find(|known| known.is_of(&installation, &deploy)) {
            return Ok(DeploymentId(ours.id));
        }
        let body = json!({
            "ref": commit.as_str(),
            "environment": deployment.environment.as_str(),
            "description": cut(&deployment.description),
            "payload": { OURS: deploy, WHOSE: installation },
            // It is told what happens, not asked to make it happen: nothing is merged, and no check is waited for.
            "auto_merge": false,
            "required_contexts": [],
            "production_environment": match deployment.kind {
                DeploymentKind::Production => true,
                DeploymentKind::Other => false,
            },
        });
        let call = Call::post(route(repo, &["deployments"]), &body);
        self.about(repo, commit, &call).await.map(DeploymentId)
    }

    async fn set_deployment_status(
        &self,
        repo: &RepoName,
        deployment: DeploymentId,
        status: &DeploymentStatus,
    ) -> Result<(), Error> {
        let body = json!({
            "state": deployment_word(status.state),
            "description": cut(&status.description),
            "log_url": status.log_address.as_deref().unwrap_or_default(),
            "environment_url": status.environment_address.as_deref().unwrap_or_default(),
            "auto_inactive": false,
        });
        let id = deployment.0.to_string();
        let call = Call::post(route(repo, &["deployments", &id, "statuses"]), &body);
        let answer = self.ask(repo, &call).await?;
        let answer = answer.want(StatusCode::CREATED);
        answer.map(drop).map_err(|fault| fault.at_host(repo))
    }

    async fn move_tag(
        &self,
        repo: &RepoName,
        tag: &GitRef,
        commit: &CommitSha,
    ) -> Result<Effect, Error> {
        // Twice, for somebody may make or delete it between the look and the call.
        for last in [false, true] {
            let now = self.tag(repo, tag).await?;
            if now.as_deref() == Some(commit.as_str()) {
                return Ok(Effect::WasSo);
            }
            let call = match now {
                Some(_) => Call::patch(
                    route(repo, &["git", "refs", "tags", tag.as_str()]),
                    &json!({ "sha": commit.as_str(), "force": true }),
                ),
                None => Call::post(
                    route(repo, &["git", "refs"]),
                    &json!({ "ref": format!("refs/tags/{tag}"), "sha": commit.as_str() }),
                ),
            };
            let fault = match self.of_repo(repo, &call).await {
                Ok(answer) => {
                    read::<Reference>(&answer, repo)?;
                    return Ok(Effect::Done);
                }
                Err(Ended::Fault(fault)) => fault,
                Err(Ended::Error(error)) => return Err(error),
            };
            match self.refused(repo, commit, fault).await {
                Error::Refused { detail } if detail.contains("rule violations") => {
                    return Err(Error::Forbidden { detail });
                }
                Error::Refused { .. } if !last => {}
                error => return Err(error),
            }
        }
        unreachable!("the second time returns")
    }
}
