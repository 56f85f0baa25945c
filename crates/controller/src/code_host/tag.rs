//! The tag of an Environment: it names the commit that is deployed there.

use super::{At, OnRecord as _, Step, deployment, failed, job, whole};
use crate::jobs::{Outcome, Work};
use async_trait::async_trait;
use domain::{Deploy, DeployId, DeployState, GitRef};
use ports::store::{Page, deploys::DeployFilter, jobs::Job};

/// How often a tag is moved in one attempt, when another Deploy is deployed meanwhile.
const LOOKS: u32 = 3;
const NEWEST: Page = Page {
    size: 1,
    after: None,
};

pub(super) struct Tag(pub(super) At);

#[async_trait]
impl Work for Tag {
    fn kind(&self) -> &'static str {
        job::TAG
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.move_to_deployed(job).await)
    }
}

impl Tag {
    async fn move_to_deployed(&self, job: &Job) -> Step<()> {
        let At { deps, host } = &self.0;
        let store = &deps.store;
        let Some(job::NumberJob { number }) = job::read(job) else {
            return Ok(());
        };
        let asked = store.find_deploy(DeployId::new(number)).await.on_record()?;
        let Some(asked) = asked else {
            return Ok(());
        };
        let app = store.find_app(&asked.app.to_string()).await.on_record()?;
        let environment = store.find_environment(&asked.environment.to_string()).await;
        let (Some(app), Some(environment)) = (app, environment.on_record()?) else {
            return Ok(());
        };
        let Some(tag) = job::parse::<GitRef>(environment.name.as_str()) else {
            return Ok(());
        };
        let mut moved = None;
        for _ in 0..LOOKS {
            let Some(deployed) = self.deployed(&asked).await? else {
                return Ok(());
            };
            if moved == Some(deployed.id) {
                return Ok(());
            }
            let commit = deployment::commit(&**store, &deployed).await.on_record()?;
            let Some(commit) = commit else {
                return Ok(());
            };
            let set = host.move_tag(&app.repo, &tag, &commit).await;
            set.map_err(|error| failed(deps, &error))?;
            moved = Some(deployed.id);
        }
        Ok(())
    }

    /// What is deployed there now.
    async fn deployed(&self, of: &Deploy) -> Step<Option<Deploy>> {
        let filter = DeployFilter {
            app: Some(of.app),
            environment: Some(of.environment),
            state: Some(DeployState::Deployed),
        };
        let found = self.0.deps.store.list_deploys(&filter, NEWEST).await;
        Ok(found.on_record()?.items.into_iter().next())
    }
}
