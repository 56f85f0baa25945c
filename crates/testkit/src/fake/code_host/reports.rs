use super::{CodeHost, Told};
use crate::fake::lock;
use async_trait::async_trait;
use domain::{CheckState, CommitSha, GitRef, RepoName};
use ports::{
    Effect,
    code_host::{
        Error, Reports,
        contract::Witness,
        reports::{
            CommitStatus, DESCRIPTION_MAX, DeploymentId, DeploymentState, DeploymentStatus,
            NewDeployment, StatusState,
        },
    },
};

fn cut(text: &str) -> String {
    text.chars().take(DESCRIPTION_MAX).collect()
}

#[async_trait]
impl Reports for CodeHost {
    async fn set_status(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        status: &CommitStatus,
    ) -> Result<(), Error> {
        let (mut state, name) = self.reach(repo)?;
        let found = state.repos.entry(name).or_default();
        found.wants(repo, commit)?;
        let check = match status.state {
            StatusState::Pending => CheckState::Pending,
            StatusState::Success => CheckState::Passed,
            StatusState::Failure | StatusState::Error => CheckState::Failed,
        };
        let reported = found.reported.entry(commit.clone()).or_default();
        reported.insert(status.context.clone(), check);
        let mut kept = status.clone();
        kept.description = cut(&status.description);
        let key = (commit.clone(), status.context.clone());
        found.statuses.insert(key, kept);
        Ok(())
    }

    async fn ensure_deployment(
        &self,
        repo: &RepoName,
        deployment: &NewDeployment,
    ) -> Result<DeploymentId, Error> {
        let (mut state, name) = self.reach(repo)?;
        state.count += 1;
        let id = state.count;
        let found = state.repos.entry(name).or_default();
        found.wants(repo, &deployment.commit)?;
        let mut told = found.deployments.iter();
        let whose = |it: &NewDeployment| (it.installation, it.deploy);
        let known = told.find(|told| whose(&told.deployment) == whose(deployment));
        if let Some(known) = known {
            return Ok(DeploymentId(known.id));
        }
        found.deployments.push(Told {
            id,
            deployment: deployment.clone(),
            states: Vec::new(),
        });
        Ok(DeploymentId(id))
    }

    async fn set_deployment_status(
        &self,
        repo: &RepoName,
        deployment: DeploymentId,
        status: &DeploymentStatus,
    ) -> Result<(), Error> {
        let (mut state, name) = self.reach(repo)?;
        let mut told = state.repos.entry(name).or_default().deployments.iter_mut();
        let Some(told) = told.find(|told| told.id == deployment.0) else {
            return Err(Error::UnknownRepo { repo: repo.clone() });
        };
        told.states.push(match status.state {
            DeploymentState::Queued => "queued",
            DeploymentState::InProgress => "in_progress",
            DeploymentState::Success => "success",
            DeploymentState::Failure => "failure",
            DeploymentState::Error => "error",
            DeploymentState::Inactive => "inactive",
        });
        Ok(())
    }

    async fn move_tag(
        &self,
        repo: &RepoName,
        tag: &GitRef,
        commit: &CommitSha,
    ) -> Result<Effect, Error> {
        let (mut state, name) = self.reach(repo)?;
        let found = state.repos.entry(name).or_default();
        found.wants(repo, commit)?;
        let before = found.tags.insert(tag.to_string(), commit.clone());
        Ok(if before.as_ref() == Some(commit) {
            Effect::WasSo
        } else {
            Effect::Done
        })
    }
}

impl Witness for CodeHost {
    fn statuses(&self, repo: &RepoName, commit: &CommitSha) -> Vec<(String, String, usize)> {
        let state = lock(&self.state);
        let statuses = state.repos.get(repo).into_iter().flat_map(|r| &r.statuses);
        let here = statuses.filter(|((sha, _), _)| sha == commit);
        here.map(|((_, context), status)| {
            let word = match status.state {
                StatusState::Pending => "pending",
                StatusState::Success => "success",
                StatusState::Failure => "failure",
                StatusState::Error => "error",
            };
            let length = status.description.chars().count();
            (context.clone(), word.to_owned(), length)
        })
        .collect()
    }

    fn deployments(&self, repo: &RepoName) -> Vec<(CommitSha, String, Vec<String>)> {
        let state = lock(&self.state);
        let told = state.repos.get(repo).into_iter();
        told.flat_map(|repo| &repo.deployments)
            .map(|told| {
                let states = told.states.iter().map(|&word| word.to_owned()).collect();
                let environment = told.deployment.environment.to_string();
                (told.deployment.commit.clone(), environment, states)
            })
            .collect()
    }

    fn tag(&self, repo: &RepoName, tag: &GitRef) -> Option<CommitSha> {
        let state = lock(&self.state);
        state.repos.get(repo)?.tags.get(tag.as_str()).cloned()
    }

    fn hook_secrets(&self, repo: &RepoName, address: &str) -> Vec<String> {
        let state = lock(&self.state);
        let repo = state.repos.get(repo);
        let hook = repo.and_then(|repo| repo.hooks.get(address));
        hook.map(|(_, secret)| secret.clone()).into_iter().collect()
    }
}
