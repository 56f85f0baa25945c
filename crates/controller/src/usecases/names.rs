//! Names for ids, each looked up once for an answer.

use super::{Ctx, Error};
use domain::{AppId, EnvironmentId, StackId};
use ports::Store;
use std::collections::BTreeMap;

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

    /// # Errors
    /// Those of the database.
    pub async fn app(&mut self, id: AppId) -> Result<String, Error> {
        if let Some(name) = self.apps.get(&id) {
            return Ok(name.clone());
        }
        let found = self.store.find_app(&id.to_string()).await?;
        let name = found.map_or_else(|| id.to_string(), |app| app.name.to_string());
        self.apps.insert(id, name.clone());
        Ok(name)
    }

    /// # Errors
    /// Those of the database.
    pub async fn environment(&mut self, id: EnvironmentId) -> Result<String, Error> {
        if let Some(name) = self.environments.get(&id) {
            return Ok(name.clone());
        }
        let found = self.store.find_environment(&id.to_string()).await?;
        let name = found.map_or_else(|| id.to_string(), |found| found.name.to_string());
        self.environments.insert(id, name.clone());
        Ok(name)
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
        let found = self.store.find_stack(&id.to_string()).await?;
        let name = found.map_or_else(|| id.to_string(), |found| found.name.to_string());
        self.stacks.insert(id, name.clone());
        Ok(name)
    }
}
