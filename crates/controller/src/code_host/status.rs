//! How a Build stands, told at its commit.

use super::{At, OnRecord as _, Step, failed, job, whole};
use crate::jobs::{Outcome, Work};
use async_trait::async_trait;
use domain::{Build, BuildId, BuildState};
use ports::{
    code_host::reports::{CommitStatus, StatusState},
    store::jobs::Job,
};

/// How often a Build that moves on meanwhile is told of in one attempt: it moves once.
const LOOKS: u32 = 3;

pub(super) struct Status(pub(super) At);

#[async_trait]
impl Work for Status {
    fn kind(&self) -> &'static str {
        job::STATUS
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.tell(job).await)
    }
}

impl Status {
    async fn tell(&self, job: &Job) -> Step<()> {
        let At { deps, host } = &self.0;
        let Some(job::NumberJob { number }) = job::read(job) else {
            return Ok(());
        };
        let mut told = None;
        // Two jobs of one Build may run at once: who tells what is over by then looks once more.
        for _ in 0..LOOKS {
            let build = deps
                .store
                .find_build(BuildId::new(number))
                .await
                .on_record()?;
            let Some(build) = build.filter(|build| told != Some(build.state)) else {
                return Ok(());
            };
            let app = deps
                .store
                .find_app(&build.app.to_string())
                .await
                .on_record()?;
            let Some(app) = app else {
                return Ok(());
            };
            let own = deps.settings.address.as_deref();
            let status = status(&build, own);
            let set = host.set_status(&app.repo, &build.commit, &status).await;
            set.map_err(|error| failed(deps, &error))?;
            told = Some(build.state);
        }
        Ok(())
    }
}

fn status(build: &Build, own: Option<&str>) -> CommitStatus {
    let reason = build.reason.clone().unwrap_or_default();
    let (state, description) = match build.state {
        BuildState::InProgress => (StatusState::Pending, format!("{} is being built", build.id)),
        BuildState::Completed => (StatusState::Success, format!("{} is built", build.id)),
        BuildState::Failed => (StatusState::Failure, format!("{}: {reason}", build.id)),
        BuildState::Cancelled => (StatusState::Error, format!("{}: {reason}", build.id)),
    };
    CommitStatus {
        state,
        context: "jockey/build".to_owned(),
        description,
        address: own.map(|own| format!("{own}/v1/builds/{}/logs", build.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, Timestamp, app::Recipe};

    fn build(state: BuildState, reason: Option<&str>) -> Build {
        Build {
            id: BuildId::new(7),
            app: AppId::new(1),
            git_ref: "main".parse().unwrap(),
            commit: "7".repeat(40).parse().unwrap(),
            recipe: Recipe::default(),
            strategy: None,
            wanted: domain::build::Wanted::ByItself,
            state,
            image: None,
            workers: Vec::new(),
            reason: reason.map(str::to_owned),
            created_at: Timestamp::EPOCH,
            completed_at: None,
        }
    }

    #[test]
    fn the_host_is_told_how_a_build_stands() {
        for (at, reason, want, description) in [
            (
                BuildState::InProgress,
                None,
                StatusState::Pending,
                "bld-7 is being built",
            ),
            (
                BuildState::Completed,
                None,
                StatusState::Success,
                "bld-7 is built",
            ),
            (
                BuildState::Failed,
                Some("it broke"),
                StatusState::Failure,
                "bld-7: it broke",
            ),
            // It says nothing of the commit.
            (
                BuildState::Cancelled,
                Some("cancelled by ada"),
                StatusState::Error,
                "bld-7: cancelled by ada",
            ),
        ] {
            let told = status(&build(at, reason), Some("https://jockey.example"));
            assert_eq!(
                (told.state, &*told.description),
                (want, description),
                "{at}"
            );
            assert_eq!(told.context, "jockey/build");
            let address = "https://jockey.example/v1/builds/bld-7/logs";
            assert_eq!(told.address.as_deref(), Some(address));
        }
        let told = status(&build(BuildState::Completed, None), None);
        assert_eq!(told.address, None, "nobody knows where this server is");
    }
}
