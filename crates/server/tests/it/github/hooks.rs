//! Hooks of single repositories: made, looked after and taken away, and what comes by them.

use super::{
    wanted::update,
    world::{Signed, UNSIGNED, World, with_one_token, world},
};
use crate::{harness::PATIENCE, rest::Rest, sources::WEB};
use anyhow::ensure;
use domain::{CommitSha, Membership, RepoName};
use proto::v1;
use serde_json::json;
use std::time::Instant;
use testkit::github::payload;

pub(super) const ADDRESS: &str = "https://jockey.example";
/// Of a hook that was made by hand.
const SECRET: &str = "chosen by hand, long ago";
const MISSING: &str = "Missing X-Hub-Signature header";
const UNFIT: &str =
    "X-Hub-Signature does not fit; the app may have another secret for its hook, or none";

pub(super) async fn making_hooks() -> anyhow::Result<World> {
    let address = ["--github-hook-url", ADDRESS].map(str::to_owned);
    world(address.to_vec(), |_| {}).await
}

pub(super) fn address() -> String {
    format!("{ADDRESS}/github_webhooks/1")
}

/// The secret of the hook that GitHub has.
pub(super) async fn made(world: &World) -> anyhow::Result<String> {
    let look = || world.github.hooks(&world.repo, &address());
    let hooks = world
        .until("a hook", look, |hooks| hooks.len() == 1)
        .await?;
    assert_eq!(hooks[0].1, ["push"]);
    Ok(hooks[0].0.clone().unwrap_or_default())
}

pub(super) async fn standing(
    world: &World,
    state: v1::AppHookState,
) -> anyhow::Result<v1::AppHook> {
    shown(world, |hook| hook.state() == state).await
}

/// The hook of the App, once it is shown so.
async fn shown(world: &World, is_so: impl Fn(&v1::AppHook) -> bool) -> anyhow::Result<v1::AppHook> {
    let client = world.server.admin().apps();
    let request = v1::GetAppRequest {
        app: "shop".to_owned(),
    };
    let found = world
        .server
        .until(
            "the hook's state",
            || {
                let (mut client, request) = (client.clone(), request.clone());
                async move { client.get_app(request).await }
            },
            |found: &v1::GetAppResponse| {
                let hook = found.app.as_ref().and_then(|app| app.hook.as_ref());
                hook.is_some_and(&is_so)
            },
        )
        .await?;
    let hook = found.app.and_then(|app| app.hook);
    Ok(hook.unwrap_or_default())
}

/// An App that wants to be told of pushes.
fn subscribed() -> v1::App {
    v1::App {
        subscribe_to_github_webhook: Some(true),
        ..v1::App::default()
    }
}

/// One that does not.
fn unsubscribed() -> v1::App {
    v1::App {
        subscribe_to_github_webhook: Some(false),
        ..v1::App::default()
    }
}

/// A `web` of which no other test has built the first step: it is being built for long enough to be seen.
fn slow(world: &World) -> String {
    let salt = world.server.scope.installation();
    WEB.replace("COPY", &format!("RUN sleep 10 # {salt}\nCOPY"))
}

/// What was asked to be built.
async fn built(world: &World) -> anyhow::Result<Vec<String>> {
    let request = v1::ListBuildsRequest {
        app: "shop".to_owned(),
        ..v1::ListBuildsRequest::default()
    };
    let listed = world.server.admin().builds().list_builds(request).await?;
    let builds = listed.into_inner().builds.into_iter();
    Ok(builds.map(|build| build.commit).collect())
}

/// A delivery of a push, by the hook of the App.
async fn push(world: &World, secret: &str, after: Option<&CommitSha>) -> anyhow::Result<String> {
    let payload = payload::push(&world.repo, "refs/heads/main", after).to_string();
    let delivery = Signed {
        path: "/github_webhooks/1",
        event: "push",
        body: &payload,
        sha256: Some(secret),
        ..UNSIGNED
    };
    let answer = delivery.send(&world.rest()?).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(answer.text)
}

/// Waits until a delivery of a push is answered with the one Build that there is to be. GitHub and the database may need
/// longer than a delivery is kept waiting for: then it is answered with nothing, and built all the same.
async fn is_building(world: &World, secret: &str, tip: &CommitSha) -> anyhow::Result<()> {
    let wanted = json!({"build_id": 1}).to_string();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = push(world, secret, Some(&world.first)).await?;
        if told == wanted {
            return Ok(());
        }
        let status = world.status(tip);
        ensure!(told == "{}" && status != "success", "{told}: {status}");
        ensure!(Instant::now() < deadline, "{status}");
    }
}

