//! Servers that are asked to stop, clients that hang up, requests that come twice.

use crate::{
    calls::{DEVELOPMENT, containers, contains, refused},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::{SLOW, WEB},
};
use proto::v1::{self, DeployState};
use std::time::{Duration, Instant};
use tonic::Code;

/// What a shutdown may take, when nothing hangs: less than its grace of 20 s.
const GRACE: Duration = Duration::from_secs(20);

fn deploy(app: &str, request_id: &str) -> v1::CreateDeployRequest {
    v1::CreateDeployRequest {
        app: app.to_owned(),
        environment: DEVELOPMENT.to_owned(),
        target: Some(v1::create_deploy_request::Target::Ref("HEAD".to_owned())),
        request_id: request_id.to_owned(),
        ..v1::CreateDeployRequest::default()
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_during_a_deploy_finishes_it_when_it_is_back() -> anyhow::Result<()>
{
    let mut server = Jockeyd::start().await?;
    let repository = server
        .app("paused", &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    server.deployed("paused").await?;
    let before = server.settled("paused", "one", exactly(1)).await?;
    repository.commit(&change("slow", &[("Dockerfile", SLOW)]))?;
    let deploy = server.ask_deploy("paused", "HEAD").await?;
    let started = |instances: &[v1::Instance]| instances.iter().any(|it| it.deploy == deploy.id);
    server
        .settled("paused", "the new one to start", started)
        .await?;

    let began = Instant::now();
    let status = server.terminate()?;
    assert!(status.success(), "{status}\n{}", server.log());
    assert!(began.elapsed() < GRACE, "it took {:?}", began.elapsed());
    contains(&server.log(), &["stopping:", "stopped"]);
    assert!(!server.file("address").exists());
    assert_eq!(
        get(&before[0].address).await?,
        "first",
        "what runs needs no server"
    );

    server.resume().await?;
    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        server.log()
    );
    let after = server.settled("paused", "one", exactly(1)).await?;
    assert_eq!(get(&after[0].address).await?, "slow\n");
    assert_eq!(server.scope.containers()?, [after[0].container.clone()]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_stopped_during_a_build_builds_when_it_is_back() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    let dockerfile = WEB.replace("COPY", "RUN sleep 2\nCOPY");
    server
        .app(
            "half-built",
            &[("Dockerfile", &dockerfile), ("page", "whole")],
        )
        .await?;
    let deploy = server.ask_deploy("half-built", "HEAD").await?;
    let request = || v1::GetDeployRequest {
        deploy: deploy.id.clone(),
    };
    let building = |answer: &v1::GetDeployResponse| {
        answer
            .deploy
            .as_ref()
            .is_some_and(|it| it.state() == DeployState::Building)
    };
    let ask = || async { server.admin().deploys().get_deploy(request()).await };
    server.until("the build to begin", ask, building).await?;
    let began = Instant::now();
    server.terminate()?;
    assert!(began.elapsed() < GRACE, "it took {:?}", began.elapsed());
    server.resume().await?;
    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        server.log()
    );
    Ok(())
}

#[tokio::test]
async fn a_server_with_open_streams_stops_in_time() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    let mut events = server.admin().events();
    let mut stream = events
        .watch_events(v1::WatchEventsRequest::default())
        .await?
        .into_inner();
    let began = Instant::now();
    server.terminate()?;
    assert!(began.elapsed() < GRACE, "it took {:?}", began.elapsed());
    let end = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    let told = end.expect_err("it does not end as if nothing more could come");
    assert_eq!(told.code(), Code::Unavailable, "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_client_that_hangs_up_hurts_nobody() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("hung-up", &[("Dockerfile", WEB), ("page", "x")])
        .await?;
    // A call that is dropped before its answer: it is carried out, or not at all.
    for _ in 0..20 {
        let mut deploys = server.admin().deploys();
        let call = deploys.create_deploy(deploy("hung-up", "the-same"));
        let _dropped = tokio::time::timeout(Duration::from_micros(500), call).await;
    }
    let asked = server
        .admin()
        .deploys()
        .create_deploy(deploy("hung-up", "the-same"))
        .await?;
    let asked = asked.into_inner().deploy.expect("a deploy");
    let mut watched = Vec::new();
    for _ in 0..20 {
        let request = v1::WatchDeployRequest {
            deploy: asked.id.clone(),
        };
        let mut stream = server
            .admin()
            .deploys()
            .watch_deploy(request)
            .await?
            .into_inner();
        watched.push(stream.message().await?.expect("how it stands"));
    }
    let ended = server.ended(&asked.id).await?;
    assert_eq!(ended.state(), DeployState::Deployed, "{ended:?}");
    let all = server
        .admin()
        .deploys()
        .list_deploys(v1::ListDeploysRequest::default())
        .await?;
    assert_eq!(all.into_inner().deploys.len(), 1);
    Ok(())
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
async fn a_dry_run_tells_the_plan_and_does_nothing() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("dry", &[("Dockerfile", WEB), ("page", "dry")])
        .await?;
    let dry = v1::CreateDeployRequest {
        dry_run: true,
        ..deploy("dry", "")
    };
    let plan = server
        .admin()
        .deploys()
        .create_deploy(dry.clone())
        .await?
        .into_inner()
        .plan;
    let plan = plan.expect("a plan");
    let actions: Vec<v1::PlanAction> = plan.steps.iter().map(v1::PlanStep::action).collect();
    assert!(actions.contains(&v1::PlanAction::Build), "{plan:?}");
    server.deployed("dry").await?;
    let before = server.settled("dry", "one", exactly(1)).await?;

    let newest = async || {
        let all = server
            .admin()
            .events()
            .list_events(v1::ListEventsRequest::default())
            .await?;
        anyhow::Ok(
            all.into_inner()
                .events
                .first()
                .map(|event| event.id.clone()),
        )
    };
    let told = newest().await?;
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
    let starts = plan.expect("a plan").steps;
    let starts = starts
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
    assert_eq!(newest().await?, told, "nothing is on record");
    let after = server.settled("dry", "one", exactly(1)).await?;
    assert_eq!(containers(&before), containers(&after));
    Ok(())
}

#[tokio::test]
async fn a_deploy_waits_for_the_one_before_or_takes_its_place() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server.app("turns", &[("Dockerfile", SLOW)]).await?;
    let first = server.ask_deploy("turns", "HEAD").await?;
    repository.commit(&change("quick", &[("Dockerfile", WEB), ("page", "quick")]))?;
    let second = server.ask_deploy("turns", "HEAD").await?;
    assert_eq!(second.queue_position, 1, "{second:?}");
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
    repository.commit(&change("slow", &[("Dockerfile", SLOW)]))?;
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
    again.says(Code::FailedPrecondition, "DEPLOY_OVER", &["is cancelled"]);
    Ok(())
}
