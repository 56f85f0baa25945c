//! Names for ids, each looked up once for an answer.

use super::{Ctx, Error};
use domain::{AppId, EnvironmentId, StackId};
use ports::Store;
use std::collections::{BTreeMap, BTreeSet};

/// Names that were looked up. What has been deleted is called by its id.
pub struct Names<'a> {
    store: &'a dyn Store,
    apps: BTreeMap<AppId, String>,
    environments: BTreeMap<EnvironmentId, String>,
    stacks: BTreeMap<StackId, String>,
}

impl<'a> Names<'a> {
    /// No name is known yet.
    #[must_use]
    pub fn new(ctx: &'a Ctx) -> Self {
        Self::of(ctx.store())
    }

    /// The same, for what is no answer to anybody.
    pub(crate) const fn of(store: &'a dyn Store) -> Self {
        Self {
            store,
            apps: BTreeMap::new(),
            environments: BTreeMap::new(),
            stacks: BTreeMap::new(),
        }
    }

    /// Looks all of these up that are not known yet, at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn know(
        &mut self,
        apps: impl IntoIterator<Item = AppId>,
        environments: impl IntoIterator<Item = EnvironmentId>,
    ) -> Result<(), Error> {
        let apps: BTreeSet<AppId> = apps.into_iter().collect();
        let unknown: Vec<AppId> = apps
            .into_iter()
            .filter(|id| !self.apps.contains_key(id))
            .collect();
        if !unknown.is_empty() {
            let mut found = self.store.app_names(&unknown).await?;
            self.apps.extend(unknown.into_iter().map(|id| {
                let name = found.remove(&id);
                (
                    id,
                    name.map_or_else(|| id.to_string(), |name| name.to_string()),
                )
            }));
        }
        let environments: BTreeSet<EnvironmentId> = environments.into_iter().collect();
        let unknown: Vec<EnvironmentId> = environments
            .into_iter()
            .filter(|id| !self.environments.contains_key(id))
            .collect();
        if !unknown.is_empty() {
            let mut found = self.store.environment_names(&unknown).await?;
            self.environments.extend(unknown.into_iter().map(|id| {
                let name = found.remove(&id);
                (
                    id,
                    name.map_or_else(|| id.to_string(), |name| name.to_string()),
                )
            }));
        }
        Ok(())
    }

    /// # Errors
    /// Those of the database.
    pub async fn app(&mut self, id: AppId) -> Result<String, Error> {
        if let Some(name) = self.apps.get(&id) {
            return Ok(name.clone());
        }
        self.know([id], []).await?;
        let name = self.apps.get(&id);
        Ok(name.cloned().unwrap_or_else(|| id.to_string()))
    }

    /// # Errors
    /// Those of the database.
    pub async fn environment(&mut self, id: EnvironmentId) -> Result<String, Error> {
        if let Some(name) = self.environments.get(&id) {
            return Ok(name.clone());
        }
        self.know([], [id]).await?;
        let name = self.environments.get(&id);
        Ok(name.cloned().unwrap_or_else(|| id.to_string()))
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.apps.len() + self.environments.len() + self.stacks.len()
    }

    /// Looks an App up again the next time: it was changed.
    pub(crate) fn forget_app(&mut self, id: AppId) {
        self.apps.remove(&id);
    }

    /// Looks an Environment up again the next time: it was changed.
    pub(crate) fn forget_environment(&mut self, id: EnvironmentId) {
        self.environments.remove(&id);
    }

    /// # Errors
    /// Those of the database.
    pub async fn stack(&mut self, id: StackId) -> Result<String, Error> {
        if let Some(name) = self.stacks.get(&id) {
            return Ok(name.clone());
        }
        let found = self.store.stack_names(&[id]).await?.remove(&id);
        let name = found.map_or_else(|| id.to_string(), |found| found.to_string());
        self.stacks.insert(id, name.clone());
        Ok(name)
    }
}
