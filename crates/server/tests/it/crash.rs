//! `kill -9` of the server after each step of a deploy, and in the middle of calls: started again, it comes to the same
//! end.

use crate::{
    calls::{Refusal, containers},
    harness::{Jockeyd, PATIENCE, change, exactly},
    network::get,
    requests,
    sources::WEB,
};
use anyhow::ensure;
use proto::v1::{self, DeployState};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};
use testkit::git::Repository;
use tokio::task::JoinSet;

const APP: &str = "phoenix";

/// How often the server has set out to do a step, as its log tells.
fn steps(server: &Jockeyd) -> usize {
    server
        .log()
        .lines()
        .filter(|line| line.contains("step action="))
        .count()
}

/// When the server is killed.
#[derive(Clone, Copy)]
enum When {
    /// Once it has set out to do so many more steps.
    Steps(usize),
    /// While the image is built.
    Building,
}

/// Deploys a page, kills the server at that moment, starts it again, and waits for the same end as ever.
async fn deploy_and_kill(
    server: &mut Jockeyd,
    repository: &Repository,
    page: &str,
    when: When,
) -> anyhow::Result<Struck> {
    repository.commit(&change(page, &[("page", page)]))?;
    let before = steps(server);
    let deploy = server.ask_deploy(APP, "HEAD").await?;
    let deadline = Instant::now() + PATIENCE;
    let struck = loop {
        ensure!(Instant::now() < deadline, "{deploy:?}\n{}", server.log());
        // Looked up first: what is deployed then has no more steps to come.
        let state = server.deploy_of(&deploy.id).await?.state();
        let now = match when {
            When::Steps(count) => steps(server) >= before + count,
            When::Building => state == DeployState::Building,
        };
        match state {
            _ if now => break Struck::InTime,
            DeployState::Deployed | DeployState::Failed => break Struck::TooLate,
            _ => {}
        }
    };
    server.kill()?;
    server.resume().await?;

    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{page}: {deploy:?}\n{}",
        server.log()
    );
    let instances = server
        .settled(APP, "two of the new deploy", exactly(2))
        .await?;
    for instance in &instances {
        assert_eq!(instance.deploy, deploy.id, "{page}");
        assert_eq!(get(&instance.address).await?, page);
    }
    let all = server.scope.containers()?.into_iter().collect();
    assert_eq!(
        containers(&instances),
        all,
        "{page}: an orphan\n{}",
        server.log()
    );
    Ok(struck)
}

/// Whether the server was killed where the test wanted it.
#[derive(Debug, PartialEq, Eq)]
enum Struck {
    InTime,
    TooLate,
}

async fn running() -> anyhow::Result<(Jockeyd, Repository)> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app(APP, &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    server.deployed(APP).await?;
    server.scale(APP, "web", 2).await?;
    server.settled(APP, "two", exactly(2)).await?;
    Ok((server, repository))
}

#[tokio::test]
async fn a_kill_after_any_step_leads_to_the_same_end() -> anyhow::Result<()> {
    let (mut server, repository) = running().await?;
    // Two starts, two registrations, and of the old ones two times out of traffic, stopped and removed.
    let mut kills = 0;
    for after in 1..=10 {
        let page = format!("killed after step {after}");
        match deploy_and_kill(&mut server, &repository, &page, When::Steps(after)).await? {
            Struck::InTime => kills += 1,
            Struck::TooLate => break,
        }
    }
    assert!(
        kills >= 6,
        "a deploy of two instances takes more than {kills} steps"
    );
    Ok(())
}

#[tokio::test]
async fn a_kill_while_the_image_is_built_leads_to_the_same_end() -> anyhow::Result<()> {
    let (mut server, repository) = running().await?;
    let dockerfile = WEB.replace("COPY", "RUN sleep 2\nCOPY");
    repository.commit(&change("slow to build", &[("Dockerfile", &dockerfile)]))?;
    let page = "killed while building";
    let struck = deploy_and_kill(&mut server, &repository, page, When::Building).await?;
    assert_eq!(struck, Struck::InTime);
    Ok(())
}

/// How many ask for a deploy at once, each with a key of its own.
const CALLS: usize = 12;

/// Asks with each key, and answers with the deploys of those who were answered, until so many were.
async fn ask(
    server: &Jockeyd,
    app: &str,
    until: usize,
) -> anyhow::Result<BTreeMap<String, Result<String, Refusal>>> {
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let key = format!("{app}-{number}");
        let mut deploys = server.admin().deploys();
        let request = requests::deploy(app, &key);
        calls.spawn(async move { (key, deploys.create_deploy(request).await) });
    }
    let mut answers = BTreeMap::new();
    while answers.len() < until
        && let Some(call) = calls.join_next().await
    {
        let (key, answer) = call?;
        let deploy = |answer: v1::CreateDeployResponse| answer.deploy.unwrap_or_default().id;
        let answer = answer.map(|answer| deploy(answer.into_inner()));
        answers.insert(key, answer.map_err(|status| Refusal::of(&status)));
    }
    // The others are inside, or on their way.
    calls.detach_all();
    Ok(answers)
}

#[tokio::test]
async fn what_was_asked_when_the_server_was_killed_is_done_once_when_it_is_asked_again()
-> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    for (app, answered) in [("first", 1), ("third", 3), ("sixth", 6)] {
        // Of no repository, so that the deploys come to an end soon.
        server.create_app(app).await?;
        let before = ask(&server, app, answered).await?;
        server.kill()?;
        server.resume().await?;
        let after = ask(&server, app, CALLS).await?;
        for (key, answer) in &after {
            let was = before.get(key).and_then(|was| was.as_ref().ok());
            match answer {
                Ok(deploy) => assert!(was.is_none_or(|was| was == deploy), "{key}: {was:?}"),
                // It was done, and the server was killed before it had written down what it answers.
                Err(refusal) => {
                    assert_eq!(refusal.reason, "ANSWER_LOST", "{key}: {refusal:?}");
                    assert_eq!(was, None, "{key}");
                }
            }
        }
        let list = v1::ListDeploysRequest {
            app: app.to_owned(),
            ..v1::ListDeploysRequest::default()
        };
        let listed = server.admin().deploys().list_deploys(list).await?;
        let deploys: BTreeSet<_> = listed
            .into_inner()
            .deploys
            .into_iter()
            .map(|it| it.id)
            .collect();
        assert_eq!(deploys.len(), CALLS, "{app}: {after:?}");
        let told: BTreeSet<_> = after.values().flatten().cloned().collect();
        assert!(told.is_subset(&deploys), "{told:?} {deploys:?}");
    }
    Ok(())
}
