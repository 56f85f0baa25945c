//! Config Sets and their versions. Values are encrypted at rest; nothing but `Variables` carries them.

use super::{Change, Error, Listed, Page};
use async_trait::async_trait;
use domain::{
    ConfigSetId, ConfigVersionId, EnvironmentId, Timestamp,
    config::{ConfigScope, ConfigSet, ConfigVersions, Variables},
};

/// A version of a Config Set, without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigVersion {
    pub id: ConfigVersionId,
    pub scope: ConfigScope,
    /// Counts the versions of the set, from 1.
    pub number: u32,
    pub created_at: Timestamp,
    pub created_by: String,
    /// What changed, names alone: `set GREETING, unset OLD`.
    pub summary: String,
}

/// Config Sets. There is one for each scope once something was set in it.
#[async_trait]
pub trait Configs: Send + Sync {
    /// The newest version of a set; none when nothing was ever set.
    ///
    /// # Errors
    /// `Corrupt` when it does not decrypt.
    async fn find_config(&self, scope: ConfigScope) -> Result<Option<ConfigSet>, Error>;

    /// The newest version of the set of this id.
    ///
    /// # Errors
    /// `Corrupt` when it does not decrypt.
    async fn config_set(&self, id: ConfigSetId) -> Result<Option<ConfigSet>, Error>;

    /// The newest versions of all sets of an Environment, or of all.
    ///
    /// # Errors
    /// `Corrupt` when one does not decrypt.
    async fn list_configs(
        &self,
        environment: Option<EnvironmentId>,
        page: Page,
    ) -> Result<Listed<ConfigSet>, Error>;

    /// Writes a new version, when the newest is still `base` (none: there is none yet).
    ///
    /// # Errors
    /// `Stale`, `BadVariable`.
    async fn write_config(
        &self,
        scope: ConfigScope,
        base: Option<ConfigVersionId>,
        variables: &Variables,
        change: &Change,
    ) -> Result<ConfigSet, Error>;

    /// The versions of a set, newest first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_config_versions(
        &self,
        scope: ConfigScope,
        page: Page,
    ) -> Result<Listed<ConfigVersion>, Error>;

    /// The variables of these versions, laid over each other.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`.
    async fn config_at(&self, versions: ConfigVersions) -> Result<Variables, Error>;
}
