use crate::stage::{Stage, in_time};
use proto::v1::{self, DeployCause, DeployPhase, DeployState};

fn create() -> v1::CreateDeployRequest {
    v1::CreateDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::CreateDeployRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_is_followed_from_its_commit_to_healthy_instances() {
    let stage = Stage::new().await;
    let commit = stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let answer = admin.deploys().create_deploy(create()).await.unwrap();
    let deploy = answer.into_inner().deploy.unwrap();
    assert_eq!(deploy.state(), DeployState::Created);
    let told = admin.follow(&deploy.id).await;
    let last = told.last().unwrap();
    assert_eq!(last.phase(), DeployPhase::Done);
    let done = last.deploy.clone().unwrap();
    assert_eq!(
        (done.state(), done.reason.as_str()),
        (DeployState::Deployed, "")
    );
    assert_eq!(done.commit, commit.as_str());
    let lines: Vec<_> = told.iter().flat_map(|t| &t.log_lines).collect();
    assert_eq!(lines[0].number, 1);
    let phases: Vec<_> = told.iter().map(v1::WatchDeployResponse::phase).collect();
    assert!(phases.is_sorted(), "{phases:?}");
    let listed = admin
        .instances()
        .list_instances(v1::ListInstancesRequest::default())
        .await;
    let listed = listed.unwrap().into_inner().instances;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].state(), v1::InstanceState::Running);
    assert_eq!(
        listed[0].health.as_ref().unwrap().state(),
        v1::HealthState::Healthy
    );
    assert_eq!(
        (listed[0].deploy.as_str(), listed[0].commit.as_str()),
        (done.id.as_str(), commit.as_str())
    );
    assert!(listed[0].address.starts_with("node-1.test:"));
}

