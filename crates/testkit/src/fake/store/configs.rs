//! Config Sets and their versions.

use super::{
    Store,
    state::{About, State, falling, missing, page, rising, stale},
};
use async_trait::async_trait;
use domain::{
    ConfigSetId, ConfigVersionId, EnvironmentId, Timestamp,
    config::{ConfigScope, ConfigSet, ConfigVersions, Variables},
};
use ports::store::{Change, Configs, Error, Listed, Page, configs::ConfigVersion};
use std::collections::BTreeMap;

/// The sets that there are, and all versions that there ever were: Releases go on naming those of deleted sets.
#[derive(Debug, Clone, Default)]
pub(super) struct ConfigTable {
    pub(super) newest: BTreeMap<ConfigScope, ConfigSet>,
    versions: BTreeMap<ConfigVersionId, (ConfigVersion, Variables)>,
    /// When the sets of versions were deleted.
    deleted: BTreeMap<ConfigVersionId, Timestamp>,
}

impl ConfigTable {
    pub(super) fn newest_version(&self, scope: ConfigScope) -> Option<ConfigVersionId> {
        self.newest.get(&scope).map(|set| set.version)
    }

    pub(super) fn forget(&mut self, gone: impl Fn(ConfigScope) -> bool, at: Timestamp) {
        for (id, (version, _)) in &self.versions {
            if gone(version.scope) {
                self.deleted.entry(*id).or_insert(at);
            }
        }
        self.newest.retain(|scope, _| !gone(*scope));
    }

    /// The versions that were replaced, or whose set was deleted, before this time.
    pub(super) fn outdated(&self, since: Timestamp) -> impl Iterator<Item = ConfigVersionId> {
        let replaced = move |version: &ConfigVersion| {
            self.versions.values().any(|(newer, _)| {
                newer.scope == version.scope
                    && newer.id > version.id
                    && newer.created_at < since
                    && self.deleted.get(&newer.id) == self.deleted.get(&version.id)
            })
        };
        let deleted = move |id| self.deleted.get(&id).is_some_and(|at| *at < since);
        let old = self
            .versions
            .iter()
            .filter(move |(id, (version, _))| deleted(**id) || replaced(version));
        old.map(|(id, _)| *id)
    }

    pub(super) fn drop_version(&mut self, id: ConfigVersionId) {
        self.versions.remove(&id);
        self.deleted.remove(&id);
    }
}

fn about(set: &ConfigSet) -> About {
    About {
        subject: set.id.to_string(),
        app: match set.scope {
            ConfigScope::App(app, _) => Some(app),
            ConfigScope::Environment(_) | ConfigScope::Stack(..) => None,
        },
        environment: Some(set.scope.environment()),
    }
}

impl State {
    pub(super) fn write_config(
        &mut self,
        scope: ConfigScope,
        base: Option<ConfigVersionId>,
        variables: &Variables,
        change: &Change,
    ) -> Result<ConfigSet, Error> {
        self.environment(scope.environment())?;
        let newest = self.configs.newest.get(&scope);
        if newest.map(|set| set.version) != base {
            return Err(stale("config set", format!("{scope:?}")));
        }
        let (id, number) = match newest.map(|set| (set.id, set.number + 1)) {
            Some(known) => known,
            None => (ConfigSetId::new(self.number("config set")), 1),
        };
        let version = ConfigVersion {
            id: ConfigVersionId::new(self.number("config version")),
            scope,
            number,
            created_at: change.at,
            created_by: change.actor.clone(),
            summary: change.message.clone(),
        };
        let set = ConfigSet {
            id,
            scope,
            version: version.id,
            number,
            variables: variables.clone(),
            updated_at: change.at,
            updated_by: change.actor.clone(),
        };
        self.configs
            .versions
            .insert(version.id, (version, variables.clone()));
        self.configs.newest.insert(scope, set.clone());
        self.tell("config.changed", about(&set), change);
        Ok(set)
    }
}

#[async_trait]
impl Configs for Store {
    async fn find_config(&self, scope: ConfigScope) -> Result<Option<ConfigSet>, Error> {
        Ok(self.read(|state| state.configs.newest.get(&scope).cloned()))
    }

    async fn config_set(&self, id: ConfigSetId) -> Result<Option<ConfigSet>, Error> {
        Ok(self.read(|state| {
            let mut sets = state.configs.newest.values();
            sets.find(|set| set.id == id).cloned()
        }))
    }

    async fn list_configs(
        &self,
        environment: Option<EnvironmentId>,
        wanted: Page,
    ) -> Result<Listed<ConfigSet>, Error> {
        Ok(self.read(|state| {
            let within = |set: &&ConfigSet| {
                environment.is_none_or(|environment| set.scope.environment() == environment)
            };
            let sets = state.configs.newest.values().filter(within);
            let numbered: BTreeMap<i64, ConfigSet> =
                sets.map(|set| (set.id.number(), set.clone())).collect();
            page(
                numbered
                    .into_iter()
                    .filter(|(number, _)| rising(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn write_config(
        &self,
        scope: ConfigScope,
        base: Option<ConfigVersionId>,
        variables: &Variables,
        change: &Change,
    ) -> Result<ConfigSet, Error> {
        self.may_break(&(scope, variables, change));
        self.write(|state| {
            state.admit(change)?;
            state.write_config(scope, base, variables, change)
        })
    }

    async fn list_config_versions(
        &self,
        scope: ConfigScope,
        wanted: Page,
    ) -> Result<Listed<ConfigVersion>, Error> {
        Ok(self.read(|state| {
            let versions = state
                .configs
                .versions
                .values()
                .rev()
                .map(|(version, _)| version);
            let of_set = versions.filter(|version| version.scope == scope);
            let numbered = of_set.map(|version| (version.id.number(), version.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn config_at(&self, versions: ConfigVersions) -> Result<Variables, Error> {
        self.read(|state| {
            let layers = [versions.environment, versions.stack, versions.app];
            let found: Result<Vec<&Variables>, Error> = layers
                .into_iter()
                .flatten()
                .map(|id| match state.configs.versions.get(&id) {
                    Some((_, variables)) => Ok(variables),
                    None => Err(missing("config version", id)),
                })
                .collect();
            Ok(Variables::layered(found?))
        })
    }
}
