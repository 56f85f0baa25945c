//! Which method and path stand for which RPC, and the status of what it answers.

use super::PACKAGE;
use crate::{
    call::Rpc,
    raw::{self, BadRaw, Raw},
    table::{Route, Table},
    template::Template,
};
use http::StatusCode;
use prost_reflect::{DescriptorPool, DynamicMessage};

/// A route: method, path, RPC, status.
type Row = (&'static str, &'static str, &'static str, Answered);

/// What a route leads to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) rpc: Rpc,
    pub(super) status: Answered,
    /// The body goes there as it came, and is no parameters.
    pub(super) raw: Option<Raw>,
}

/// The status of an answer that is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Always this one.
    As(StatusCode),
    /// 200, and 500 where this field is false.
    If(&'static str),
}

const OK: Answered = Answered::As(StatusCode::OK);
/// It goes on when the answer is there.
const ACCEPTED: Answered = Answered::As(StatusCode::ACCEPTED);

/// Every route. `PATCH` is `PUT`; a slash or `.json` at the end of a path changes nothing, and one slash too many neither.
const ROUTES: &[Row] = &[
    ("GET", "/apps", "AppService.ListApps", OK),
    ("POST", "/apps", "AppService.CreateApp", OK),
    (
        "GET",
        "/apps/available_node",
        "AppService.GetAvailableNode",
        OK,
    ),
    ("GET", "/apps/{id}", "AppService.GetApp", OK),
    ("PUT", "/apps/{id}", "AppService.UpdateApp", OK),
    ("DELETE", "/apps/{id}", "AppService.DeleteApp", OK),
    (
        "GET",
        "/environments",
        "EnvironmentService.ListEnvironments",
        OK,
    ),
    (
        "POST",
        "/environments",
        "EnvironmentService.CreateEnvironment",
        OK,
    ),
    (
        "GET",
        "/environments/{id}",
        "EnvironmentService.GetEnvironment",
        OK,
    ),
    (
        "PUT",
        "/environments/{id}",
        "EnvironmentService.UpdateEnvironment",
        OK,
    ),
    (
        "DELETE",
        "/environments/{id}",
        "EnvironmentService.DeleteEnvironment",
        OK,
    ),
    ("GET", "/config_sets", "ConfigSetService.ListConfigSets", OK),
    (
        "POST",
        "/config_sets",
        "ConfigSetService.CreateConfigSet",
        OK,
    ),
    (
        "GET",
        "/config_sets/{id}",
        "ConfigSetService.GetConfigSet",
        OK,
    ),
    (
        "PUT",
        "/config_sets/{id}",
        "ConfigSetService.UpdateConfigSet",
        OK,
    ),
    ("GET", "/workers", "WorkerService.ListWorkers", OK),
    ("POST", "/workers", "WorkerService.CreateWorker", OK),
    ("PUT", "/workers/rescale", "WorkerService.RescaleWorker", OK),
    (
        "PUT",
        "/workers/restart",
        "WorkerService.RestartWorkers",
        OK,
    ),
    ("GET", "/workers/{id}", "WorkerService.GetWorker", OK),
    ("PUT", "/workers/{id}", "WorkerService.UpdateWorker", OK),
    ("DELETE", "/workers/{id}", "WorkerService.DeleteWorker", OK),
    (
        "GET",
        "/workers/{id}/deploys",
        "WorkerService.ListLiveInstances",
        OK,
    ),
    (
        "PUT",
        "/workers/{id}/restart",
        "WorkerService.RestartWorker",
        OK,
    ),
    ("GET", "/builds", "BuildService.ListBuilds", OK),
    ("POST", "/builds", "BuildService.CreateBuild", OK),
    ("GET", "/builds/{id}", "BuildService.GetBuild", OK),
    (
        "GET",
        "/builds/{id}/logs",
        "BuildService.StreamBuildLog",
        OK,
    ),
    ("GET", "/deploys", "DeployService.ListDeploys", OK),
    ("POST", "/deploys", "DeployService.CreateDeploy", ACCEPTED),
    ("GET", "/deploys/{id}", "DeployService.GetDeploy", OK),
    (
        "GET",
        "/deploys/{id}/logs",
        "DeployService.StreamDeployLog",
        OK,
    ),
    ("GET", "/reconciles", "ReconcileService.ListReconciles", OK),
    (
        "POST",
        "/reconciles",
        "ReconcileService.CreateReconcile",
        ACCEPTED,
    ),
    (
        "POST",
        "/reconciles/preview",
        "ReconcileService.PreviewReconcile",
        OK,
    ),
    (
        "GET",
        "/reconciles/{id}",
        "ReconcileService.GetReconcile",
        OK,
    ),
    (
        "GET",
        "/reconciles/{id}/logs",
        "ReconcileService.StreamReconcileLog",
        OK,
    ),
    (
        "GET",
        "/sanity",
        "SystemService.GetSanity",
        Answered::If("well"),
    ),
    (
        "POST",
        "/github_webhooks/{id}",
        "GitHubService.ReceiveDelivery",
        OK,
    ),
    ("GET", "/health", "SystemService.GetHealth", OK),
];

