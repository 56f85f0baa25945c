//! Apps, Environments, Stacks, and what people want of nodes.

use super::{Change, Error, Listed, Page};
use async_trait::async_trait;
use domain::{
    App, AppId, AppName, Environment, EnvironmentId, EnvironmentName, NodeName, Pushes, RepoName,
    Scale, Stack, StackId, StackName, Timestamp, WorkerSpec, app::Recipe, config::Variables,
    environment::ServiceTemplate, node::Duty,
};
use std::collections::BTreeMap;

/// An App to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApp {
    pub name: AppName,
    pub repo: RepoName,
    pub stack: StackId,
    pub recipe: Recipe,
    pub subscribe_to_github_webhook: bool,
    pub pushes: Pushes,
}

/// What an App begins with in one Environment: its first variables and one Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    pub environment: EnvironmentId,
    pub variables: Variables,
    /// What the variables are, names alone.
    pub summary: String,
    pub worker: WorkerSpec,
    pub scale: Scale,
}

/// Which Apps are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppFilter {
    pub name: Option<AppName>,
    pub repo: Option<RepoName>,
    pub stack: Option<StackId>,
}

/// Apps. Listed in ascending order of id.
#[async_trait]
pub trait Apps: Send + Sync {
    /// Makes an App.
    ///
    /// # Errors
    /// `Exists` for the name or the repository; `ServiceNameTaken` where a Worker of it would collide.
    async fn create_app(&self, new: NewApp, change: &Change) -> Result<App, Error>;

    /// Makes an App with what it begins with, all or none.
    ///
    /// # Errors
    /// As `create_app`; `NotFound` for an Environment.
    async fn create_app_with(
        &self,
        new: NewApp,
        beginnings: Vec<Beginning>,
        change: &Change,
    ) -> Result<App, Error>;

    /// The App of this name, else of this id (`app-3` or `3`).
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_app(&self, name_or_id: &str) -> Result<Option<App>, Error>;

    /// A page of Apps.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_apps(&self, filter: &AppFilter, page: Page) -> Result<Listed<App>, Error>;

    /// Stores the App's fields, when it is still as it was at `read_at` (its `updated_at`). A name does not change
    /// while instances of it may stand.
    ///
    /// # Errors
    /// `Stale`, `NotFound`, `Exists`.
    async fn update_app(
        &self,
        app: &App,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<App, Error>;

    /// Deletes an App with its Workers and Config Sets. Its active Deploys are cancelled and its deployed ones stopped;
    /// its history stays. The control loop then takes its instances away. The name is free again.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_app(&self, id: AppId, change: &Change) -> Result<(), Error>;
}

/// Environments. Listed in ascending order of id.
#[async_trait]
pub trait Environments: Send + Sync {
    /// Makes an Environment. Without a template the first one gets `{app}-{worker}`, later ones
    /// `{app}-{worker}-{environment}`.
    ///
    /// # Errors
    /// `Exists`, `ServiceNameTaken`.
    async fn create_environment(
        &self,
        name: EnvironmentName,
        template: Option<ServiceTemplate>,
        change: &Change,
    ) -> Result<Environment, Error>;

    /// The Environment of this name, else of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_environment(&self, name_or_id: &str) -> Result<Option<Environment>, Error>;

    /// A page of the Environments whose names start with `prefix`: with nothing, of all.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_environments(
        &self,
        prefix: &str,
        page: Page,
    ) -> Result<Listed<Environment>, Error>;

    /// Stores the Environment's name and template, when it is still as it was at `read_at`. Its Workers' service names
    /// change with them. A name does not change while an instance or a run may stand in it, or while a Deploy or a
    /// Reconcile is under way; and with it the lease of the server that looks after the Environment ends, so that nothing
    /// is started under the former name by a plan that was made before.
    ///
    /// # Errors
    /// `Stale`, `NotFound`, `Exists`, `InUse`, `ServiceNameTaken`.
    async fn update_environment(
        &self,
        environment: &Environment,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Environment, Error>;

    /// Deletes an Environment in which nothing is deployed or being deployed, and of whose instances none stands. Its
    /// Reconciles that are in progress fail with it, each with its event; and the lease of the server that looks after it
    /// ends, so that nothing is started by a plan that was made before.
    ///
    /// # Errors
    /// `NotFound`, `InUse`.
    async fn delete_environment(&self, id: EnvironmentId, change: &Change) -> Result<(), Error>;
}

/// Stacks. Listed in ascending order of id.
#[async_trait]
pub trait Stacks: Send + Sync {
    /// Makes a Stack.
    ///
    /// # Errors
    /// `Exists`, `ServiceNameTaken` (of a pool's name).
    async fn create_stack(&self, name: StackName, change: &Change) -> Result<Stack, Error>;

    /// The Stack of this name, else of this id.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_stack(&self, name_or_id: &str) -> Result<Option<Stack>, Error>;

    /// A page of the Stacks whose names start with `prefix`: with nothing, of all.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_stacks(&self, prefix: &str, page: Page) -> Result<Listed<Stack>, Error>;

    /// Deletes a Stack that no App belongs to.
    ///
    /// # Errors
    /// `NotFound`, `InUse`.
    async fn delete_stack(&self, id: StackId, change: &Change) -> Result<(), Error>;
}

/// What people want of nodes. A node that nobody spoke of serves.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// The duties that differ from serving.
    ///
    /// # Errors
    /// None but those of the database.
    async fn duties(&self) -> Result<BTreeMap<NodeName, Duty>, Error>;

    /// Says what a node is to do.
    ///
    /// # Errors
    /// None but those of the database.
    async fn set_duty(&self, node: &NodeName, duty: Duty, change: &Change) -> Result<(), Error>;
}
