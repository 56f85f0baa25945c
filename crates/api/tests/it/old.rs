//! The original API's answers when something is pending, stuck or in the way. The control loops stand still.

use crate::stage::{As, REGISTRY, Stage, refusal};
use domain::{CommitSha, WorkerId};
use ports::store::Workers as _;
use prost::Message as _;
use proto::{
    legacy::v1::{
        self as old, PlanStep, build_service_client::BuildServiceClient,
        deploy_service_client::DeployServiceClient,
        reconcile_service_client::ReconcileServiceClient,
        system_service_client::SystemServiceClient, worker_service_client::WorkerServiceClient,
    },
    v1,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn text(text: &str) -> String {
    text.to_owned()
}

/// `shop`, deployed in `development`, of which nothing is done any more.
pub(crate) async fn halted() -> (Stage, As, CommitSha) {
    let mut stage = Stage::still().await;
    stage.run();
    let commit = stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    stage.halt();
    (stage, admin, commit)
}

pub(crate) async fn scale(admin: &As, scale: &str) {
    let mut workers = WorkerServiceClient::new(admin.0.clone());
    let request = old::UpdateWorkerRequest {
        id: text("1"),
        scale: Some(text(scale)),
        ..old::UpdateWorkerRequest::default()
    };
    workers.update_worker(request).await.unwrap();
}

pub(crate) async fn planned(admin: &As) -> Vec<PlanStep> {
    let mut reconciles = ReconcileServiceClient::new(admin.0.clone());
    let request = old::PreviewReconcileRequest {
        app: text("shop"),
        environment: text("development"),
    };
    let shown = reconciles.preview_reconcile(request).await.unwrap();
    shown.into_inner().data.unwrap().plan
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    Yes,
    No,
}

pub(crate) async fn reconcile(
    admin: &As,
    app: &str,
    force: Force,
) -> Result<old::Reconcile, tonic::Status> {
    let mut reconciles = ReconcileServiceClient::new(admin.0.clone());
    let request = old::CreateReconcileRequest {
        app: text(app),
        environment: text("development"),
        force: force == Force::Yes,
        ..old::CreateReconcileRequest::default()
    };
    let made = reconciles.create_reconcile(request).await?;
    Ok(made.into_inner().data.unwrap())
}

async fn sanity(client: &As) -> (bool, old::EnvironmentSanity, Vec<i64>) {
    let mut system = SystemServiceClient::new(client.0.clone());
    let found = system.get_sanity(old::GetSanityRequest {}).await.unwrap();
    let found = found.into_inner();
    let data = found.data.unwrap();
    let development = data.environments["development"].clone();
    (found.well, development, data.stuck_builds)
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_shown_step_by_step() {
    let (_stage, admin, commit) = halted().await;
    assert_eq!(planned(&admin).await, []);
    scale(&admin, "2").await;
    let plan = planned(&admin).await;
    let [start] = &plan[..] else {
        panic!("one step: {plan:?}");
    };
    assert_eq!((&*start.action, &start.instance), ("start", &None));
    assert_eq!(start.rref.as_deref(), Some(commit.as_str()));
    let node = start.node.clone().unwrap();
    assert_eq!((&*node.id, &*node.address), ("node-1", "node-1.test"));
    let worker = start.worker.clone().unwrap();
    assert_eq!(
        (worker.id, &*worker.name, worker.scale, worker.app_id),
        (Some(1), "web", 2, 1)
    );
    assert!(worker.created_at.is_some() && worker.updated_at.is_some());

    scale(&admin, "0").await;
    let plan = planned(&admin).await;
    let [stop] = &plan[..] else {
        panic!("one step: {plan:?}");
    };
    assert_eq!(
        (&*stop.action, &stop.rref, &stop.node),
        ("stop", &None, &None)
    );
    let instance = stop.instance.clone().unwrap();
    assert!(!instance.id.is_empty() && instance.check.is_none());
    assert_eq!(instance.node, Some(node));
    assert_eq!(instance.tags, tags(&commit));
    assert_eq!(stop.worker.clone().unwrap().scale, 0);
}

#[tokio::test(start_paused = true)]
async fn a_live_instance_says_whose_image_it_runs() {
    let (_stage, admin, commit) = halted().await;
    let mut workers = WorkerServiceClient::new(admin.0.clone());
    let request = old::ListLiveInstancesRequest { id: text("1") };
    let found = workers.list_live_instances(request).await.unwrap();
    let instances = found.into_inner().data.unwrap().instances;
    assert_eq!(instances[0].tags, tags(&commit));
}

#[tokio::test(start_paused = true)]
async fn a_live_instance_says_what_it_was_started_with() {
    let (_stage, admin, commit) = halted().await;
    let line = v1::command::Kind::Shell(text("bin/web --new"));
    let request = v1::UpdateWorkerRequest {
        worker: text("wrk-1"),
        values: Some(v1::Worker {
            command: Some(v1::Command { kind: Some(line) }),
            ..v1::Worker::default()
        }),
        ..v1::UpdateWorkerRequest::default()
    };
    admin.workers().update_worker(request).await.unwrap();
    let mut workers = WorkerServiceClient::new(admin.0.clone());
    let request = old::GetWorkerRequest { id: text("1") };
    let now = workers.get_worker(request).await.unwrap().into_inner();
    assert_eq!(now.data.unwrap().command, "bin/web --new");
    let request = old::ListLiveInstancesRequest { id: text("1") };
    let found = workers.list_live_instances(request).await.unwrap();
    let instances = found.into_inner().data.unwrap().instances;
    assert_eq!(instances[0].tags, tags(&commit));
}

/// Of the first instance of `halted`.
fn tags(commit: &CommitSha) -> [String; 5] {
    [
        format!("tag:{commit}"),
        format!("rref:{commit}"),
        format!("repo:{REGISTRY}"),
        text("command:[\"/start\", \"web\"]"),
        text("deploy_id:1"),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_is_stuck_is_told_to_those_who_may_know_and_that_it_is_to_all() {
    let (stage, admin, _) = halted().await;
    scale(&admin, "2").await;
    let viewer = stage.client(domain::token::Role::Viewer).await;
    let strangers = stage.bearing(None);
    let (well, development, _) = sanity(&viewer).await;
    assert!(!well, "a step waits");
    assert_eq!(development.reconcile_plan.len(), 1);
    assert_eq!(
        (development.stuck_reconciles.len(), &*development.status),
        (0, "NOT OK")
    );

    let mut deploys = DeployServiceClient::new(admin.0.clone());
    stage.commit(2);
    let request = old::CreateDeployRequest {
        app: text("shop"),
        environment: text("development"),
        rref: Some(text("main")),
        force: true,
        ..old::CreateDeployRequest::default()
    };
    let made = deploys.create_deploy(request).await.unwrap().into_inner();
    let deploy: i64 = made.data.unwrap().id.parse().unwrap();
    stage.clock.forward(2 * HOUR);
    let (well, development, builds) = sanity(&viewer).await;
    assert!(!well);
    assert_eq!(development.stuck_deploys, [deploy]);
    assert_eq!(development.stuck_reconciles.len(), 1);
    assert_eq!(builds.len(), 1);
    assert_eq!(development.reconcile_plan, [], "it is being deployed");
    let (well, development, builds) = sanity(&strangers).await;
    let lists = (
        development.stuck_deploys,
        development.stuck_reconciles,
        builds,
    );
    assert_eq!((well, lists), (false, (Vec::new(), Vec::new(), Vec::new())));
    assert_eq!(development.status, "NOT OK");
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_gives_way_to_another_of_its_app_or_of_all() {
    let (stage, admin, _) = halted().await;
    let first = reconcile(&admin, "shop", Force::No).await.unwrap();
    let words = |id: &Option<String>| {
        let id = id.clone().unwrap_or_default();
        format!(
            "Reconcile ID {id} already in progress in this environment. Either wait for completion, or call again with force."
        )
    };
    for app in ["shop", ""] {
        let refused = reconcile(&admin, app, Force::No).await;
        let told = refusal(refused);
        assert!(told.contains(&words(&first.id)), "{app}: {told}");
    }
    let forced = reconcile(&admin, "shop", Force::Yes).await.unwrap();
    assert_ne!(forced.id, first.id);

    let (stage_of_all, admin, _) = halted().await;
    let whole = reconcile(&admin, "", Force::No).await.unwrap();
    let told = refusal(reconcile(&admin, "shop", Force::No).await);
    assert!(told.contains(&words(&whole.id)), "{told}");
    drop((stage, stage_of_all));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_say_which_commit_it_is_keeps_nobody_waiting_for_long() {
    let (stage, admin, commit) = halted().await;
    stage.source.hang(&"shop/api".parse().unwrap());
    let mut deploys = DeployServiceClient::new(admin.0.clone());
    let mut builds = BuildServiceClient::new(admin.0.clone());
    let deploy = |rref: &str| old::CreateDeployRequest {
        app: text("shop"),
        environment: text("development"),
        rref: Some(text(rref)),
        ..old::CreateDeployRequest::default()
    };
    let build = old::CreateBuildRequest {
        app: text("shop"),
        r#ref: Some(text("main")),
        ..old::CreateBuildRequest::default()
    };
    for told in [
        refusal(deploys.create_deploy(deploy("main")).await),
        refusal(builds.create_build(build).await),
        refusal(deploys.create_deploy(deploy("main")).await),
        refusal(deploys.create_deploy(deploy("main")).await),
        refusal(deploys.create_deploy(deploy("main")).await),
    ] {
        assert!(told.starts_with("Unavailable"), "{told}");
        assert!(told.contains("it is still being asked"), "{told}");
    }
    assert_eq!(stage.source.unanswered(), 4, "the fifth waited for a turn");
    let numbers = async || {
        let mut deploys = DeployServiceClient::new(admin.0.clone());
        let listed = deploys.list_deploys(old::ListDeploysRequest::default());
        listed.await.unwrap().into_inner().data.len()
    };
    assert_eq!(numbers().await, 1, "nothing was begun");
    // A whole id needs no answer.
    let made = deploys.create_deploy(deploy(commit.as_str())).await;
    made.unwrap();
    assert_eq!(numbers().await, 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_called_back_reads_that_a_reconcile_has_failed() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut reconciles = ReconcileServiceClient::new(admin.0.clone());
    let request = old::CreateReconcileRequest {
        environment: text("staging"),
        callback_url: text("https://bot.example/done"),
        ..old::CreateReconcileRequest::default()
    };
    let made = reconciles.create_reconcile(request).await.unwrap();
    let made = made.into_inner().data.unwrap();
    assert_eq!(made.state, "in_progress");
    let request = v1::DeleteEnvironmentRequest {
        environment: text("staging"),
        ..v1::DeleteEnvironmentRequest::default()
    };
    admin
        .environments()
        .delete_environment(request)
        .await
        .unwrap();
    let subject = made.container_id.unwrap();
    let sent = api::legacy_object(&stage.deps, &subject).await.unwrap();
    let sent = sent.expect("it is on record");
    assert_eq!(sent.message, "jockey.legacy.v1.Reconcile");
    let sent = old::Reconcile::decode(&*sent.encoded).unwrap();
    assert_eq!((&sent.id, &*sent.state), (&made.id, "failed"));
    assert!(sent.completed_at.is_some(), "{sent:?}");
}

/// A singleton runs once at most, which no limit of the installation says.
#[tokio::test(start_paused = true)]
async fn a_worker_whose_scale_is_refused_keeps_its_name() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let singleton = v1::Worker {
        app: text("shop"),
        environment: text("development"),
        name: text("clock"),
        singleton: true,
        ..v1::Worker::default()
    };
    let request = v1::CreateWorkerRequest {
        worker: Some(singleton),
        ..v1::CreateWorkerRequest::default()
    };
    let made = admin.workers().create_worker(request).await.unwrap();
    let made: WorkerId = made.into_inner().worker.unwrap().id.parse().unwrap();
    let id = made.number().to_string();
    let mut workers = WorkerServiceClient::new(admin.0.clone());
    let mut update = async |scale: &str| {
        let request = old::UpdateWorkerRequest {
            id: id.clone(),
            name: Some(text("cron")),
            scale: Some(text(scale)),
        };
        let answer = workers.update_worker(request).await?;
        let shown = answer.into_inner().data.unwrap();
        Ok::<_, tonic::Status>((shown.name, shown.scale))
    };
    let refused = refusal(update("2").await);
    assert!(refused.contains("clock is a singleton"), "{refused}");
    let found = stage.store.worker(made).await.unwrap();
    assert_eq!(found.unwrap().spec.name.as_str(), "clock");
    assert_eq!(update("0").await.unwrap(), (text("cron"), 0));
}

/// Clients of old ask once a second, and until they see an end that they know.
#[tokio::test(start_paused = true)]
async fn a_deploy_that_is_replaced_at_once_is_seen_deployed() {
    let mut stage = Stage::still().await;
    stage.run();
    let admin = stage.admin().await;
    stage.commit(1);
    admin.create_shop().await;
    let first = admin.deploy_shop().await;
    stage.commit(2);
    admin.deploy_shop().await;
    let asked = v1::GetDeployRequest {
        deploy: first.id.clone(),
    };
    let now = admin.deploys().get_deploy(asked).await.unwrap();
    let now = now.into_inner().deploy.unwrap();
    assert_eq!(now.state(), v1::DeployState::Stopped);
    let seen = async || {
        let mut deploys = DeployServiceClient::new(admin.0.clone());
        let asked = old::GetDeployRequest { id: text("1") };
        let found = deploys.get_deploy(asked).await.unwrap();
        found.into_inner().data.unwrap().state
    };
    assert_eq!(seen().await, "deployed");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(seen().await, "stopped");
    // Who is called back later is told how the job ended.
    let sent = api::legacy_object(&stage.deps, &first.id).await.unwrap();
    let sent = old::Deploy::decode(&*sent.expect("it is on record").encoded).unwrap();
    assert_eq!(sent.state, "deployed");
}

#[tokio::test(start_paused = true)]
async fn a_deploy_waits_for_a_change_that_nobody_deployed() {
    let (_stage, admin, commit) = halted().await;
    let edit = v1::UpdateConfigSetRequest {
        environment: text("development"),
        app: text("shop"),
        set: [(text("A"), text("1"))].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    let changed = admin.configs().update_config_set(edit).await.unwrap();
    assert_eq!(changed.into_inner().deploys.len(), 1);
    let mut deploys = DeployServiceClient::new(admin.0.clone());
    let deploy = || old::CreateDeployRequest {
        app: text("shop"),
        environment: text("development"),
        rref: Some(text(commit.as_str())),
        ..old::CreateDeployRequest::default()
    };
    let made = deploys.create_deploy(deploy()).await.unwrap();
    let made = made.into_inner().data.unwrap();
    let told = refusal(deploys.create_deploy(deploy()).await);
    assert!(told.contains(&format!("Deploy ID {}", made.id)), "{told}");
}