/// A route that cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRoute {
    #[error("{path}: there is no RPC {rpc}")]
    NoRpc {
        path: &'static str,
        rpc: &'static str,
    },
    #[error(transparent)]
    Raw(#[from] BadRaw),
}

/// The routes, with the RPCs that these descriptors have.
pub(super) fn table(pool: &DescriptorPool) -> Result<Table<Target>, BadRoute> {
    let as_it_is = raw::option(pool);
    let routes = ROUTES.iter().map(|&(verb, path, rpc, status)| {
        let found = find(pool, rpc).ok_or(BadRoute::NoRpc { path, rpc })?;
        let raw = Raw::of(as_it_is.as_ref(), &found)?;
        Ok(Route {
            verb: verb.parse().expect("a constant that is a method"),
            template: Template::parse(path).expect("a constant that is a template"),
            target: Target {
                rpc: Rpc::of(found),
                status,
                raw,
            },
        })
    });
    routes.collect::<Result<_, _>>().map(Table::new)
}

fn find(pool: &DescriptorPool, rpc: &str) -> Option<prost_reflect::MethodDescriptor> {
    let (service, method) = rpc.split_once('.')?;
    let service = pool.get_service_by_name(&format!("{PACKAGE}.{service}"))?;
    service.methods().find(|found| found.name() == method)
}

/// A path without what means nothing at its end, and with one slash where there are several: an address that ends in one
/// is put before paths.
pub(super) fn plain(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut plain = String::with_capacity(path.len());
    for segment in segments {
        plain.push('/');
        plain.push_str(segment);
    }
    match plain.strip_suffix(".json") {
        Some(named) => named.to_owned(),
        None if plain.is_empty() => "/".to_owned(),
        None => plain,
    }
}

impl Answered {
    pub(super) fn of(self, answer: &DynamicMessage) -> StatusCode {
        match self {
            Self::As(status) => status,
            Self::If(field) => match answer.get_field_by_name(field).and_then(|it| it.as_bool()) {
                Some(true) => StatusCode::OK,
                Some(false) | None => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rpc_has_one_route_and_every_route_an_rpc() {
        let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
        table(&pool).unwrap();
        let routed: Vec<String> = ROUTES
            .iter()
            .map(|(_, _, rpc, _)| format!("{PACKAGE}.{rpc}"))
            .collect();
        let services = pool.services().filter(|it| it.package_name() == PACKAGE);
        let described: BTreeSet<String> = services
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .map(|rpc| rpc.full_name().to_owned())
            .collect();
        assert_eq!(routed.iter().cloned().collect::<BTreeSet<_>>(), described);
        assert_eq!(routed.len(), described.len());
    }

    #[test]
    fn the_end_of_a_path_and_a_second_slash_say_nothing() {
        for (path, want) in [
            ("/apps", "/apps"),
            ("/apps/", "/apps"),
            ("/apps.json", "/apps"),
            ("/apps/1.json", "/apps/1"),
            ("/deploys/12/logs/", "/deploys/12/logs"),
            ("//apps", "/apps"),
            ("///deploys//12", "/deploys/12"),
            ("/", "/"),
            ("//", "/"),
        ] {
            assert_eq!(plain(path), want);
        }
    }
}
