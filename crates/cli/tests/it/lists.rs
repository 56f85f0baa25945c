//! What lists are narrowed by.

use proto::v1::{
    BuildState, DeployState, ListAuditEntriesRequest, ListAuditEntriesResponse, ListBuildsRequest,
    ListBuildsResponse, ListConfigSetsRequest, ListConfigSetsResponse, ListDeploysRequest,
    ListDeploysResponse, ListNodesRequest, ListNodesResponse, ListReleasesRequest,
    ListReleasesResponse, ListTokensRequest, ListTokensResponse, ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse, NodeState, Role, WebhookDeliveryState,
};

use crate::world::{World, stderr};

/// What a list asks its RPC for, where nothing is on it.
macro_rules! asked {
    ($arguments:expr, $method:expr, $request:ty, $response:ty) => {{
        let world = World::new();
        world.server.answer($method, &<$response>::default());
        world.run($arguments).success();
        let request: $request = world.server.request($method);
        request
    }};
}

#[test]
fn a_list_is_narrowed_by_all_that_its_rpc_takes() {
    let asked = asked!(
        "builds list --state in-progress --commit 678d49f",
        "BuildService/ListBuilds",
        ListBuildsRequest,
        ListBuildsResponse
    );
    assert_eq!(asked.state(), BuildState::InProgress);
    assert_eq!(asked.commit, "678d49f");
    let asked = asked!(
        "deploys list --state failed",
        "DeployService/ListDeploys",
        ListDeploysRequest,
        ListDeploysResponse
    );
    assert_eq!(asked.state(), DeployState::Failed);
    let asked = asked!(
        "releases list --commit 678d49f",
        "ReleaseService/ListReleases",
        ListReleasesRequest,
        ListReleasesResponse
    );
    assert_eq!(asked.commit, "678d49f");
    let asked = asked!(
        "nodes list --state silent",
        "NodeService/ListNodes",
        ListNodesRequest,
        ListNodesResponse
    );
    assert_eq!(asked.state(), NodeState::Silent);
    let asked = asked!(
        "webhooks deliveries whk-1 --state dead",
        "WebhookService/ListWebhookDeliveries",
        ListWebhookDeliveriesRequest,
        ListWebhookDeliveriesResponse
    );
    assert_eq!(asked.state(), WebhookDeliveryState::Dead);
    let asked = asked!(
        "config list --stack api",
        "ConfigSetService/ListConfigSets",
        ListConfigSetsRequest,
        ListConfigSetsResponse
    );
    assert_eq!(asked.stack, "api");
    let asked = asked!(
        "tokens list --role admin",
        "TokenService/ListTokens",
        ListTokensRequest,
        ListTokensResponse
    );
    assert_eq!(asked.role(), Role::Admin);
    let asked = asked!(
        "audit list --until 1d",
        "AuditService/ListAuditEntries",
        ListAuditEntriesRequest,
        ListAuditEntriesResponse
    );
    assert!(asked.end_time.is_some() && asked.start_time.is_none());
}

#[test]
fn a_state_that_there_is_not_is_answered_with_those_that_there_are() {
    let world = World::new();
    let said = stderr(&world.run("nodes list --state away").code(2));
    assert!(said.contains("alive, silent, failed"), "{said}");
}