#[tokio::test(start_paused = true)]
async fn a_deploy_of_what_was_built_before_tells_no_lines_of_that_build() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let first = admin.deploy_shop().await;
    let answer = admin.deploys().create_deploy(create()).await.unwrap();
    let again = answer.into_inner().deploy.unwrap();
    let told = admin.follow(&again.id).await;
    let done = told.last().unwrap().deploy.clone().unwrap();
    assert_eq!(done.state(), DeployState::Deployed, "{}", done.reason);
    assert_eq!(done.build, first.build);
    assert!(told.iter().all(|progress| progress.log_lines.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_scale_shows_the_instances_that_it_would_start() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let request = v1::RescaleWorkersRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        scales: vec![v1::WorkerScale {
            worker: "web".to_owned(),
            scale: 3,
        }],
        dry_run: true,
        ..v1::RescaleWorkersRequest::default()
    };
    let answer = admin
        .workers()
        .rescale_workers(request.clone())
        .await
        .unwrap();
    let plan = answer.into_inner().plan.unwrap();
    let starts = |step: &&v1::PlanStep| step.action() == v1::PlanAction::Start;
    assert_eq!(plan.steps.iter().filter(starts).count(), 2, "{plan:?}");
    let worker = v1::GetWorkerRequest {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
    };
    let before = admin.workers().get_worker(worker.clone()).await.unwrap();
    assert_eq!(before.into_inner().worker.unwrap().scale, Some(1));
    let run = v1::RescaleWorkersRequest {
        dry_run: false,
        ..request
    };
    admin.workers().rescale_workers(run).await.unwrap();
    let after = admin.workers().get_worker(worker).await.unwrap();
    assert_eq!(after.into_inner().worker.unwrap().scale, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_config_change_is_a_deploy_of_the_same_build() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let first = admin.deploy_shop().await;
    let request = v1::UpdateConfigSetRequest {
        environment: "development".to_owned(),
        set: [("GREETING".to_owned(), "hello".to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    let answer = admin.configs().update_config_set(request).await.unwrap();
    let deploys = answer.into_inner().deploys;
    assert_eq!(deploys.len(), 1);
    assert_eq!(deploys[0].cause(), DeployCause::Config);
    let told = admin.follow(&deploys[0].id).await;
    let done = told.last().unwrap().deploy.clone().unwrap();
    assert_eq!(done.state(), DeployState::Deployed, "{}", done.reason);
    assert_eq!(done.build, first.build);
    assert_ne!(done.release, first.release);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_goes_to_the_release_before() {
    let stage = Stage::new().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let old = stage.commit(1);
    let first = admin.deploy_shop().await;
    stage.commit(2);
    admin.deploy_shop().await;
    let request = v1::RollbackDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::RollbackDeployRequest::default()
    };
    let answer = admin.deploys().rollback_deploy(request).await.unwrap();
    let back = answer.into_inner().deploy.unwrap();
    assert_eq!(back.cause(), DeployCause::Rollback);
    let told = admin.follow(&back.id).await;
    let done = told.last().unwrap().deploy.clone().unwrap();
    assert_eq!(done.state(), DeployState::Deployed, "{}", done.reason);
    assert_eq!(done.commit, old.as_str());
    assert_ne!(done.id, first.id);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_behind_another_says_its_place_and_can_be_cancelled() {
    let stage = Stage::still().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let first = admin.deploys().create_deploy(create()).await.unwrap();
    let first = first.into_inner().deploy.unwrap();
    let second = admin.deploys().create_deploy(create()).await.unwrap();
    let second = second.into_inner().deploy.unwrap();
    assert_eq!(second.queue_position, 1);
    let waits = format!("waits for {} of admin: created", first.id);
    assert_eq!(second.step, waits);
    let request = v1::CancelDeployRequest {
        deploy: second.id,
        ..v1::CancelDeployRequest::default()
    };
    let cancelled = admin.deploys().cancel_deploy(request).await.unwrap();
    let cancelled = cancelled.into_inner().deploy.unwrap();
    assert_eq!(cancelled.state(), DeployState::Cancelled);
    assert_eq!(cancelled.reason, "cancelled by admin");
    let superseding = v1::CreateDeployRequest {
        on_conflict: v1::DeployConflict::Supersede.into(),
        ..create()
    };
    let third = admin.deploys().create_deploy(superseding).await.unwrap();
    assert_eq!(third.into_inner().deploy.unwrap().queue_position, 0);
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_build_are_followed_to_its_end_and_resumed() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let request = v1::CreateBuildRequest {
        app: "shop".to_owned(),
        ..v1::CreateBuildRequest::default()
    };
    let answer = admin.builds().create_build(request).await.unwrap();
    let build = answer.into_inner().build.unwrap();
    let logs = v1::StreamBuildLogsRequest {
        build: build.id,
        follow: true,
        ..v1::StreamBuildLogsRequest::default()
    };
    let mut stream = admin
        .builds()
        .stream_build_logs(logs.clone())
        .await
        .unwrap()
        .into_inner();
    let mut lines = Vec::new();
    let end = async {
        while let Some(more) = stream.message().await.unwrap() {
            lines.extend(more.lines);
        }
    };
    in_time("the end of the build's log", end).await;
    assert!(lines[0].text.starts_with("building"), "{lines:?}");
    let resumed = v1::StreamBuildLogsRequest {
        after_line: lines.last().unwrap().number,
        ..logs
    };
    let mut stream = admin
        .builds()
        .stream_build_logs(resumed)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stream.message().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn the_log_of_an_app_is_that_of_its_instances() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let request = v1::StreamInstanceLogsRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::StreamInstanceLogsRequest::default()
    };
    let mut stream = admin
        .instances()
        .stream_instance_logs(request)
        .await
        .unwrap()
        .into_inner();
    let chunk = stream.message().await.unwrap().unwrap();
    assert_eq!(
        (chunk.worker.as_str(), chunk.lines[0].text.as_str()),
        ("web", "started")
    );
    assert_eq!(stream.message().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_is_previewed_and_run() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let request = v1::PreviewReconcileRequest {
        environment: "development".to_owned(),
        app: String::new(),
    };
    let plan = admin.reconciles().preview_reconcile(request).await.unwrap();
    assert_eq!(plan.into_inner().plan.unwrap().summary, "nothing to do");
    let request = v1::CreateReconcileRequest {
        environment: "development".to_owned(),
        ..v1::CreateReconcileRequest::default()
    };
    let made = admin.reconciles().create_reconcile(request).await.unwrap();
    let made = made.into_inner().reconcile.unwrap();
    assert_eq!(made.state(), v1::ReconcileState::InProgress);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_followed_takes_up_instances_that_come_later() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let request = v1::StreamInstanceLogsRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        follow: true,
        ..v1::StreamInstanceLogsRequest::default()
    };
    let answer = admin
        .instances()
        .stream_instance_logs(request)
        .await
        .unwrap();
    let mut stream = answer.into_inner();
    let first = stream.message().await.unwrap().unwrap();
    let rescale = v1::RescaleWorkersRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        scales: vec![v1::WorkerScale {
            worker: "web".to_owned(),
            scale: 2,
        }],
        ..v1::RescaleWorkersRequest::default()
    };
    admin.workers().rescale_workers(rescale).await.unwrap();
    let second = stream.message().await.unwrap().unwrap();
    assert_ne!(first.instance, second.instance);
    assert_eq!(second.lines[0].text, "started");
}
