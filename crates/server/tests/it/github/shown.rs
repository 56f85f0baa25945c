//! What GitHub shows of a deploy while it goes on and once it is over, and where that leads a person.

use super::world::{SECRET, Signed, UNSIGNED, World, app_wide, rule, world};
use crate::{calls::contains, sources::SLOW};
use domain::CommitSha;
use http::Method;
use proto::v1;
use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::github::{Weather, payload};

const ADDRESS: &str = "https://jockey.example";
/// A `web` that comes to nothing after a while.
const DYING: &str = "FROM busybox:1\nCMD sleep 4 && exit 3\n";
/// Within which a delivery is answered. GitHub takes an answer for none after ten times as long.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How many come at once, and how long the last of them may take on a machine that does much else.
const TOGETHER: usize = 8;
const ALL_AT_ONCE: Duration = Duration::from_secs(3);

async fn shown() -> anyhow::Result<World> {
    let mut arguments = app_wide();
    let addresses = [
        "--github-hook-url",
        ADDRESS,
        "--environment-url",
        "https://{app}.{environment}.example.com",
    ];
    arguments.extend(addresses.map(str::to_owned));
    world(arguments, |app| {
        app.branch_rules = vec![rule("main", "development")];
    })
    .await
}

/// The statuses that a deployment of this commit has had, once the last one is as wanted.
async fn told(world: &World, commit: &CommitSha, last: &str) -> anyhow::Result<Vec<Value>> {
    let look = || {
        let all = world.github.deployments(&world.repo).into_iter();
        let mut of_it = all.filter(|(one, _)| one["ref"] == commit.as_str());
        of_it.next().map(|(_, told)| told).unwrap_or_default()
    };
    let is_so = |told: &Vec<Value>| told.last().is_some_and(|one| one["state"] == last);
    world.until(last, look, is_so).await
}

fn states(told: &[Value]) -> Vec<&str> {
    let state = |one: &'_ Value| one["state"].as_str().unwrap_or_default().to_owned();
    let known = ["in_progress", "success", "failure", "inactive"];
    let all = told.iter().map(state);
    all.filter_map(|state| known.into_iter().find(|known| *known == state))
        .collect()
}

/// What a person sees who opens a link of ours in a browser, signed in or not.
async fn opened(world: &World, link: &Value, cookie: &str) -> anyhow::Result<crate::rest::Answer> {
    let path = link.as_str().and_then(|link| link.strip_prefix(ADDRESS));
    let headers = [
        ("accept", "text/html,application/xhtml+xml"),
        ("cookie", cookie),
    ];
    let path = path.unwrap_or_default();
    world
        .rest()?
        .as_stranger(Method::GET, path, &headers, "")
        .await
}

#[tokio::test]
async fn a_deploy_is_in_progress_until_it_has_failed_or_stands_and_leads_to_what_is_known()
-> anyhow::Result<()> {
    let world = shown().await?;
    // It listens when it is let go, so that the deploy is not over before it was looked at.
    let held = SLOW.replace("sleep 5 &&", "while ! test -e /go; do sleep 0.1; done;");
    assert_ne!(held, SLOW);
    let slow = world.push(&[("Dockerfile", &held)])?;
    world.tell_push(&slow).await?;
    told(&world, &slow, "in_progress").await?;
    let runs =
        |all: &[v1::Instance]| all.len() == 1 && all[0].state() == v1::InstanceState::Running;
    let started = world.server.settled("shop", "it to run", runs).await?;
    testkit::docker::run(["exec", &started[0].container, "touch", "/go"])?;
    let stands = told(&world, &slow, "success").await?;
    assert_eq!(states(&stands), ["in_progress", "success"]);
    for one in &stands {
        assert_eq!(
            one["environment_url"],
            "https://shop.development.example.com"
        );
    }

    let status = &world.github.statuses(&world.repo, &slow)["jockey/build"];
    let token = world.rest()?.token;
    let cookie = format!("jockey-session={token}");
    let log = opened(&world, &status["target_url"], &cookie).await?;
    assert_eq!(log.header("content-type"), "text/plain; charset=utf-8");
    contains(&log.text, &["using Dockerfile\n"]);
    assert!(!log.text.contains('{'), "{}", log.text);
    let deploy = opened(&world, &stands[0]["log_url"], &cookie).await?;
    contains(&deploy.text, &["\n  \"deploy\": {\n", slow.as_str()]);
    let stranger = opened(&world, &stands[0]["log_url"], "").await?;
    assert_eq!(stranger.status, 401);
    let words = ["Not signed in", "Nobody signs in here by a browser"];
    contains(&stranger.text, &words);

    let dying = world.push(&[("Dockerfile", DYING)])?;
    world.tell_push(&dying).await?;
    let failed = told(&world, &dying, "failure").await?;
    assert_eq!(states(&failed), ["in_progress", "failure"]);
    contains(&failed[1].to_string(), &["exited with code 3"]);
    let before = told(&world, &slow, "success").await?;
    assert_eq!(before, stands, "what ran goes on");
    Ok(())
}

