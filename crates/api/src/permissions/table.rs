//! Every call there is: the role that it takes, what it is about, and of a list what its reader sees. In the order of
//! the services' names. A request without a row here does not compile in a handler, and a call without one is denied.

use super::{Call, Listing, Needs, Of, Row, Sifted, Sight, Single};
use domain::token::Role;
use proto::{legacy::v1 as old, v1};

const OPEN: Needs = Needs::Nothing;
const PERHAPS: Needs = Needs::Perhaps;
const KNOWN: Needs = Needs::Identity;
const VIEWER: Needs = Needs::Token(Role::Viewer);
const DEPLOYER: Needs = Needs::Token(Role::Deployer);
const ADMIN: Needs = Needs::Token(Role::Admin);

macro_rules! kind {
    ($request:ty) => {
        impl Single for $request {}
    };
    ($request:ty, sifted) => {
        impl Sifted for $request {}
    };
    ($request:ty, $answer:ty, $keep:expr) => {
        impl Listing for $request {
            type Answer = $answer;

            fn keep(answer: &mut $answer, sight: &Sight) {
                let keep: fn(&mut $answer, &Sight) = $keep;
                keep(answer, sight);
            }
        }
    };
}

macro_rules! calls {
    (
        plain { $($method:literal $plain:ident;)+ }
        $($package:literal $module:ident {
            $($service:ident/$rpc:ident($request:ident) $needs:ident $of:expr $(=> $answer:ident $keep:expr)? $(, $sifted:ident)?;)+
        })+
    ) => {
        /// All of them.
        pub(crate) const TABLE: &[Row] = &[
            $(Row { method: $method, needs: $plain, of: || Of::Nothing },)+
            $($(Row {
                method: <$module::$request as Call>::METHOD,
                needs: $needs,
                of: || shape::<$module::$request>($of),
            },)+)+
        ];

        $($(
            impl Call for $module::$request {
                const METHOD: &'static str =
                    concat!($package, ".", stringify!($service), "/", stringify!($rpc));
                const NEEDS: Needs = $needs;

                fn of(&self) -> Of<'_> {
                    let of: fn(&Self) -> Of<'_> = $of;
                    of(self)
                }
            }

            kind!($module::$request $(, $module::$answer, $keep)? $(, $sifted)?);
        )+)+
    };
}

