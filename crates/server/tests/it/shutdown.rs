//! Servers that are asked to stop, and clients that hang up.

use crate::{
    calls::contains,
    harness::{Jockeyd, change, exactly},
    network::get,
    requests::deploy,
    sources::{SLOW, WEB},
};
use proto::v1::{self, DeployState};
use std::time::{Duration, Instant};
use tonic::Code;

/// What a shutdown may take, when nothing hangs: less than its grace of 20 s.
const GRACE: Duration = Duration::from_secs(20);

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
    // Named, so that the Engine does not have it from an earlier run.
    let slow = format!("RUN : {}; sleep 5\nCOPY", server.scope.label());
    let dockerfile = WEB.replace("COPY", &slow);
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
