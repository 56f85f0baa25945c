//! Which request goes to which call, and what comes back: one table.

use std::future::Future;

use proto::v1::{
    self, access_service_client::AccessServiceClient, app_service_client::AppServiceClient,
    audit_service_client::AuditServiceClient, build_service_client::BuildServiceClient,
    config_set_service_client::ConfigSetServiceClient, deploy_service_client::DeployServiceClient,
    environment_service_client::EnvironmentServiceClient, event_service_client::EventServiceClient,
    instance_service_client::InstanceServiceClient, node_service_client::NodeServiceClient,
    reconcile_service_client::ReconcileServiceClient, release_service_client::ReleaseServiceClient,
    run_service_client::RunServiceClient, stack_service_client::StackServiceClient,
    system_service_client::SystemServiceClient, token_service_client::TokenServiceClient,
    user_service_client::UserServiceClient, version_service_client::VersionServiceClient,
    webhook_service_client::WebhookServiceClient, worker_service_client::WorkerServiceClient,
};
use tonic::{Request, Response, Status, Streaming};

use super::{Mode, Stamp, Transport};
use crate::render::Named;

/// A request with one answer.
pub(crate) trait Call: Clone + Send {
    /// What comes back.
    type Answer: Named;

    /// Sends it once.
    fn send(
        transport: Transport,
        request: Request<Self>,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>>;

    /// Sets mode and key. A call that changes nothing has neither.
    fn stamp(&mut self, _stamp: &Stamp) {}
}

/// A request for one page of a list.
pub(crate) trait Paged: Call {
    /// What the list is of.
    type Item;

    fn set_page_size(&mut self, size: i32);
    fn set_page_token(&mut self, token: String);
    /// The entries of a page, and the token of the next one.
    fn into_page(answer: Self::Answer) -> (Vec<Self::Item>, String);
}

/// A request that is answered by a stream.
pub(crate) trait Streamed: Clone + Send {
    /// What the stream is of.
    type Item: Named;

