//! Another name for an Environment or a Worker: where nothing bears the first, and with all that refers to it.

use crate::stage::{As, Stage, in_time, refusal};
use api::Times;
use proto::v1::{
    self, DeployState, audit_service_client::AuditServiceClient,
    version_service_client::VersionServiceClient,
};
use std::time::Duration;

fn text(text: &str) -> String {
    text.to_owned()
}

fn environment(which: &str, name: &str) -> v1::UpdateEnvironmentRequest {
    v1::UpdateEnvironmentRequest {
        environment: text(which),
        values: Some(v1::Environment {
            name: text(name),
            ..v1::Environment::default()
        }),
        ..v1::UpdateEnvironmentRequest::default()
    }
}

fn worker(which: &str, name: &str) -> v1::UpdateWorkerRequest {
    v1::UpdateWorkerRequest {
        worker: text(which),
        app: text("shop"),
        environment: text("development"),
        values: Some(v1::Worker {
            name: text(name),
            ..v1::Worker::default()
        }),
        ..v1::UpdateWorkerRequest::default()
    }
}

async fn scale(admin: &As, environment: &str, scale: i32) {
    let request = v1::RescaleWorkersRequest {
        app: text("shop"),
        environment: text(environment),
        scales: vec![v1::WorkerScale {
            worker: text("web"),
            scale,
        }],
        ..v1::RescaleWorkersRequest::default()
    };
    admin.workers().rescale_workers(request).await.unwrap();
}