#[tokio::test]
async fn the_tag_goes_back_with_a_rollback() -> anyhow::Result<()> {
    let world = shown().await?;
    let tag = "development".parse()?;
    let is_at = async |commit: &CommitSha| {
        let look = || world.github.tag(&world.repo, &tag);
        let seen = world.until("the tag", look, |seen| seen.as_ref() == Some(commit));
        seen.await.map(drop)
    };
    let first = world.first.clone();
    world.tell_push(&first).await?;
    world.deployed(&first).await?;
    is_at(&first).await?;
    let second = world.push(&[("page", "two")])?;
    world.tell_push(&second).await?;
    world.deployed(&second).await?;
    is_at(&second).await?;
    let back = world.server.rolled_back("shop").await?;
    assert_eq!(
        (back.state(), back.commit.as_str()),
        (v1::DeployState::Deployed, first.as_str())
    );
    is_at(&first).await
}

#[tokio::test]
async fn a_delivery_is_answered_at_once_while_github_says_nothing() -> anyhow::Result<()> {
    let world = shown().await?;
    let hook = v1::UpdateAppHookRequest {
        app: "shop".to_owned(),
        secret: SECRET.to_owned(),
        ..v1::UpdateAppHookRequest::default()
    };
    world.server.admin().apps().update_app_hook(hook).await?;
    let payload = payload::push(&world.repo, "refs/heads/main", Some(&world.first)).to_string();
    let rest = world.rest()?;
    world.github.weather(Weather::Silent);
    for (path, want) in [
        ("/v1/github/webhooks", "the tip of main is built"),
        ("/github_webhooks/1", "{}"),
    ] {
        let delivery = Signed {
            path,
            event: "push",
            body: &payload,
            sha256: Some(SECRET),
            ..UNSIGNED
        };
        let send = async || {
            let asked = Instant::now();
            let answer = delivery.send(&rest).await?;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            contains(&answer.text, &[want]);
            anyhow::Ok(asked.elapsed())
        };
        // The shortest of ten: what else goes on here is not the server's.
        let mut alone: Vec<Duration> = Vec::new();
        while alone.is_empty() || (alone.len() < 10 && alone.iter().min() >= Some(&AT_ONCE)) {
            alone.push(send().await?);
        }
        assert!(alone.iter().min() < Some(&AT_ONCE), "{path}: {alone:?}");
        // The shortest of ten here, too.
        let mut rounds: Vec<Duration> = Vec::new();
        while rounds.is_empty() || (rounds.len() < 10 && rounds.iter().min() >= Some(&ALL_AT_ONCE))
        {
            let all = std::iter::repeat_with(&send).take(TOGETHER);
            let all = futures_util::future::try_join_all(all).await?;
            rounds.extend(all.into_iter().max());
        }
        assert!(
            rounds.iter().min() < Some(&ALL_AT_ONCE),
            "{path}: {rounds:?}"
        );
    }
    // What was written down is done once GitHub speaks again.
    world.github.weather(Weather::Fair);
    world.deployed(&world.first).await?;
    Ok(())
}
