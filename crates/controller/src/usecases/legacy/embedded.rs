//! Records that others embed, each looked up once for an answer.

use crate::usecases::{Ctx, Error};
use domain::{App, AppId, Build, BuildId, Environment, EnvironmentId};
use std::collections::BTreeMap;

/// A Build with its App. None: that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildView {
    pub build: Build,
    pub app: Option<App>,
}

/// Records that were looked up.
pub struct Embedded<'a> {
    ctx: &'a Ctx,
    apps: BTreeMap<AppId, Option<App>>,
    environments: BTreeMap<EnvironmentId, Option<Environment>>,
    builds: BTreeMap<BuildId, Option<Build>>,
}

impl<'a> Embedded<'a> {
    /// None is known yet.
    #[must_use]
    pub const fn new(ctx: &'a Ctx) -> Self {
        Self {
            ctx,
            apps: BTreeMap::new(),
            environments: BTreeMap::new(),
            builds: BTreeMap::new(),
        }
    }

    pub(super) async fn app(&mut self, id: AppId) -> Result<Option<App>, Error> {
        if let Some(known) = self.apps.get(&id) {
            return Ok(known.clone());
        }
        let found = self.ctx.store().find_app(&id.to_string()).await?;
        // By its id alone: a name may look like one.
        let found = found.filter(|app| app.id == id);
        self.apps.insert(id, found.clone());
        Ok(found)
    }

    pub(super) async fn environment(
        &mut self,
        id: EnvironmentId,
    ) -> Result<Option<Environment>, Error> {
        if let Some(known) = self.environments.get(&id) {
            return Ok(known.clone());
        }
        let found = self.ctx.store().find_environment(&id.to_string()).await?;
        let found = found.filter(|environment| environment.id == id);
        self.environments.insert(id, found.clone());
        Ok(found)
    }

    pub(super) async fn build(&mut self, id: BuildId) -> Result<Option<BuildView>, Error> {
        let found = match self.builds.get(&id) {
            Some(known) => known.clone(),
            None => {
                let found = self.ctx.store().find_build(id).await?;
                self.builds.insert(id, found.clone());
                found
            }
        };
        match found {
            Some(build) => self.with_app(build).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn with_app(&mut self, build: Build) -> Result<BuildView, Error> {
        let app = self.app(build.app).await?;
        Ok(BuildView { build, app })
    }
}
