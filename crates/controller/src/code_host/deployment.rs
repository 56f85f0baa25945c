//! How a Deploy stands, told as a deployment of the host's.

use super::{At, OnRecord as _, Step, failed, job, whole};
use crate::jobs::{Outcome, Work};
use async_trait::async_trait;
use domain::{
    App, CommitSha, Deploy, DeployId, DeployState, Environment, Timestamp,
    environment_url::EnvironmentUrl,
};
use ports::{
    Store,
    code_host::reports::{DeploymentKind, DeploymentState, DeploymentStatus, NewDeployment},
    store::{self, jobs::Job},
};

/// How often a Deploy that moves on meanwhile is told of in one attempt.
const LOOKS: u32 = 4;
/// The Environment where end users are.
const PRODUCTION: &str = "production";

pub(super) struct Deployment(pub(super) At);

#[async_trait]
impl Work for Deployment {
    fn kind(&self) -> &'static str {
        job::DEPLOYMENT
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.tell(job).await)
    }
}

impl Deployment {
    async fn tell(&self, job: &Job) -> Step<()> {
        let store = &self.0.deps.store;
        let Some(job::NumberJob { number }) = job::read(job) else {
            return Ok(());
        };
        let mut told = None;
        // Two jobs of one Deploy may run at once: who tells what is over by then looks once more.
        for _ in 0..LOOKS {
            let deploy = store.find_deploy(DeployId::new(number)).await.on_record()?;
            let Some(deploy) = deploy.filter(|deploy| told != Some(deploy.state)) else {
                return Ok(());
            };
            let (Some(state), Some(commit)) = (
                state(deploy.state, deploy.started_at),
                commit(&**store, &deploy).await.on_record()?,
            ) else {
                return Ok(());
            };
            let app = store.find_app(&deploy.app.to_string()).await.on_record()?;
            let environment = deploy.environment.to_string();
            let environment = store.find_environment(&environment).await.on_record()?;
            let (Some(app), Some(environment)) = (app, environment) else {
                return Ok(());
            };
            self.set(&app, &environment, &deploy, commit, state).await?;
            told = Some(deploy.state);
        }
        Ok(())
    }

    async fn set(
        &self,
        app: &App,
        environment: &Environment,
        deploy: &Deploy,
        commit: CommitSha,
        state: DeploymentState,
    ) -> Step<()> {
        let At { deps, host } = &self.0;
        let new = NewDeployment {
            installation: deps.store.installation(),
            deploy: deploy.id,
            commit,
            environment: environment.name.clone(),
            description: format!("{} by {}", deploy.id, deploy.created_by),
            kind: match environment.name.as_str() {
                PRODUCTION => DeploymentKind::Production,
                _ => DeploymentKind::Other,
            },
        };
        let made = host.ensure_deployment(&app.repo, &new).await;
        let made = made.map_err(|error| failed(deps, &error))?;
        let own = deps.settings.address.as_ref();
        let status = DeploymentStatus {
            state,
            description: description(deploy),
            log_address: own.map(|own| format!("{own}/v1/deploys/{}", deploy.id)),
            environment_address: EnvironmentUrl::choose(
                &deps.settings.environment_urls,
                &app.name,
                &environment.name,
            ),
        };
        let set = host.set_deployment_status(&app.repo, made, &status).await;
        set.map_err(|error| failed(deps, &error))
    }
}

/// What the host is told. None: nothing has happened that it would show.
fn state(at: DeployState, started_at: Option<Timestamp>) -> Option<DeploymentState> {
    match at {
        DeployState::Created | DeployState::Building => None,
        DeployState::Deploying => Some(DeploymentState::InProgress),
        DeployState::Deployed => Some(DeploymentState::Success),
        DeployState::Stopped => Some(DeploymentState::Inactive),
        DeployState::Failed => Some(DeploymentState::Failure),
        // One that had not begun is nothing to look at.
        DeployState::Cancelled => started_at.map(|_| DeploymentState::Inactive),
    }
}

fn description(deploy: &Deploy) -> String {
    match &deploy.failure {
        Some(failure) => format!("{}: {}", deploy.id, failure.reason),
        None => format!("{} is {}", deploy.id, deploy.state),
    }
}

/// The commit of a Deploy, as far as that is known.
pub(super) async fn commit(
    store: &dyn Store,
    deploy: &Deploy,
) -> Result<Option<CommitSha>, store::Error> {
    if let Some(release) = deploy.release
        && let Some(release) = store.find_release(release).await?
    {
        return Ok(Some(release.commit));
    }
    if let Some(build) = deploy.build
        && let Some(build) = store.find_build(build).await?
    {
        return Ok(Some(build.commit));
    }
    Ok(deploy.git_ref.as_ref().and_then(domain::GitRef::as_commit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_told_what_it_would_show() {
        for (at, begun, want) in [
            (DeployState::Created, false, None),
            (DeployState::Building, false, None),
            (
                DeployState::Deploying,
                true,
                Some(DeploymentState::InProgress),
            ),
            (DeployState::Deployed, true, Some(DeploymentState::Success)),
            (DeployState::Stopped, true, Some(DeploymentState::Inactive)),
            (DeployState::Failed, false, Some(DeploymentState::Failure)),
            (DeployState::Cancelled, false, None),
            (
                DeployState::Cancelled,
                true,
                Some(DeploymentState::Inactive),
            ),
        ] {
            let started_at = begun.then_some(Timestamp::EPOCH);
            assert_eq!(state(at, started_at), want, "{at} {begun}");
        }
    }
}