calls! {
    plain {
        "grpc.health.v1.Health/Check" OPEN;
        "grpc.health.v1.Health/Watch" OPEN;
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo" VIEWER;
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" VIEWER;
    }
    // What of a list of the original API its reader may not see is left out before it is in their words, which are few.
    "jockey.legacy.v1" old {
        AppService/CreateApp(CreateAppRequest) ADMIN |q| Of::NewApp(q.name.as_deref().unwrap_or_default());
        AppService/DeleteApp(DeleteAppRequest) ADMIN |q| Of::WholeApp(&q.id);
        AppService/GetApp(GetAppRequest) VIEWER |q| Of::App(&q.id);
        AppService/GetAvailableNode(GetAvailableNodeRequest) VIEWER |q| Of::Place(&q.app, &q.environment);
        AppService/ListApps(ListAppsRequest) VIEWER |_| Of::Nothing, sifted;
        AppService/UpdateApp(UpdateAppRequest) ADMIN |q| Of::WholeApp(&q.id);
        BuildService/CreateBuild(CreateBuildRequest) DEPLOYER |q| Of::App(&q.app);
        BuildService/GetBuild(GetBuildRequest) VIEWER |q| Of::Build(&q.id);
        BuildService/ListBuilds(ListBuildsRequest) VIEWER |q| Of::FilterApp(&q.app), sifted;
        BuildService/StreamBuildLog(StreamBuildLogRequest) VIEWER |q| Of::Build(&q.id);
        ConfigSetService/CreateConfigSet(CreateConfigSetRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        // Values are stars for those who may not write them.
        ConfigSetService/GetConfigSet(GetConfigSetRequest) VIEWER |q| Of::ConfigSet(&q.id);
        ConfigSetService/ListConfigSets(ListConfigSetsRequest) VIEWER |q| Of::Filter(&q.app, &q.environment), sifted;
        ConfigSetService/UpdateConfigSet(UpdateConfigSetRequest) DEPLOYER |q| Of::ConfigSet(&q.id);
        DeployService/CreateDeploy(CreateDeployRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        DeployService/GetDeploy(GetDeployRequest) VIEWER |q| Of::Deploy(&q.id);
        DeployService/ListDeploys(ListDeploysRequest) VIEWER |q| Of::Filter(&q.app, &q.environment), sifted;
        DeployService/StreamDeployLog(StreamDeployLogRequest) VIEWER |q| Of::Deploy(&q.id);
        EnvironmentService/CreateEnvironment(CreateEnvironmentRequest) ADMIN
            |q| Of::NewEnvironment(q.name.as_deref().unwrap_or_default());
        EnvironmentService/DeleteEnvironment(DeleteEnvironmentRequest) ADMIN |q| Of::WholeEnvironment(&q.id);
        EnvironmentService/GetEnvironment(GetEnvironmentRequest) VIEWER |q| Of::Environment(&q.id);
        EnvironmentService/ListEnvironments(ListEnvironmentsRequest) VIEWER |_| Of::Nothing, sifted;
        EnvironmentService/UpdateEnvironment(UpdateEnvironmentRequest) ADMIN
            |q| environment(&q.id, q.name.as_deref().unwrap_or_default());
        // Its signature says who calls.
        GitHubService/ReceiveDelivery(ReceiveDeliveryRequest) OPEN |_| Of::Nothing;
        ReconcileService/CreateReconcile(CreateReconcileRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        ReconcileService/GetReconcile(GetReconcileRequest) VIEWER |q| Of::Reconcile(&q.id);
        ReconcileService/ListReconciles(ListReconcilesRequest) VIEWER |_| Of::Nothing, sifted;
        ReconcileService/PreviewReconcile(PreviewReconcileRequest) VIEWER |q| Of::Place(&q.app, &q.environment);
        ReconcileService/StreamReconcileLog(StreamReconcileLogRequest) VIEWER |q| Of::Reconcile(&q.id);
        SystemService/GetHealth(GetHealthRequest) OPEN |_| Of::Nothing;
        // Strangers are told whether, and not what.
        SystemService/GetSanity(GetSanityRequest) PERHAPS |_| Of::Nothing;
        WorkerService/CreateWorker(CreateWorkerRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        WorkerService/DeleteWorker(DeleteWorkerRequest) DEPLOYER |q| worker(&q.id, "", "");
        WorkerService/GetWorker(GetWorkerRequest) VIEWER |q| worker(&q.id, "", "");
        WorkerService/ListLiveInstances(ListLiveInstancesRequest) VIEWER |q| worker(&q.id, "", "");
        WorkerService/ListWorkers(ListWorkersRequest) VIEWER |q| Of::Filter(&q.app, &q.environment), sifted;
        WorkerService/RescaleWorker(RescaleWorkerRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        WorkerService/RestartWorker(RestartWorkerRequest) DEPLOYER |q| worker(&q.id, "", "");
        WorkerService/RestartWorkers(RestartWorkersRequest) DEPLOYER
            |q| Of::Place(q.app.as_deref().unwrap_or_default(), q.environment.as_deref().unwrap_or_default());
        WorkerService/UpdateWorker(UpdateWorkerRequest) DEPLOYER |q| worker(&q.id, "", "");
    }
    "jockey.v1" v1 {
        AccessService/ExplainAccess(ExplainAccessRequest) KNOWN |_| Of::Nothing;
        AccessService/FinishWebSignIn(FinishWebSignInRequest) OPEN |_| Of::Nothing;
        AccessService/PollSignIn(PollSignInRequest) OPEN |_| Of::Nothing;
        AccessService/SignOut(SignOutRequest) KNOWN |_| Of::Nothing;
        AccessService/StartSignIn(StartSignInRequest) OPEN |_| Of::Nothing;
        AccessService/StartWebSignIn(StartWebSignInRequest) OPEN |_| Of::Nothing;
        AppService/CreateApp(CreateAppRequest) ADMIN |q| Of::NewApp(q.app.as_ref().map_or("", |app| &app.name));
        AppService/DeleteApp(DeleteAppRequest) ADMIN |q| Of::WholeApp(&q.app);
        AppService/GetApp(GetAppRequest) VIEWER |q| Of::App(&q.app);
        AppService/ListApps(ListAppsRequest) VIEWER |_| Of::Nothing
            => ListAppsResponse |a, sight| a.apps.retain(|app| sight.sees(&app.name, ""));
        AppService/UpdateApp(UpdateAppRequest) ADMIN |q| Of::WholeApp(&q.app);
        AuditService/ExportAudit(ExportAuditRequest) ADMIN |_| Of::Installation;
        AuditService/ListAuditEntries(ListAuditEntriesRequest) ADMIN |_| Of::Installation
            => ListAuditEntriesResponse |_, _| ();
        AuditService/VerifyAudit(VerifyAuditRequest) ADMIN |_| Of::Installation;
        AppService/UpdateAppHook(UpdateAppHookRequest) ADMIN |q| Of::WholeApp(&q.app);
        BuildService/CancelBuild(CancelBuildRequest) DEPLOYER |q| Of::Build(&q.build);
        BuildService/CreateBuild(CreateBuildRequest) DEPLOYER |q| Of::App(&q.app);
        BuildService/GetBuild(GetBuildRequest) VIEWER |q| Of::Build(&q.build);
        BuildService/ListBuilds(ListBuildsRequest) VIEWER |q| Of::FilterApp(&q.app)
            => ListBuildsResponse |a, sight| a.builds.retain(|build| sight.sees(&build.app, ""));
        BuildService/StreamBuildLogs(StreamBuildLogsRequest) VIEWER |q| Of::Build(&q.build);
        ConfigSetService/DeleteConfigSet(DeleteConfigSetRequest) DEPLOYER |q| of_config_set(&q.environment, &q.stack, &q.app);
        // Values are stars for those who are not deployers of all that the set is for.
        ConfigSetService/DiffConfigSet(DiffConfigSetRequest) VIEWER |q| part_of_set(&q.environment, &q.stack, &q.app);
        ConfigSetService/ExplainConfig(ExplainConfigRequest) VIEWER |q| Of::Place(&q.app, &q.environment);
        ConfigSetService/GetConfigSet(GetConfigSetRequest) VIEWER |q| part_of_set(&q.environment, &q.stack, &q.app);
        ConfigSetService/ListConfigSetVersions(ListConfigSetVersionsRequest) VIEWER |q| part_of_set(&q.environment, &q.stack, &q.app)
            => ListConfigSetVersionsResponse |_, _| ();
        ConfigSetService/ListConfigSets(ListConfigSetsRequest) VIEWER |q| part_of_set(&q.environment, &q.stack, &q.app)
            => ListConfigSetsResponse |a, sight| a.config_sets.retain(|set| sight.sees(&set.app, &set.environment));
        ConfigSetService/UpdateConfigSet(UpdateConfigSetRequest) DEPLOYER |q| of_config_set(&q.environment, &q.stack, &q.app);
        DeployService/CancelDeploy(CancelDeployRequest) DEPLOYER |q| Of::Deploy(&q.deploy);
        DeployService/CreateDeploy(CreateDeployRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        DeployService/GetDeploy(GetDeployRequest) VIEWER |q| Of::Deploy(&q.deploy);
        DeployService/ListDeploys(ListDeploysRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListDeploysResponse |a, sight| a.deploys.retain(|deploy| sight.sees(&deploy.app, &deploy.environment));
        DeployService/RollbackDeploy(RollbackDeployRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        DeployService/WatchDeploy(WatchDeployRequest) VIEWER |q| Of::Deploy(&q.deploy);
        EnvironmentService/CreateEnvironment(CreateEnvironmentRequest) ADMIN
            |q| Of::NewEnvironment(q.environment.as_ref().map_or("", |environment| &environment.name));
        EnvironmentService/DeleteEnvironment(DeleteEnvironmentRequest) ADMIN |q| Of::WholeEnvironment(&q.environment);
        EnvironmentService/GetEnvironment(GetEnvironmentRequest) VIEWER |q| Of::Environment(&q.environment);
        EnvironmentService/ListEnvironments(ListEnvironmentsRequest) VIEWER |_| Of::Nothing
            => ListEnvironmentsResponse |a, sight| a.environments.retain(|environment| sight.sees("", &environment.name));
        EnvironmentService/UpdateEnvironment(UpdateEnvironmentRequest) ADMIN
            |q| environment(&q.environment, q.values.as_ref().map_or("", |values| &values.name));
        EventService/ListEvents(ListEventsRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListEventsResponse |a, sight| a.events.retain(|event| sight.sees_event(&event.app, &event.environment));
        EventService/WatchEvents(WatchEventsRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => WatchEventsResponse |a, sight| a.events.retain(|event| sight.sees_event(&event.app, &event.environment));
        // Its signature says who calls.
        GitHubService/ReceiveDelivery(ReceiveDeliveryRequest) OPEN |_| Of::Nothing;
        // Who may deploy there may run what they could deploy.
        InstanceService/Exec(ExecRequest) DEPLOYER |q| match exec_start(q) {
            Some(start) if start.instance.is_empty() => Of::Place(&start.app, &start.environment),
            Some(start) => Of::Instance(&start.instance),
            None => Of::Place("", ""),
        };
        InstanceService/GetInstance(GetInstanceRequest) VIEWER |q| Of::Instance(&q.instance);
        InstanceService/ListInstances(ListInstancesRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListInstancesResponse |a, sight| a.instances.retain(|one| sight.sees_event(&one.app, &one.environment));
        InstanceService/Run(RunRequest) DEPLOYER |q| match &q.message {
            Some(v1::run_request::Message::Start(start)) => Of::Place(&start.app, &start.environment),
            Some(_) | None => Of::Place("", ""),
        };
        InstanceService/StreamInstanceLogs(StreamInstanceLogsRequest) VIEWER |q| match q.instance.as_str() {
            "" => Of::Place(&q.app, &q.environment),
            instance => Of::Instance(instance),
        };
        NodeService/CancelRebalance(CancelRebalanceRequest) ADMIN |_| Of::Installation;
        NodeService/CordonNode(CordonNodeRequest) ADMIN |_| Of::Installation;
        NodeService/CreateJoinToken(CreateJoinTokenRequest) ADMIN |_| Of::Installation;
        NodeService/DrainNode(DrainNodeRequest) ADMIN |_| Of::Installation;
        NodeService/ExplainPlacement(ExplainPlacementRequest) VIEWER |q| Of::Place(&q.app, &q.environment);
        NodeService/GiveUpNode(GiveUpNodeRequest) ADMIN |_| Of::Installation;
        NodeService/GetNode(GetNodeRequest) VIEWER |_| Of::Nothing;
        // The token says who joins, and a signature who renews.
        NodeService/HoldLease(HoldLeaseRequest) OPEN |_| Of::Nothing;
        NodeService/JoinNode(JoinNodeRequest) OPEN |_| Of::Nothing;
        NodeService/ListNodes(ListNodesRequest) VIEWER |_| Of::Nothing => ListNodesResponse |_, _| ();
        NodeService/RemoveNode(RemoveNodeRequest) ADMIN |_| Of::Installation;
        NodeService/RenewNode(RenewNodeRequest) OPEN |_| Of::Nothing;
        NodeService/RebalanceNodes(RebalanceNodesRequest) ADMIN |_| Of::Installation;
        NodeService/UncordonNode(UncordonNodeRequest) ADMIN |_| Of::Installation;
        ReconcileService/CreateReconcile(CreateReconcileRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        ReconcileService/GetReconcile(GetReconcileRequest) VIEWER |q| Of::Reconcile(&q.reconcile);
        ReconcileService/ListReconciles(ListReconcilesRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListReconcilesResponse |a, sight| a.reconciles.retain(|one| sight.sees_all(&one.app, &one.environment));
        ReconcileService/PreviewReconcile(PreviewReconcileRequest) VIEWER |q| Of::Place(&q.app, &q.environment);
        ReleaseService/GetRelease(GetReleaseRequest) VIEWER |q| Of::Release(&q.release);
        ReleaseService/ListReleases(ListReleasesRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListReleasesResponse |a, sight| a.releases.retain(|one| sight.sees(&one.app, &one.environment));
        RunService/GetRun(GetRunRequest) VIEWER |q| Of::Run(&q.run);
        RunService/ListRuns(ListRunsRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListRunsResponse |a, sight| a.runs.retain(|run| sight.sees(&run.app, &run.environment));
        RunService/StopRun(StopRunRequest) DEPLOYER |q| Of::Run(&q.run);
        StackService/CreateStack(CreateStackRequest) ADMIN |_| Of::Installation;
        StackService/DeleteStack(DeleteStackRequest) ADMIN |_| Of::Installation;
        StackService/GetStack(GetStackRequest) VIEWER |_| Of::Nothing;
        StackService/ListStacks(ListStacksRequest) VIEWER |_| Of::Nothing => ListStacksResponse |_, _| ();
        StackService/UpdateStack(UpdateStackRequest) ADMIN |_| Of::Installation;
        SystemService/Adopt(AdoptRequest) ADMIN |_| Of::Installation;
        SystemService/CollectGarbage(CollectGarbageRequest) ADMIN |_| Of::Installation;
        SystemService/GetDiskUsage(GetDiskUsageRequest) VIEWER |_| Of::Installation;
        SystemService/GetSettings(GetSettingsRequest) VIEWER |_| Of::Nothing;
        SystemService/GetStatus(GetStatusRequest) VIEWER |_| Of::Nothing
            => GetStatusResponse |a, sight| a.unknown_instances.retain(|one| sight.sees_event(&one.app, &one.environment));
        SystemService/Sweep(SweepRequest) ADMIN |_| Of::Installation;
        SystemService/WhoAmI(WhoAmIRequest) KNOWN |_| Of::Nothing;
        TokenService/CreateToken(CreateTokenRequest) ADMIN |_| Of::Installation;
        TokenService/DeleteToken(DeleteTokenRequest) ADMIN |_| Of::Installation;
        TokenService/ExchangeToken(ExchangeTokenRequest) KNOWN |_| Of::Nothing;
        TokenService/GetToken(GetTokenRequest) ADMIN |_| Of::Installation;
        TokenService/ListTokens(ListTokensRequest) ADMIN |_| Of::Installation => ListTokensResponse |_, _| ();
        TokenService/UpdateToken(UpdateTokenRequest) ADMIN |_| Of::Installation;
        UserService/GetUser(GetUserRequest) ADMIN |_| Of::Installation;
        UserService/ListUsers(ListUsersRequest) ADMIN |_| Of::Installation => ListUsersResponse |_, _| ();
        // Values are stars for those who are not deployers of what the version is of.
        VersionService/GetVersion(GetVersionRequest) VIEWER |q| Of::Version(&q.version);
        VersionService/ListVersions(ListVersionsRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListVersionsResponse |a, sight| a.versions.retain(|one| sight.sees(&one.app, &one.environment));
        WebhookService/CreateWebhook(CreateWebhookRequest) ADMIN
            |q| Of::WholeAppOrAll(q.webhook.as_ref().map_or("", |webhook| &webhook.app));
        WebhookService/DeleteWebhook(DeleteWebhookRequest) ADMIN |q| Of::Webhook(&q.webhook);
        WebhookService/GetWebhook(GetWebhookRequest) VIEWER |q| Of::Webhook(&q.webhook);
        WebhookService/ListWebhookDeliveries(ListWebhookDeliveriesRequest) VIEWER |q| Of::Webhook(&q.webhook)
            => ListWebhookDeliveriesResponse |_, _| ();
        WebhookService/ListWebhooks(ListWebhooksRequest) VIEWER |q| Of::FilterApp(&q.app)
            => ListWebhooksResponse |a, sight| a.webhooks.retain(|one| sight.sees_event(&one.app, ""));
        WebhookService/TestWebhook(TestWebhookRequest) ADMIN |q| Of::Webhook(&q.webhook);
        WebhookService/UpdateWebhook(UpdateWebhookRequest) ADMIN |q| Of::Webhook(&q.webhook);
        WorkerService/CreateWorker(CreateWorkerRequest) DEPLOYER
            |q| q.worker.as_ref().map_or(Of::Place("", ""), |worker| Of::Place(&worker.app, &worker.environment));
        WorkerService/DeleteWorker(DeleteWorkerRequest) DEPLOYER |q| worker(&q.worker, &q.app, &q.environment);
        WorkerService/GetWorker(GetWorkerRequest) VIEWER |q| worker(&q.worker, &q.app, &q.environment);
        WorkerService/ListWorkers(ListWorkersRequest) VIEWER |q| Of::Filter(&q.app, &q.environment)
            => ListWorkersResponse |a, sight| a.workers.retain(|one| sight.sees(&one.app, &one.environment));
        WorkerService/RescaleWorkers(RescaleWorkersRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        WorkerService/RestartWorkers(RestartWorkersRequest) DEPLOYER |q| Of::Place(&q.app, &q.environment);
        WorkerService/UpdateWorker(UpdateWorkerRequest) DEPLOYER |q| worker(&q.worker, &q.app, &q.environment);
    }
}

/// An Environment that is changed, with the name that it is to have, if one is given.
fn environment<'a>(which: &'a str, name: &'a str) -> Of<'a> {
    match name {
        "" => Of::WholeEnvironment(which),
        name => Of::RenamedEnvironment(which, name),
    }
}

/// What the first message of a session says.
fn exec_start(request: &v1::ExecRequest) -> Option<&v1::ExecStart> {
    match &request.message {
        Some(v1::exec_request::Message::Start(start)) => Some(start),
        Some(_) | None => None,
    }
}

/// What a Config Set is for: one App, or every App of its Environment.
pub(crate) fn of_config_set<'a>(environment: &'a str, stack: &str, app: &'a str) -> Of<'a> {
    Of::Place(if stack.is_empty() { app } else { "" }, environment)
}

/// As `of_config_set`, for those who read it: what is for every App is for theirs too.
fn part_of_set<'a>(environment: &'a str, stack: &str, app: &'a str) -> Of<'a> {
    Of::Filter(if stack.is_empty() { app } else { "" }, environment)
}

const fn worker<'a>(worker: &'a str, app: &'a str, environment: &'a str) -> Of<'a> {
    Of::Worker {
        worker,
        app,
        environment,
    }
}

/// What a request that names nothing is about.
fn shape<Q: Default>(of: fn(&Q) -> Of<'_>) -> Of<'static> {
    match of(&Q::default()) {
        Of::Nothing => Of::Nothing,
        Of::Installation => Of::Installation,
        Of::App(_) => Of::App(""),
        Of::FilterApp(_) => Of::FilterApp(""),
        Of::WholeApp(_) => Of::WholeApp(""),
        Of::WholeAppOrAll(_) => Of::WholeAppOrAll(""),
        Of::NewApp(_) => Of::NewApp(""),
        Of::Environment(_) => Of::Environment(""),
        Of::WholeEnvironment(_) | Of::RenamedEnvironment(..) => Of::WholeEnvironment(""),
        Of::NewEnvironment(_) => Of::NewEnvironment(""),
        Of::Place(..) => Of::Place("", ""),
        Of::Filter(..) => Of::Filter("", ""),
        Of::Build(_) => Of::Build(""),
        Of::Deploy(_) => Of::Deploy(""),
        Of::Release(_) => Of::Release(""),
        Of::Reconcile(_) => Of::Reconcile(""),
        Of::Instance(_) => Of::Instance(""),
        Of::Version(_) => Of::Version(""),
        Of::Run(_) => Of::Run(""),
        Of::Worker { .. } => worker("", "", ""),
        Of::ConfigSet(_) => Of::ConfigSet(""),
        Of::Webhook(_) => Of::Webhook(""),
    }
}
