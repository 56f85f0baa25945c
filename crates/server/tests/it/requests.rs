//! Requests that come twice, that only ask what would be, that wait for each other, that are taken back.

use crate::{
    calls::{DEVELOPMENT, containers, refused},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::{SLOW, WEB},
};
use proto::v1::{self, DeployState};
use tonic::Code;

/// Asks for HEAD.
pub(crate) fn deploy(app: &str, request_id: &str) -> v1::CreateDeployRequest {
    v1::CreateDeployRequest {
        app: app.to_owned(),
        environment: DEVELOPMENT.to_owned(),
        target: Some(v1::create_deploy_request::Target::Ref("HEAD".to_owned())),
        request_id: request_id.to_owned(),
        ..v1::CreateDeployRequest::default()
    }
}

/// The newest event there is.
async fn newest_event(server: &Jockeyd) -> anyhow::Result<Option<String>> {
    let request = v1::ListEventsRequest::default();
    let events = server.admin().events().list_events(request).await?;
    Ok(events
        .into_inner()
        .events
        .first()
        .map(|event| event.id.clone()))
}

#[tokio::test]
async fn the_same_request_twice_is_one_deploy_and_another_is_refused() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    server
        .app("once", &[("Dockerfile", WEB), ("page", "x")])
        .await?;
    server.create_app("other").await?;
    let mut deploys = server.admin().deploys();
    let first = deploys
        .create_deploy(deploy("once", "key-1"))
        .await?
        .into_inner();
    let second = deploys
        .create_deploy(deploy("once", "key-1"))
        .await?
        .into_inner();
    let id = |answer: &v1::CreateDeployResponse| answer.deploy.as_ref().expect("one").id.clone();
    assert_eq!(id(&first), id(&second));
    let answer = refused(deploys.create_deploy(deploy("other", "key-1")).await);
    let words = [
        "the request id `key-1` was used for another request",
        "a fresh id",
    ];
    answer.says(Code::AlreadyExists, "REQUEST_ID_REUSED", &words);
    server.ended(&id(&first)).await?;

    // It is remembered by the database, not by the process.
    server.kill()?;
    server.resume().await?;
    let mut deploys = server.admin().deploys();
    let third = deploys
        .create_deploy(deploy("once", "key-1"))
        .await?
        .into_inner();
    assert_eq!(id(&first), id(&third));
    let all = deploys
        .list_deploys(v1::ListDeploysRequest::default())
        .await?
        .into_inner();
    assert_eq!(all.deploys.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_of_a_deploy_tells_the_plan_and_does_nothing() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("dry", &[("Dockerfile", WEB), ("page", "dry")])
        .await?;
    let before = newest_event(&server).await?;
    let dry = v1::CreateDeployRequest {
        dry_run: true,
        ..deploy("dry", "")
    };
    let plan = server
        .admin()
        .deploys()
        .create_deploy(dry)
        .await?
        .into_inner()
        .plan;
    let plan = plan.expect("a plan");
    let actions: Vec<v1::PlanAction> = plan.steps.iter().map(v1::PlanStep::action).collect();
    assert!(actions.contains(&v1::PlanAction::Build), "{plan:?}");
    assert_eq!(newest_event(&server).await?, before, "nothing is on record");
    let builds = server
        .admin()
        .builds()
        .list_builds(v1::ListBuildsRequest::default())
        .await?;
    assert!(builds.into_inner().builds.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_dry_run_of_a_change_tells_the_plan_and_does_nothing() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("dry", &[("Dockerfile", WEB), ("page", "dry")])
        .await?;
    server.deployed("dry").await?;
    let before = server.settled("dry", "one", exactly(1)).await?;
    let told = newest_event(&server).await?;
    let scale = v1::RescaleWorkersRequest {
        app: "dry".to_owned(),
        environment: DEVELOPMENT.to_owned(),
        scales: vec![v1::WorkerScale {
            worker: "web".to_owned(),
            scale: 3,
        }],
        dry_run: true,
        ..v1::RescaleWorkersRequest::default()
    };
    let plan = server
        .admin()
        .workers()
        .rescale_workers(scale)
        .await?
        .into_inner()
        .plan;
    let steps = plan.expect("a plan").steps;
    let starts = steps
        .iter()
        .filter(|step| step.action() == v1::PlanAction::Start);
    assert_eq!(starts.count(), 2);
    let config = v1::UpdateConfigSetRequest {
        environment: DEVELOPMENT.to_owned(),
        app: "dry".to_owned(),
        set: [("A".to_owned(), "b".to_owned())].into(),
        dry_run: true,
        ..v1::UpdateConfigSetRequest::default()
    };
    let answer = server
        .admin()
        .configs()
        .update_config_set(config)
        .await?
        .into_inner();
    assert!(!answer.plan.expect("a plan").steps.is_empty());
    assert_eq!(newest_event(&server).await?, told, "nothing is on record");
    let after = server.settled("dry", "one", exactly(1)).await?;
    assert_eq!(containers(&before), containers(&after));
    Ok(())
}

#[tokio::test]
async fn a_deploy_waits_for_the_one_before_or_takes_its_place() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    // Named, so that the Engine does not have it from an earlier run.
    let slow = format!("RUN : {}; sleep 10; ", server.scope.label());
    // Its place is taken, so that nobody waits for it.
    let slow = SLOW.replace("RUN ", &slow).replace("sleep 5", "sleep 60");
    let repository = server.app("turns", &[("Dockerfile", &slow)]).await?;
    let first = server.ask_deploy("turns", "HEAD").await?;
    // Before that, what HEAD is may be something else.
    let ask = || async {
        let request = v1::GetDeployRequest {
            deploy: first.id.clone(),
        };
        server.admin().deploys().get_deploy(request).await
    };
    let is_building = |told: &v1::GetDeployResponse| {
        let deploy = told.deploy.as_ref();
        deploy.is_some_and(|deploy| deploy.state() == DeployState::Building)
    };
    server.until("it to be built", ask, is_building).await?;
    repository.commit(&change("quick", &[("Dockerfile", WEB), ("page", "quick")]))?;
    let second = server.ask_deploy("turns", "HEAD").await?;
    assert_eq!(second.queue_position, 1, "{second:?}");
    // It is told how far the one is that it waits for: first that it is built, then how many of it are healthy.
    for how_far in ["bld-1 builds ", "web 0 of 1 healthy"] {
        let word = format!("waits for {} of {}: {how_far}", first.id, first.author);
        let ask = || async {
            let request = v1::GetDeployRequest {
                deploy: second.id.clone(),
            };
            server.admin().deploys().get_deploy(request).await
        };
        let says = |told: &v1::GetDeployResponse| {
            let deploy = told.deploy.as_ref();
            deploy.is_some_and(|deploy| deploy.step.starts_with(&word))
        };
        server.until(&word, ask, says).await?;
    }
    let request = v1::CreateDeployRequest {
        on_conflict: v1::DeployConflict::Supersede.into(),
        ..deploy("turns", "")
    };
    let third = server
        .admin()
        .deploys()
        .create_deploy(request)
        .await?
        .into_inner();
    let third = server.ended(&third.deploy.expect("a deploy").id).await?;
    assert_eq!(third.state(), DeployState::Deployed, "{third:?}");
    for superseded in [first, second] {
        let superseded = server.deploy_of(&superseded.id).await?;
        assert_eq!(superseded.state(), DeployState::Cancelled, "{superseded:?}");
    }
    let instances = server.settled("turns", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "quick");
    assert_eq!(server.scope.containers()?, [instances[0].container.clone()]);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_deploy_leaves_what_ran_before() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app("called-off", &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    server.deployed("called-off").await?;
    let before = server.settled("called-off", "one", exactly(1)).await?;
    // It is cancelled, so that nobody waits for it.
    let slow = SLOW.replace("sleep 5", "sleep 60");
    repository.commit(&change("slow", &[("Dockerfile", &slow)]))?;
    let deploy = server.ask_deploy("called-off", "HEAD").await?;
    let started = |instances: &[v1::Instance]| instances.iter().any(|it| it.deploy == deploy.id);
    server
        .settled("called-off", "the new one to start", started)
        .await?;
    let request = v1::CancelDeployRequest {
        deploy: deploy.id.clone(),
        ..v1::CancelDeployRequest::default()
    };
    server
        .admin()
        .deploys()
        .cancel_deploy(request.clone())
        .await?;
    let ended = server.ended(&deploy.id).await?;
    assert_eq!(ended.state(), DeployState::Cancelled, "{ended:?}");
    let after = server
        .settled("called-off", "the old one", exactly(1))
        .await?;
    assert_eq!(containers(&before), containers(&after));
    let again = refused(server.admin().deploys().cancel_deploy(request).await);
    again.says(
        Code::FailedPrecondition,
        "DEPLOY_OVER",
        &["is cancelled", "nothing left to cancel"],
    );
    Ok(())
}
