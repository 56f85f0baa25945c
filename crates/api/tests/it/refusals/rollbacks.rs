//! Rollbacks that have nowhere to go to.

use crate::stage::{As, Stage, refusal};
use proto::v1::{self, DeployState, create_deploy_request, rollback_deploy_request::Target};

async fn rollback(admin: &As, target: Option<Target>) -> String {
    let request = v1::RollbackDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        target,
        ..v1::RollbackDeployRequest::default()
    };
    refusal(admin.deploys().rollback_deploy(request).await)
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_what_never_was_is_refused_with_what_to_do() {
    let stage = Stage::new().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    stage.commit(1);
    let first = admin.deploy_shop().await;
    assert_eq!(first.state(), DeployState::Deployed, "{first:?}");
    let mut said = vec![rollback(&admin, None).await];

    let request = v1::CreateDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        target: Some(create_deploy_request::Target::Ref("nope".to_owned())),
        ..v1::CreateDeployRequest::default()
    };
    let made = admin.deploys().create_deploy(request).await.unwrap();
    let id = made.into_inner().deploy.unwrap().id;
    let told = admin.follow(&id).await;
    let failed = told.last().unwrap().deploy.clone().unwrap();
    assert_eq!(failed.state(), DeployState::Failed, "{failed:?}");
    said.push(rollback(&admin, Some(Target::Deploy(id))).await);
    // It has changed nothing: there is nothing earlier yet.
    said.push(rollback(&admin, None).await);
    said.push(rollback(&admin, Some(Target::Release("rel-7".to_owned()))).await);
    insta::assert_snapshot!(said.join("\n"));
}
