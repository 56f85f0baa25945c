//! Several organisations: each lets its own people in, and one that somebody leaves takes what it gave alone.

use crate::stage::{As, Stage, refusal};
use api::Times;
use domain::Membership;
use proto::{
    legacy::v1::{self as old, worker_service_client::WorkerServiceClient},
    v1,
};
use std::time::Duration;
use tokio::time::advance;

const POLICY: &str = r#"
organisations = ["acme", "globex"]

[[grant]]
team = "acme/dev"
role = "deployer"
environments = ["development"]

[[grant]]
organisation = "globex"
role = "viewer"

[[grant]]
team = "globex/ops"
role = "deployer"
environments = ["staging"]
"#;

async fn stage() -> Stage {
    let stage = Stage::granting(POLICY, Times::default()).await;
    stage.admin().await.create_shop().await;
    stage
}

/// Where somebody may deploy, and whether they may look.
async fn may(client: &As) -> (Vec<&'static str>, bool) {
    let mut deploys = Vec::new();
    for environment in ["development", "staging"] {
        let request = v1::CreateDeployRequest {
            app: "shop".to_owned(),
            environment: environment.to_owned(),
            dry_run: true,
            ..v1::CreateDeployRequest::default()
        };
        match client.deploys().create_deploy(request).await {
            Ok(_) => deploys.push(environment),
            denied => assert!(refusal(denied).starts_with("PermissionDenied NOT_GRANTED")),
        }
    }
    let every = v1::ListAppsRequest::default();
    let may_look = client.apps().list_apps(every).await.is_ok();
    (deploys, may_look)
}

#[tokio::test(start_paused = true)]
async fn each_organisation_lets_its_own_people_in() {
    let stage = stage().await;
    stage.commit(1);
    for (login, places, want) in [
        ("acme-only", &["acme/dev"][..], (vec!["development"], true)),
        ("globex-only", &["globex"], (vec![], true)),
        ("globex-ops", &["globex/ops"], (vec!["staging"], true)),
        (
            "both",
            &["acme/dev", "globex/ops"],
            (vec!["development", "staging"], true),
        ),
        ("acme-alone", &["acme"], (vec![], false)),
        ("neither", &[], (vec![], false)),
    ] {
        let (_, token) = stage.person(login, places);
        let client = stage.bearing(Some(token));
        assert_eq!(may(&client).await, want, "{login}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_one_of_two_keeps_what_the_other_gives() {
    let stage = stage().await;
    stage.commit(1);
    let (mona, token) = stage.person("mona", &["acme/dev", "globex/ops"]);
    let client = stage.bearing(Some(token));
    let both = (vec!["development", "staging"], true);
    assert_eq!(may(&client).await, both);
    let left = "globex".parse().unwrap();
    stage.directory.member(&left, &mona, Membership::Absent);
    advance(Times::CACHE_MAX + Duration::from_secs(1)).await;
    assert_eq!(may(&client).await, (vec!["development"], true));
    let who = client.system().who_am_i(v1::WhoAmIRequest {}).await;
    assert_eq!(who.unwrap().into_inner().organisations, ["acme"]);
}

async fn asks_of_old(client: &As) -> Result<(), tonic::Status> {
    let mut workers = WorkerServiceClient::new(client.0.clone());
    let request = old::ListWorkersRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..old::ListWorkersRequest::default()
    };
    workers.list_workers(request).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn clients_of_old_are_told_of_who_is_outside_as_of_who_shows_no_token() {
    let stage = stage().await;
    let outside = "Unauthenticated NOT_LET_IN: github:";
    for (login, places, want) in [
        ("in-none", &[][..], outside),
        ("in-no-team", &["acme"], outside),
        ("elsewhere", &["globex/ops"], "no refusal"),
        ("at-work", &["acme/dev"], "no refusal"),
    ] {
        let (_, token) = stage.person(login, places);
        let told = asks_of_old(&stage.bearing(Some(token))).await;
        let told = match told {
            Ok(()) => "no refusal".to_owned(),
            refused => refusal(refused),
        };
        assert!(told.starts_with(want), "{login}: {told}");
    }
    // The organisation does not say who is in it.
    let (_, token) = stage.person("kept-out", &["acme/dev"]);
    for organisation in ["acme", "globex"] {
        stage.directory.close(&organisation.parse().unwrap());
    }
    let told = refusal(asks_of_old(&stage.bearing(Some(token))).await);
    assert!(told.starts_with("Unauthenticated NOT_LET_IN"), "{told}");
}
