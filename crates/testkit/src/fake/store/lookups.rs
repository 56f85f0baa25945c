//! What ids stand for, several at once.

use super::Store;
use async_trait::async_trait;
use domain::{
    AppId, AppName, BuildId, Deploy, EnvironmentId, EnvironmentName, ReleaseId, StackId, StackName,
};
use ports::store::{Error, Lookups, lookups::Commits};
use std::collections::BTreeMap;

#[async_trait]
impl Lookups for Store {
    async fn app_names(&self, apps: &[AppId]) -> Result<BTreeMap<AppId, AppName>, Error> {
        Ok(self.read(|state| {
            let known = apps.iter().filter_map(|id| state.apps.get(id));
            known.map(|app| (app.id, app.name.clone())).collect()
        }))
    }

    async fn environment_names(
        &self,
        environments: &[EnvironmentId],
    ) -> Result<BTreeMap<EnvironmentId, EnvironmentName>, Error> {
        Ok(self.read(|state| {
            let known = environments
                .iter()
                .filter_map(|id| state.environments.get(id));
            known.map(|it| (it.id, it.name.clone())).collect()
        }))
    }

    async fn stack_names(&self, stacks: &[StackId]) -> Result<BTreeMap<StackId, StackName>, Error> {
        Ok(self.read(|state| {
            let known = stacks.iter().filter_map(|id| state.stacks.get(id));
            known.map(|it| (it.id, it.name.clone())).collect()
        }))
    }

    async fn commits(&self, releases: &[ReleaseId], builds: &[BuildId]) -> Result<Commits, Error> {
        Ok(self.read(|state| {
            let releases = releases.iter().filter_map(|id| state.releases.get(id));
            let builds = builds.iter().filter_map(|id| state.builds.get(id));
            Commits {
                releases: releases
                    .map(|row| (row.release.id, row.release.commit.clone()))
                    .collect(),
                builds: builds
                    .map(|row| (row.build.id, row.build.commit.clone()))
                    .collect(),
            }
        }))
    }

    async fn active_among(
        &self,
        apps: &[AppId],
        environments: &[EnvironmentId],
    ) -> Result<Vec<Deploy>, Error> {
        Ok(self.read(|state| {
            let active = state.deploys.values().filter(|it| it.state.is_active());
            let among = active.filter(|deploy| {
                apps.contains(&deploy.app) && environments.contains(&deploy.environment)
            });
            among.cloned().collect()
        }))
    }
}
