//! `kill -9` of the server after each step of a deploy, and in the middle of calls: started again, it comes to the same
//! end.

mod each_step;

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
    time::{Duration, Instant},
};
use testkit::{docker, git::Repository};
use tokio::task::JoinSet;

const APP: &str = "phoenix";

/// How often the server is killed at the most, for it to have been killed after each of these: it may have gone on by then.
const KILLS: usize = 60;
const STEPS: [&str; 7] = [
    "deregister",
    "keep",
    "maintenance",
    "register",
    "remove",
    "start",
    "stop",
];

/// The steps that the server has set out to do, as its log tells: `start`, `register`, …
fn steps(server: &Jockeyd) -> Vec<String> {
    let log = server.log();
    let told = log.split("step action=\"").skip(1);
    told.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

/// When the server is killed.
enum When {
    /// Once it has set out to do such a step so many times more.
    Step { action: String, times: usize },
    /// While the image is built.
    Building,
}

/// Waits until a Deploy has come so far, after steps that were done before it.
async fn comes_to(
    server: &Jockeyd,
    deploy: &str,
    before: usize,
    when: &When,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        ensure!(Instant::now() < deadline, "{deploy}\n{}", server.log());
        let is_so = match when {
            When::Step { action, times } => {
                let since = steps(server).split_off(before);
                since.iter().filter(|step| *step == action).count() >= *times
            }
            When::Building => server.deploy_of(deploy).await?.state() == DeployState::Building,
        };
        if is_so {
            return Ok(());
        }
        // A step may be over soon.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Deploys a page, kills the server at that moment, starts it again, and waits for the same end as ever. The last step that
/// the server had set out to do when it died.
async fn deploy_and_kill(
    server: &mut Jockeyd,
    repository: &Repository,
    page: &str,
    when: &When,
) -> anyhow::Result<Option<String>> {
    repository.commit(&change(page, &[("page", page)]))?;
    let before = steps(server).len();
    let deploy = server.ask_deploy(APP, "HEAD").await?;
    comes_to(server, &deploy.id, before, when).await?;
    server.kill()?;
    // Those that it has set out to do until it died, and not until it was to die.
    let last = steps(server).split_off(before).pop();
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
    let new = containers(&instances);
    kept(&new).await?;
    assert_eq!(new, all, "{page}: an orphan\n{}", server.log());
    Ok(last)
}

/// Waits until their node starts all of these again by itself: the last thing that a deploy does.
async fn kept(containers: &BTreeSet<String>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for container in containers {
        let format = "{{.HostConfig.RestartPolicy.Name}}";
        while docker::run(["inspect", "--format", format, container])? != "unless-stopped" {
            ensure!(Instant::now() < deadline, "{container} is not kept");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

async fn running() -> anyhow::Result<(Jockeyd, Repository)> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app(APP, &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    server.deployed(APP).await?;
    server.scale(APP, "web", 2).await?;
    let two = server.settled(APP, "two", exactly(2)).await?;
    // All that is to do for them is done.
    kept(&containers(&two)).await?;
    Ok((server, repository))
}

#[tokio::test]
async fn a_kill_after_any_step_leads_to_the_same_end() -> anyhow::Result<()> {
    let (mut server, repository) = running().await?;
    // Whatever a deploy is seen to do, the server is killed after: the first and the second of a kind in turn, for two new
    // ones take the place of two old ones.
    let mut struck = BTreeSet::new();
    for number in 0..KILLS {
        let seen = BTreeSet::from_iter(steps(&server));
        let Some(action) = seen.difference(&struck).next().cloned() else {
            break;
        };
        let times = number % 2 + 1;
        let page = format!("killed at {action} {times}");
        let when = When::Step { action, times };
        let last = deploy_and_kill(&mut server, &repository, &page, &when).await?;
        eprintln!("{page}: last {last:?}");
        struck.extend(last);
    }
    assert_eq!(Vec::from_iter(struck), STEPS, "killed after each of them");
    Ok(())
}

#[tokio::test]
async fn a_kill_while_the_image_is_built_leads_to_the_same_end() -> anyhow::Result<()> {
    let (mut server, repository) = running().await?;
    // Named, so that the Engine does not have it from an earlier run.
    let slow = format!("RUN : {}; sleep 8\nCOPY", server.scope.label());
    let dockerfile = WEB.replace("COPY", &slow);
    repository.commit(&change("slow to build", &[("Dockerfile", &dockerfile)]))?;
    let page = "killed while building";
    let last = deploy_and_kill(&mut server, &repository, page, &When::Building).await?;
    assert_eq!(last, None);
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
            // Also of what was done, and the server was killed before it had written down what it answers.
            let deploy = answer
                .as_ref()
                .unwrap_or_else(|refusal| panic!("{key}: {refusal:?}"));
            assert!(was.is_none_or(|was| was == deploy), "{key}: {was:?}");
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
        assert_eq!(told, deploys, "{app}");
    }
    Ok(())
}