#[tokio::test]
async fn a_hook_comes_and_goes_with_its_app() -> anyhow::Result<()> {
    let world = making_hooks().await?;
    let secret = made(&world).await?;
    assert_eq!(secret.len(), 64);
    let hook = standing(&world, v1::AppHookState::Active).await?;
    assert_eq!(
        (hook.address, hook.repo),
        (address(), "acme/shop".to_owned())
    );

    // The Build of a push is answered while it goes on, and not once it is there. Whatever the delivery says was pushed,
    // what is built is the tip as it is.
    let tip = world.push(&[("Dockerfile", &slow(&world)), ("page", "two")])?;
    let nowhere = "f".repeat(40).parse()?;
    is_building(&world, &secret, &tip).await?;
    world
        .until(
            "a status",
            || world.status(&tip),
            |state| state == "success",
        )
        .await?;
    for said in [&world.first, &nowhere, &tip] {
        assert_eq!(push(&world, &secret, Some(said)).await?, "{}", "{said}");
    }
    assert_eq!(built(&world).await?, [tip.as_str()], "and nothing else");
    assert_eq!(
        push(&world, &secret, None).await?,
        "{}",
        "a branch was deleted"
    );

    update(&world, unsubscribed()).await?;
    standing(&world, v1::AppHookState::Removed).await?;
    let hooks = || world.github.hooks(&world.repo, &address());
    assert_eq!(hooks(), []);
    update(&world, subscribed()).await?;
    assert_eq!(made(&world).await?, secret);
    let request = v1::DeleteAppRequest {
        app: "shop".to_owned(),
        ..v1::DeleteAppRequest::default()
    };
    world.server.admin().apps().delete_app(request).await?;
    world.until("no hook", hooks, Vec::is_empty).await?;
    Ok(())
}

#[tokio::test]
async fn a_hook_that_github_refuses_is_said_with_what_to_do() -> anyhow::Result<()> {
    let world = making_hooks().await?;
    made(&world).await?;
    world.github.uninstall(&world.acme);
    let changed = v1::App {
        dockerfile: "deploy/Dockerfile".to_owned(),
        ..v1::App::default()
    };
    world.github.revoke_installation_tokens();
    update(&world, changed).await?;
    let hook = standing(&world, v1::AppHookState::Failed).await?;
    assert!(hook.detail.contains("make the hook by hand"), "{hook:?}");
    Ok(())
}

#[tokio::test]
async fn a_hook_that_github_does_not_show_any_more_is_not_taken_for_gone() -> anyhow::Result<()> {
    let (mut world, _) = with_one_token().await?;
    let hooks_made = ["--github-hook-url", ADDRESS].map(str::to_owned);
    world.server.terminate()?;
    world.server.arguments().extend(hooks_made);
    world.server.resume().await?;
    world.create_shop(|_| {}).await?;
    made(&world).await?;
    standing(&world, v1::AppHookState::Active).await?;

    // The token may read the repository, as everybody may, and no more.
    let robot = "robot".parse()?;
    world.github.publish(&world.repo);
    world.github.member(&world.acme, &robot, Membership::Absent);
    update(&world, unsubscribed()).await?;
    let refused = || {
        let requests = world.github.requests().into_iter();
        let hooks = "/repos/acme/shop/hooks";
        let looks = requests.filter(|it| it.path.starts_with(hooks) && it.status == 404);
        looks.count()
    };
    world
        .until("two looks in vain", refused, |looks| *looks > 1)
        .await?;
    standing(&world, v1::AppHookState::Active).await?;
    world.github.member(&world.acme, &robot, Membership::Active);
    standing(&world, v1::AppHookState::Removed).await?;
    assert_eq!(world.github.hooks(&world.repo, &address()), []);

    // An App that moves on has a hook where it goes.
    update(&world, subscribed()).await?;
    made(&world).await?;
    standing(&world, v1::AppHookState::Active).await?;
    world.github.member(&world.acme, &robot, Membership::Absent);
    let own: RepoName = "robot/shop".parse()?;
    world.github.repository(own.as_str())?;
    let moved = v1::App {
        repo: own.to_string(),
        ..v1::App::default()
    };
    update(&world, moved).await?;
    let hook = shown(&world, |hook| hook.repo == own.as_str()).await?;
    assert_eq!(hook.state(), v1::AppHookState::Active);
    assert!(hook.detail.contains("if acme/shop calls"), "{hook:?}");
    assert_eq!(world.github.hooks(&own, &address()).len(), 1);
    Ok(())
}