/// Waits until an attempt is not refused for what bears the name.
async fn once_free<T>(attempt: impl AsyncFn() -> Result<T, tonic::Status>) -> T {
    in_time("a name that nothing bears", async {
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(status) => {
                    assert!(status.message().contains("bear it"), "{}", status.message())
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn an_environment_gets_another_name_once_nothing_runs_in_it() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let first = admin.deploy_shop().await;
    let rename = environment("development", "live");
    let said = refusal(
        admin
            .environments()
            .update_environment(rename.clone())
            .await,
    );
    assert_eq!(
        said,
        "FailedPrecondition NAME_HELD: environment `development` keeps its name: 1 instances bear it; \
         wait for what is under way, and scale what runs to 0; then give it another name"
    );
    let taken = environment("development", "staging");
    let said = refusal(admin.environments().update_environment(taken).await);
    assert!(said.starts_with("AlreadyExists EXISTS"), "{said}");

    scale(&admin, "development", 0).await;
    let tried = v1::UpdateEnvironmentRequest {
        dry_run: true,
        ..rename.clone()
    };
    once_free(async || admin.environments().update_environment(tried.clone()).await).await;
    let answer = admin.environments().update_environment(rename).await;
    let answer = answer.unwrap().into_inner();
    let renamed = answer.environment.unwrap();
    assert_eq!((&*renamed.id, &*renamed.name), ("env-1", "live"));
    assert_eq!(answer.plan.unwrap().steps[0].why, "its name becomes live");
    let gone = v1::GetEnvironmentRequest {
        environment: text("development"),
    };
    let said = refusal(admin.environments().get_environment(gone).await);
    assert!(said.starts_with("NotFound UNKNOWN_ENVIRONMENT"), "{said}");

    all_goes_on(&admin, &first).await;
}

/// What was there by the former name is there by the new one, and the App is deployed again.
async fn all_goes_on(admin: &As, first: &v1::Deploy) {
    let list = v1::ListDeploysRequest {
        environment: text("live"),
        ..v1::ListDeploysRequest::default()
    };
    let deploys = admin.deploys().list_deploys(list).await.unwrap();
    let deploys = deploys.into_inner().deploys;
    assert_eq!(
        (&*deploys[0].id, &*deploys[0].environment),
        (&*first.id, "live")
    );
    let list = v1::ListVersionsRequest {
        environment: text("live"),
        ..v1::ListVersionsRequest::default()
    };
    let mut versions = VersionServiceClient::new(admin.0.clone());
    let found = versions.list_versions(list).await.unwrap().into_inner();
    assert!(found.versions.iter().any(|one| one.object == "wrk-1"));
    assert!(found.versions.iter().all(|one| one.environment == "live"));
    let list = v1::ListAuditEntriesRequest {
        object: text("env-1"),
        ..v1::ListAuditEntriesRequest::default()
    };
    let mut audit = AuditServiceClient::new(admin.0.clone());
    let entries = audit.list_audit_entries(list).await.unwrap().into_inner();
    let newest = &entries.entries[0];
    assert_eq!(
        (&*newest.before["name"], &*newest.after["name"]),
        ("development", "live")
    );

    scale(admin, "live", 1).await;
    let request = v1::CreateDeployRequest {
        app: text("shop"),
        environment: text("live"),
        ..v1::CreateDeployRequest::default()
    };
    let answer = admin.deploys().create_deploy(request).await.unwrap();
    let deploy = answer.into_inner().deploy.unwrap();
    let told = admin.follow(&deploy.id).await;
    let done = told.last().unwrap().deploy.clone().unwrap();
    assert_eq!(done.state(), DeployState::Deployed, "{}", done.reason);
}

#[tokio::test(start_paused = true)]
async fn who_is_admin_of_one_environment_gives_it_no_other_name() {
    let grants = r#"
        organisations = ["acme"]
        [[grant]]
        team = "acme/dev"
        role = "admin"
        environments = ["development", "live"]
        [[grant]]
        team = "acme/ops"
        role = "admin"
    "#;
    let stage = Stage::granting(grants, Times::default()).await;
    let [dev, ops] = ["dev", "ops"].map(|team| {
        let (_, token) = stage.person(team, &[&format!("acme/{team}")]);
        stage.bearing(Some(token))
    });
    let rename = environment("development", "live");
    let said = refusal(dev.environments().update_environment(rename.clone()).await);
    assert!(said.starts_with("PermissionDenied NOT_GRANTED"), "{said}");
    let mut same = environment("development", "development");
    let values = same.values.as_mut().unwrap();
    values.service_name_template = text("{app}-{worker}-dev");
    dev.environments().update_environment(same).await.unwrap();
    ops.environments().update_environment(rename).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_worker_gets_another_name_once_nothing_of_it_runs() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let said = refusal(admin.workers().update_worker(worker("web", "http")).await);
    assert_eq!(
        said,
        "FailedPrecondition NAME_HELD: worker `web` keeps its name: it is what the commit declares; \
         give it another name there, and deploy that"
    );
    let create = v1::CreateWorkerRequest {
        worker: Some(v1::Worker {
            scale: Some(1),
            settle: Some(prost_types::Duration::default()),
            ..crate::refusals::worker("clock")
        }),
        ..v1::CreateWorkerRequest::default()
    };
    let answer = admin.workers().create_worker(create).await.unwrap();
    let made = answer.into_inner();
    admin.follow(&made.deploy.unwrap().id).await;
    let rename = worker("clock", "timer");
    let said = refusal(admin.workers().update_worker(rename.clone()).await);
    assert!(
        said.starts_with(
            "FailedPrecondition NAME_HELD: worker `clock` keeps its name: 1 instances bear it;"
        ),
        "{said}"
    );
    let mut both = rename.clone();
    both.values.as_mut().unwrap().scale = Some(0);
    let said = refusal(admin.workers().update_worker(both).await);
    assert_eq!(
        said,
        "InvalidArgument INVALID_FIELD [values.scale]: a worker gets another name by itself; change its scale with another call"
    );
    let taken = refusal(admin.workers().update_worker(worker("clock", "web")).await);
    assert!(taken.starts_with("AlreadyExists EXISTS"), "{taken}");
    let long = worker("clock", &"x".repeat(60));
    let long = refusal(admin.workers().update_worker(long).await);
    assert!(
        long.starts_with("InvalidArgument INVALID_FIELD [values.name]"),
        "{long}"
    );

    let halt = v1::UpdateWorkerRequest {
        values: Some(v1::Worker {
            scale: Some(0),
            ..v1::Worker::default()
        }),
        ..rename.clone()
    };
    admin.workers().update_worker(halt).await.unwrap();
    let renamed = once_free(async || admin.workers().update_worker(rename.clone()).await).await;
    let renamed = renamed.into_inner();
    let worker = renamed.worker.unwrap();
    let before = made.worker.unwrap();
    assert_eq!((&worker.id, &*worker.name), (&before.id, "timer"));
    // What runs is deployed with the new name.
    let deploy = admin.follow(&renamed.deploy.unwrap().id).await;
    let deploy = deploy.last().unwrap().deploy.clone().unwrap();
    assert_eq!(deploy.state(), DeployState::Deployed, "{}", deploy.reason);
    let get = v1::GetReleaseRequest {
        release: deploy.release,
    };
    let mut releases = v1::release_service_client::ReleaseServiceClient::new(admin.0.clone());
    let release = releases.get_release(get).await.unwrap().into_inner();
    let release = release.release.unwrap();
    let names: Vec<_> = release.workers.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["timer", "web"]);
}
