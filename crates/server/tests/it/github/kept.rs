//! What is asked of GitHub stays so, and what GitHub does not give keeps nobody waiting.

use super::{
    hooks::{ADDRESS, address, made, making_hooks, standing},
    world::{World, app_wide, rule, without_app, world},
};
use http::Method;
use proto::v1::{self, create_deploy_request::Target};
use serde_json::json;
use testkit::github::Weather;

/// The hook is there as it should be, once more.
async fn mended(world: &World, secret: &str) -> anyhow::Result<()> {
    let look = || world.github.hooks(&world.repo, &address());
    let want = [(Some(secret.to_owned()), vec!["push".to_owned()])];
    let hooks = world.until("the hook again", look, |hooks| hooks[..] == want);
    hooks.await.map(drop)
}

#[tokio::test]
async fn a_hook_that_somebody_has_changed_or_taken_away_comes_back() -> anyhow::Result<()> {
    let mut world = making_hooks().await?;
    let secret = made(&world).await?;
    standing(&world, v1::AppHookState::Active).await?;

    // When the App changes.
    let mut apps = world.server.admin().apps();
    world.github.change_hooks(&world.repo, &address(), "issues");
    for dockerfile in ["one/Dockerfile", "two/Dockerfile"] {
        let request = v1::UpdateAppRequest {
            app: "shop".to_owned(),
            values: Some(v1::App {
                dockerfile: dockerfile.to_owned(),
                ..v1::App::default()
            }),
            ..v1::UpdateAppRequest::default()
        };
        apps.update_app(request).await?;
        mended(&world, &secret).await?;
        world.github.remove_hooks(&world.repo, &address());
    }

    // When a server starts.
    world.server.terminate()?;
    world.server.resume().await?;
    mended(&world, &secret).await?;
    Ok(())
}

#[tokio::test]
async fn an_app_whose_hook_github_refuses_is_whole_and_has_it_once_github_gives_it()
-> anyhow::Result<()> {
    let flags = ["--github-hook-url", ADDRESS].map(str::to_owned);
    let world = without_app(flags.to_vec()).await?;
    world.github.uninstall(&world.acme);
    world.github.revoke_installation_tokens();
    let rest = world.rest()?;
    let bearer = format!("Bearer {}", rest.token);
    let form = "application/x-www-form-urlencoded";
    let headers = [("authorization", bearer.as_str()), ("content-type", form)];
    let made = rest
        .as_stranger(Method::POST, "/apps", &headers, "name=shop&repo=acme/shop")
        .await?;
    assert_eq!(made.status, 200, "{made:?}");
    let id = made.json()["data"]["id"].clone();
    assert_eq!(id, json!("1"));
    for environment in ["production", "development"] {
        let of = format!("?app=shop&environment={environment}");
        let set = rest.get(&format!("/config_sets{of}")).await?.json();
        assert_eq!(set["data"][0]["config"]["RACK_ENV"], json!(environment));
        let workers = rest.get(&format!("/workers{of}")).await?.json();
        assert_eq!(workers["data"][0]["name"], json!("web"));
    }
    let hook = standing(&world, v1::AppHookState::Failed).await?;
    assert!(hook.detail.contains("make the hook by hand"), "{hook:?}");

    // Nobody says so here.
    world.github.install(&world.acme);
    standing(&world, v1::AppHookState::Active).await?;
    let hooks = world.github.hooks(&world.repo, &address());
    assert_eq!(hooks.len(), 1);
    Ok(())
}

/// An App of which a push deploys nothing.
async fn by_hand() -> anyhow::Result<World> {
    world(app_wide(), |app| {
        let by_hand = v1::BranchRule {
            start: v1::BranchStart::ByHand.into(),
            ..rule("main", "development")
        };
        app.branch_rules = vec![by_hand];
    })
    .await
}

#[tokio::test]
async fn a_deploy_is_done_though_github_takes_nothing_of_it() -> anyhow::Result<()> {
    let world = by_hand().await?;
    world.tell_push(&world.first).await?;
    let built = || world.status(&world.first);
    world
        .until("the build", built, |state| state == "success")
        .await?;
    // A rule of the repository forbids the one, and for the other GitHub is not to be reached.
    world.github.protect_tag(&world.repo, "development");
    let mut target = Target::Ref(world.first.to_string());
    for weather in [Weather::Fair, Weather::BadGateway] {
        world.github.weather(weather);
        let request = v1::CreateDeployRequest {
            app: "shop".to_owned(),
            environment: "development".to_owned(),
            target: Some(target),
            ..v1::CreateDeployRequest::default()
        };
        let mut deploys = world.server.admin().deploys();
        let made = deploys.create_deploy(request).await?.into_inner();
        let made = made.deploy.unwrap_or_default();
        let deploy = world.deployed(&world.first).await?;
        assert_eq!(deploy.id, made.id, "{weather:?}");
        target = Target::Release(deploy.release);
    }
    let tag = world.github.tag(&world.repo, &"development".parse()?);
    assert_eq!(tag, None, "it was refused");
    Ok(())
}