/// A delivery by the old route, to the hook of the App.
const OLD: Signed<'static> = Signed {
    path: "/github_webhooks/1",
    ..UNSIGNED
};

/// Signed as those deliveries are that take no other signature.
const SHA1: Signed<'static> = Signed {
    sha1: Some(SECRET),
    ..OLD
};

#[tokio::test]
async fn the_old_route_answers_as_it_always_did() -> anyhow::Result<()> {
    let world = world(Vec::new(), |_| {}).await?;
    let rest = world.rest()?;
    before_there_is_a_secret(&rest).await?;
    let mut edit = v1::UpdateAppHookRequest {
        app: "shop".to_owned(),
        secret: SECRET.to_owned(),
        ..v1::UpdateAppHookRequest::default()
    };
    let mut apps = world.server.admin().apps();
    apps.update_app_hook(edit.clone()).await?;
    with_a_secret(&rest).await?;

    edit.secret.clear();
    edit.accepts_sha1 = Some(true);
    apps.update_app_hook(edit).await?;
    assert_eq!(SHA1.send(&rest).await?.text, "{}");
    let down = Signed {
        sha256: Some("another secret, which is wrong"),
        ..SHA1
    };
    says(&rest, &down, 401, "unauthorized", UNFIT).await?;
    let hook = world.shop().await?.hook.unwrap_or_default();
    assert!(hook.accepts_sha1);
    Ok(())
}

async fn before_there_is_a_secret(rest: &Rest) -> anyhow::Result<()> {
    let unknown = "Couldn't find App with 'id'=";
    for (path, which) in [
        ("/github_webhooks/9", "9"),
        ("/github_webhooks/shop", "shop"),
    ] {
        let nobody = Signed { path, ..OLD };
        let message = format!("{unknown}{which}");
        says(rest, &nobody, 404, "not_found", &message).await?;
    }
    says(rest, &OLD, 401, "unauthorized", MISSING).await?;
    let signed = Signed {
        sha256: Some(SECRET),
        ..OLD
    };
    says(rest, &signed, 401, "unauthorized", UNFIT).await
}

async fn with_a_secret(rest: &Rest) -> anyhow::Result<()> {
    says(rest, &OLD, 401, "unauthorized", MISSING).await?;
    let wrong = Signed {
        sha256: Some("another secret, which is wrong"),
        ..OLD
    };
    says(rest, &wrong, 401, "unauthorized", UNFIT).await?;
    says(rest, &SHA1, 401, "unauthorized", MISSING).await?;
    let good = Signed {
        sha256: Some(SECRET),
        ..OLD
    };
    let unnamed = Signed { event: "", ..good };
    let nameless = "Missing X-Hub-Event";
    says(rest, &unnamed, 422, "missing_header", nameless).await?;
    let issues = Signed {
        event: "issues",
        ..good
    };
    let other = "Event issues not yet implemented";
    says(rest, &issues, 422, "not_yet_implemented", other).await?;
    assert_eq!(good.send(rest).await?.text, "{}");
    Ok(())
}

/// A delivery is refused with exactly this.
async fn says(
    rest: &Rest,
    delivery: &Signed<'_>,
    status: u16,
    code: &str,
    message: &str,
) -> anyhow::Result<()> {
    let answer = delivery.send(rest).await?;
    let want = json!({"error": {"code": code, "message": message}});
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (status, want),
        "{message}"
    );
    Ok(())
}

/// As the original had it: one token, which fetches, tells, and makes no hook that nobody can reach.
#[tokio::test]
async fn one_token_is_credential_enough_for_a_push_to_be_built_and_shown() -> anyhow::Result<()> {
    let (mut world, token) = with_one_token().await?;
    world.create_shop(|_| {}).await?;
    let secret = v1::UpdateAppHookRequest {
        app: "shop".to_owned(),
        secret: SECRET.to_owned(),
        ..v1::UpdateAppHookRequest::default()
    };
    let mut apps = world.server.admin().apps();
    apps.update_app_hook(secret).await?;
    push(&world, SECRET, Some(&world.first)).await?;
    world
        .until(
            "a status",
            || world.status(&world.first),
            |state| state == "success",
        )
        .await?;
    let (fetched, requests) = ("GET /acme/shop/info/refs", world.github.requests());
    assert!(world.github.count(fetched) > 0, "{requests:?}");
    world.github.revoke(&token.clone().into());
    let refused = world.push(&[("page", "two")])?;
    push(&world, SECRET, Some(&refused)).await?;
    assert_eq!(built(&world).await?, [world.first.as_str()]);
    let log = world.server.log();
    assert!(!log.contains(&token), "it was logged");
    Ok(())
}
