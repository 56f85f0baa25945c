//! Who may call what: one table, by the full name of the call. A call that is not in it is denied.

use domain::token::Role;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Not even a token.
    Nothing,
    /// Not even a token, and a good one shows more.
    Perhaps,
    /// A token of this role or a higher one.
    Token(Role),
}

/// Why a call is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    RoleTooLow {
        method: String,
        role: Role,
        needs: Role,
    },
    NotInTable {
        method: String,
    },
}

const OPEN: Needs = Needs::Nothing;
const PERHAPS: Needs = Needs::Perhaps;
const VIEWER: Needs = Needs::Token(Role::Viewer);
const DEPLOYER: Needs = Needs::Token(Role::Deployer);
const ADMIN: Needs = Needs::Token(Role::Admin);

/// Every call there is, and what it needs. In the order of the services' names.
pub const TABLE: &[(&str, Needs)] = &[
    ("grpc.health.v1.Health/Check", OPEN),
    ("grpc.health.v1.Health/Watch", OPEN),
    (
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        VIEWER,
    ),
    (
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        VIEWER,
    ),
    ("jockey.legacy.v1.AppService/CreateApp", ADMIN),
    ("jockey.legacy.v1.AppService/DeleteApp", ADMIN),
    ("jockey.legacy.v1.AppService/GetApp", VIEWER),
    ("jockey.legacy.v1.AppService/GetAvailableNode", VIEWER),
    ("jockey.legacy.v1.AppService/ListApps", VIEWER),
    ("jockey.legacy.v1.AppService/UpdateApp", ADMIN),
    ("jockey.legacy.v1.BuildService/CreateBuild", DEPLOYER),
    ("jockey.legacy.v1.BuildService/GetBuild", VIEWER),
    ("jockey.legacy.v1.BuildService/ListBuilds", VIEWER),
    ("jockey.legacy.v1.BuildService/StreamBuildLog", VIEWER),
    (
        "jockey.legacy.v1.ConfigSetService/CreateConfigSet",
        DEPLOYER,
    ),
    // Values are stars for viewers.
    ("jockey.legacy.v1.ConfigSetService/GetConfigSet", VIEWER),
    ("jockey.legacy.v1.ConfigSetService/ListConfigSets", VIEWER),
    (
        "jockey.legacy.v1.ConfigSetService/UpdateConfigSet",
        DEPLOYER,
    ),
    ("jockey.legacy.v1.DeployService/CreateDeploy", DEPLOYER),
    ("jockey.legacy.v1.DeployService/GetDeploy", VIEWER),
    ("jockey.legacy.v1.DeployService/ListDeploys", VIEWER),
    ("jockey.legacy.v1.DeployService/StreamDeployLog", VIEWER),
    (
        "jockey.legacy.v1.EnvironmentService/CreateEnvironment",
        ADMIN,
    ),
    (
        "jockey.legacy.v1.EnvironmentService/DeleteEnvironment",
        ADMIN,
    ),
    ("jockey.legacy.v1.EnvironmentService/GetEnvironment", VIEWER),
    (
        "jockey.legacy.v1.EnvironmentService/ListEnvironments",
        VIEWER,
    ),
    (
        "jockey.legacy.v1.EnvironmentService/UpdateEnvironment",
        ADMIN,
    ),
    (
        "jockey.legacy.v1.ReconcileService/CreateReconcile",
        DEPLOYER,
    ),
    ("jockey.legacy.v1.ReconcileService/GetReconcile", VIEWER),
    ("jockey.legacy.v1.ReconcileService/ListReconciles", VIEWER),
    ("jockey.legacy.v1.ReconcileService/PreviewReconcile", VIEWER),
    (
        "jockey.legacy.v1.ReconcileService/StreamReconcileLog",
        VIEWER,
    ),
    ("jockey.legacy.v1.SystemService/GetHealth", OPEN),
    // Strangers are told whether, and not what.
    ("jockey.legacy.v1.SystemService/GetSanity", PERHAPS),
    ("jockey.legacy.v1.WorkerService/CreateWorker", DEPLOYER),
    ("jockey.legacy.v1.WorkerService/DeleteWorker", DEPLOYER),
    ("jockey.legacy.v1.WorkerService/GetWorker", VIEWER),
    ("jockey.legacy.v1.WorkerService/ListLiveInstances", VIEWER),
    ("jockey.legacy.v1.WorkerService/ListWorkers", VIEWER),
    ("jockey.legacy.v1.WorkerService/RescaleWorker", DEPLOYER),
    ("jockey.legacy.v1.WorkerService/RestartWorker", DEPLOYER),
    ("jockey.legacy.v1.WorkerService/RestartWorkers", DEPLOYER),
    ("jockey.legacy.v1.WorkerService/UpdateWorker", DEPLOYER),
    ("jockey.v1.AppService/CreateApp", ADMIN),
    ("jockey.v1.AppService/DeleteApp", ADMIN),
    ("jockey.v1.AppService/GetApp", VIEWER),
    ("jockey.v1.AppService/ListApps", VIEWER),
    ("jockey.v1.AppService/UpdateApp", ADMIN),
    ("jockey.v1.BuildService/CancelBuild", DEPLOYER),
    ("jockey.v1.BuildService/CreateBuild", DEPLOYER),
    ("jockey.v1.BuildService/GetBuild", VIEWER),
    ("jockey.v1.BuildService/ListBuilds", VIEWER),
    ("jockey.v1.BuildService/StreamBuildLogs", VIEWER),
    ("jockey.v1.ConfigSetService/DeleteConfigSet", DEPLOYER),
    // Values are stars for viewers.
    ("jockey.v1.ConfigSetService/GetConfigSet", VIEWER),
    ("jockey.v1.ConfigSetService/ListConfigSetVersions", VIEWER),
    ("jockey.v1.ConfigSetService/ListConfigSets", VIEWER),
    ("jockey.v1.ConfigSetService/UpdateConfigSet", DEPLOYER),
    ("jockey.v1.DeployService/CancelDeploy", DEPLOYER),
    ("jockey.v1.DeployService/CreateDeploy", DEPLOYER),
    ("jockey.v1.DeployService/GetDeploy", VIEWER),
    ("jockey.v1.DeployService/ListDeploys", VIEWER),
    ("jockey.v1.DeployService/RollbackDeploy", DEPLOYER),
    ("jockey.v1.DeployService/WatchDeploy", VIEWER),
    ("jockey.v1.EnvironmentService/CreateEnvironment", ADMIN),
    ("jockey.v1.EnvironmentService/DeleteEnvironment", ADMIN),
    ("jockey.v1.EnvironmentService/GetEnvironment", VIEWER),
    ("jockey.v1.EnvironmentService/ListEnvironments", VIEWER),
    ("jockey.v1.EnvironmentService/UpdateEnvironment", ADMIN),
    ("jockey.v1.EventService/ListEvents", VIEWER),
    ("jockey.v1.EventService/WatchEvents", VIEWER),
    ("jockey.v1.InstanceService/GetInstance", VIEWER),
    ("jockey.v1.InstanceService/ListInstances", VIEWER),
    ("jockey.v1.InstanceService/StreamInstanceLogs", VIEWER),
    ("jockey.v1.NodeService/CordonNode", ADMIN),
    ("jockey.v1.NodeService/DrainNode", ADMIN),
    ("jockey.v1.NodeService/GetNode", VIEWER),
    ("jockey.v1.NodeService/ListNodes", VIEWER),
    ("jockey.v1.NodeService/UncordonNode", ADMIN),
    ("jockey.v1.ReconcileService/CreateReconcile", DEPLOYER),
    ("jockey.v1.ReconcileService/GetReconcile", VIEWER),
    ("jockey.v1.ReconcileService/ListReconciles", VIEWER),
    ("jockey.v1.ReconcileService/PreviewReconcile", VIEWER),
    ("jockey.v1.ReleaseService/GetRelease", VIEWER),
    ("jockey.v1.ReleaseService/ListReleases", VIEWER),
    ("jockey.v1.StackService/CreateStack", ADMIN),
    ("jockey.v1.StackService/DeleteStack", ADMIN),
    ("jockey.v1.StackService/GetStack", VIEWER),
    ("jockey.v1.StackService/ListStacks", VIEWER),
    ("jockey.v1.StackService/UpdateStack", ADMIN),
    ("jockey.v1.SystemService/Adopt", ADMIN),
    ("jockey.v1.SystemService/CollectGarbage", ADMIN),
    ("jockey.v1.SystemService/GetDiskUsage", VIEWER),
    ("jockey.v1.SystemService/GetSettings", VIEWER),
    ("jockey.v1.SystemService/GetStatus", VIEWER),
    ("jockey.v1.SystemService/Sweep", ADMIN),
    ("jockey.v1.SystemService/WhoAmI", VIEWER),
    ("jockey.v1.TokenService/CreateToken", ADMIN),
    ("jockey.v1.TokenService/DeleteToken", ADMIN),
    ("jockey.v1.TokenService/ListTokens", ADMIN),
    ("jockey.v1.WorkerService/CreateWorker", DEPLOYER),
    ("jockey.v1.WorkerService/DeleteWorker", DEPLOYER),
    ("jockey.v1.WorkerService/GetWorker", VIEWER),
    ("jockey.v1.WorkerService/ListWorkers", VIEWER),
    ("jockey.v1.WorkerService/RescaleWorkers", DEPLOYER),
    ("jockey.v1.WorkerService/RestartWorkers", DEPLOYER),
    ("jockey.v1.WorkerService/UpdateWorker", DEPLOYER),
];

/// What a call needs, by its full name: `jockey.v1.AppService/GetApp`.
///
/// # Errors
/// `NotInTable`.
pub fn needs(method: &str) -> Result<Needs, Denied> {
    TABLE
        .iter()
        .find(|(known, _)| *known == method)
        .map(|(_, needs)| *needs)
        .ok_or_else(|| Denied::NotInTable {
            method: method.to_owned(),
        })
}

impl Needs {
    /// Whether a role suffices.
    ///
    /// # Errors
    /// `RoleTooLow`.
    pub fn allow(self, role: Role, method: &str) -> Result<(), Denied> {
        match self {
            Self::Token(needs) if role < needs => Err(Denied::RoleTooLow {
                method: method.to_owned(),
                role,
                needs,
            }),
            Self::Token(_) | Self::Perhaps | Self::Nothing => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