    /// Opens it once.
    fn open(
        transport: Transport,
        request: Self,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Item>>, Status>>;
}

/// An answer that carries the plan behind it.
pub(crate) trait Planned: Named {
    fn plan(&self) -> Option<&v1::Plan>;
}

macro_rules! call {
    ($client:ident.$method:ident($request:ident) -> $answer:ident $(, $stamp:item)?) => {
        impl Call for v1::$request {
            type Answer = v1::$answer;

            async fn send(
                transport: Transport,
                request: Request<Self>,
            ) -> Result<Response<Self::Answer>, Status> {
                $client::new(transport).$method(request).await
            }

            $($stamp)?
        }

        impl Named for v1::$answer {
            const NAME: &'static str = concat!("jockey.v1.", stringify!($answer));
        }
    };
}

macro_rules! reads {
    ($($client:ident.$method:ident($request:ident) -> $answer:ident;)*) => {
        $(call!($client.$method($request) -> $answer);)*
    };
}

macro_rules! changes {
    ($($client:ident.$method:ident($request:ident) -> $answer:ident;)*) => {$(
        call!($client.$method($request) -> $answer, fn stamp(&mut self, stamp: &Stamp) {
            self.dry_run = stamp.mode == Mode::DryRun;
            self.request_id.clone_from(&stamp.request_id);
        });

        impl Planned for v1::$answer {
            fn plan(&self) -> Option<&v1::Plan> {
                self.plan.as_ref()
            }
        }
    )*};
}

macro_rules! lists {
    ($($client:ident.$method:ident($request:ident) -> $answer:ident.$field:ident: $item:ident;)*) => {$(
        call!($client.$method($request) -> $answer);

        impl Paged for v1::$request {
            type Item = v1::$item;

            fn set_page_size(&mut self, size: i32) {
                self.page_size = size;
            }

            fn set_page_token(&mut self, token: String) {
                self.page_token = token;
            }

            fn into_page(answer: Self::Answer) -> (Vec<Self::Item>, String) {
                (answer.$field, answer.next_page_token)
            }
        }
    )*};
}

macro_rules! streams {
    ($($client:ident.$method:ident($request:ident) -> $item:ident;)*) => {$(
        impl Streamed for v1::$request {
            type Item = v1::$item;

            async fn open(
                transport: Transport,
                request: Self,
            ) -> Result<Response<Streaming<Self::Item>>, Status> {
                $client::new(transport).$method(request).await
            }
        }

        impl Named for v1::$item {
            const NAME: &'static str = concat!("jockey.v1.", stringify!($item));
        }
    )*};
}

reads! {
    AccessServiceClient.explain_access(ExplainAccessRequest) -> ExplainAccessResponse;
    AccessServiceClient.poll_sign_in(PollSignInRequest) -> PollSignInResponse;
    AccessServiceClient.start_sign_in(StartSignInRequest) -> StartSignInResponse;
    AppServiceClient.get_app(GetAppRequest) -> GetAppResponse;
    AuditServiceClient.verify_audit(VerifyAuditRequest) -> VerifyAuditResponse;
    BuildServiceClient.get_build(GetBuildRequest) -> GetBuildResponse;
    ConfigSetServiceClient.diff_config_set(DiffConfigSetRequest) -> DiffConfigSetResponse;
    ConfigSetServiceClient.explain_config(ExplainConfigRequest) -> ExplainConfigResponse;
    ConfigSetServiceClient.get_config_set(GetConfigSetRequest) -> GetConfigSetResponse;
    DeployServiceClient.get_deploy(GetDeployRequest) -> GetDeployResponse;
    EnvironmentServiceClient.get_environment(GetEnvironmentRequest) -> GetEnvironmentResponse;
    NodeServiceClient.explain_placement(ExplainPlacementRequest) -> ExplainPlacementResponse;
    NodeServiceClient.get_node(GetNodeRequest) -> GetNodeResponse;
    ReconcileServiceClient.get_reconcile(GetReconcileRequest) -> GetReconcileResponse;
    ReconcileServiceClient.preview_reconcile(PreviewReconcileRequest) -> PreviewReconcileResponse;
    ReleaseServiceClient.get_release(GetReleaseRequest) -> GetReleaseResponse;
    RunServiceClient.get_run(GetRunRequest) -> GetRunResponse;
    StackServiceClient.get_stack(GetStackRequest) -> GetStackResponse;
    TokenServiceClient.get_token(GetTokenRequest) -> GetTokenResponse;
    SystemServiceClient.get_disk_usage(GetDiskUsageRequest) -> GetDiskUsageResponse;
    SystemServiceClient.get_settings(GetSettingsRequest) -> GetSettingsResponse;
    SystemServiceClient.get_status(GetStatusRequest) -> GetStatusResponse;
    SystemServiceClient.who_am_i(WhoAmIRequest) -> WhoAmIResponse;
    UserServiceClient.get_user(GetUserRequest) -> GetUserResponse;
    VersionServiceClient.get_version(GetVersionRequest) -> GetVersionResponse;
    WebhookServiceClient.get_webhook(GetWebhookRequest) -> GetWebhookResponse;
    WorkerServiceClient.get_worker(GetWorkerRequest) -> GetWorkerResponse;
}

changes! {
    AppServiceClient.create_app(CreateAppRequest) -> CreateAppResponse;
    AppServiceClient.update_app(UpdateAppRequest) -> UpdateAppResponse;
    AppServiceClient.update_app_hook(UpdateAppHookRequest) -> UpdateAppHookResponse;
    AppServiceClient.delete_app(DeleteAppRequest) -> DeleteAppResponse;
    BuildServiceClient.create_build(CreateBuildRequest) -> CreateBuildResponse;
    BuildServiceClient.cancel_build(CancelBuildRequest) -> CancelBuildResponse;
    ConfigSetServiceClient.update_config_set(UpdateConfigSetRequest) -> UpdateConfigSetResponse;
    ConfigSetServiceClient.delete_config_set(DeleteConfigSetRequest) -> DeleteConfigSetResponse;
    DeployServiceClient.create_deploy(CreateDeployRequest) -> CreateDeployResponse;
    DeployServiceClient.cancel_deploy(CancelDeployRequest) -> CancelDeployResponse;
    DeployServiceClient.rollback_deploy(RollbackDeployRequest) -> RollbackDeployResponse;
    EnvironmentServiceClient.create_environment(CreateEnvironmentRequest) -> CreateEnvironmentResponse;
    EnvironmentServiceClient.update_environment(UpdateEnvironmentRequest) -> UpdateEnvironmentResponse;
    EnvironmentServiceClient.delete_environment(DeleteEnvironmentRequest) -> DeleteEnvironmentResponse;
    NodeServiceClient.cordon_node(CordonNodeRequest) -> CordonNodeResponse;
    NodeServiceClient.uncordon_node(UncordonNodeRequest) -> UncordonNodeResponse;
    NodeServiceClient.drain_node(DrainNodeRequest) -> DrainNodeResponse;
    NodeServiceClient.give_up_node(GiveUpNodeRequest) -> GiveUpNodeResponse;
    NodeServiceClient.create_join_token(CreateJoinTokenRequest) -> CreateJoinTokenResponse;
    NodeServiceClient.remove_node(RemoveNodeRequest) -> RemoveNodeResponse;
    NodeServiceClient.rebalance_nodes(RebalanceNodesRequest) -> RebalanceNodesResponse;
    NodeServiceClient.cancel_rebalance(CancelRebalanceRequest) -> CancelRebalanceResponse;
    ReconcileServiceClient.create_reconcile(CreateReconcileRequest) -> CreateReconcileResponse;
    RunServiceClient.stop_run(StopRunRequest) -> StopRunResponse;
    StackServiceClient.create_stack(CreateStackRequest) -> CreateStackResponse;
    StackServiceClient.update_stack(UpdateStackRequest) -> UpdateStackResponse;
    StackServiceClient.delete_stack(DeleteStackRequest) -> DeleteStackResponse;
    SystemServiceClient.adopt(AdoptRequest) -> AdoptResponse;
    SystemServiceClient.collect_garbage(CollectGarbageRequest) -> CollectGarbageResponse;
    SystemServiceClient.sweep(SweepRequest) -> SweepResponse;
    TokenServiceClient.create_token(CreateTokenRequest) -> CreateTokenResponse;
    TokenServiceClient.update_token(UpdateTokenRequest) -> UpdateTokenResponse;
    TokenServiceClient.delete_token(DeleteTokenRequest) -> DeleteTokenResponse;
    WebhookServiceClient.create_webhook(CreateWebhookRequest) -> CreateWebhookResponse;
    WebhookServiceClient.update_webhook(UpdateWebhookRequest) -> UpdateWebhookResponse;
    WebhookServiceClient.delete_webhook(DeleteWebhookRequest) -> DeleteWebhookResponse;
    WebhookServiceClient.test_webhook(TestWebhookRequest) -> TestWebhookResponse;
    WorkerServiceClient.create_worker(CreateWorkerRequest) -> CreateWorkerResponse;
    WorkerServiceClient.update_worker(UpdateWorkerRequest) -> UpdateWorkerResponse;
    WorkerServiceClient.delete_worker(DeleteWorkerRequest) -> DeleteWorkerResponse;
    WorkerServiceClient.rescale_workers(RescaleWorkersRequest) -> RescaleWorkersResponse;
    WorkerServiceClient.restart_workers(RestartWorkersRequest) -> RestartWorkersResponse;
}

lists! {
    AppServiceClient.list_apps(ListAppsRequest) -> ListAppsResponse.apps: App;
    AuditServiceClient.list_audit_entries(ListAuditEntriesRequest) -> ListAuditEntriesResponse.entries: AuditEntry;
    BuildServiceClient.list_builds(ListBuildsRequest) -> ListBuildsResponse.builds: Build;
    ConfigSetServiceClient.list_config_sets(ListConfigSetsRequest) -> ListConfigSetsResponse.config_sets: ConfigSet;
    ConfigSetServiceClient.list_config_set_versions(ListConfigSetVersionsRequest) -> ListConfigSetVersionsResponse.versions: ConfigSetVersion;
    DeployServiceClient.list_deploys(ListDeploysRequest) -> ListDeploysResponse.deploys: Deploy;
    EnvironmentServiceClient.list_environments(ListEnvironmentsRequest) -> ListEnvironmentsResponse.environments: Environment;
    EventServiceClient.list_events(ListEventsRequest) -> ListEventsResponse.events: Event;
    InstanceServiceClient.list_instances(ListInstancesRequest) -> ListInstancesResponse.instances: Instance;
    NodeServiceClient.list_nodes(ListNodesRequest) -> ListNodesResponse.nodes: Node;
    ReleaseServiceClient.list_releases(ListReleasesRequest) -> ListReleasesResponse.releases: Release;
    RunServiceClient.list_runs(ListRunsRequest) -> ListRunsResponse.runs: Run;
    StackServiceClient.list_stacks(ListStacksRequest) -> ListStacksResponse.stacks: Stack;
    TokenServiceClient.list_tokens(ListTokensRequest) -> ListTokensResponse.tokens: Token;
    UserServiceClient.list_users(ListUsersRequest) -> ListUsersResponse.users: User;
    VersionServiceClient.list_versions(ListVersionsRequest) -> ListVersionsResponse.versions: Version;
    WebhookServiceClient.list_webhooks(ListWebhooksRequest) -> ListWebhooksResponse.webhooks: Webhook;
    WebhookServiceClient.list_webhook_deliveries(ListWebhookDeliveriesRequest) -> ListWebhookDeliveriesResponse.deliveries: WebhookDelivery;
    WorkerServiceClient.list_workers(ListWorkersRequest) -> ListWorkersResponse.workers: Worker;
}

streams! {
    AuditServiceClient.export_audit(ExportAuditRequest) -> ExportAuditResponse;
    BuildServiceClient.stream_build_logs(StreamBuildLogsRequest) -> StreamBuildLogsResponse;
    DeployServiceClient.watch_deploy(WatchDeployRequest) -> WatchDeployResponse;
    EventServiceClient.watch_events(WatchEventsRequest) -> WatchEventsResponse;
    InstanceServiceClient.stream_instance_logs(StreamInstanceLogsRequest) -> StreamInstanceLogsResponse;
}
