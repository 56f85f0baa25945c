//! What becomes of repositories and people at GitHub.

use super::world::{app_wide, world};
use crate::calls::refused;
use domain::Membership;
use proto::v1;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use testkit::github::payload;
use tonic::Code;

#[tokio::test]
async fn an_app_follows_its_repository_and_outlives_it() -> anyhow::Result<()> {
    let world = world(app_wide(), |_| {}).await?;
    let store: domain::RepoName = "acme/store".parse()?;
    // What is told and is not so does nothing.
    world
        .tell(
            "repository",
            &payload::repository_event(&world.repo, "deleted"),
        )
        .await?;
    world.github.rename(&world.repo, &store);
    world
        .tell("repository", &payload::renamed(&world.repo, &store))
        .await?;
    let updated = world.event("app.updated").await?;
    assert_eq!(updated.actor, "github");
    assert_eq!(world.shop().await?.repo, "acme/store");
    world.github.delete(&store);
    world
        .tell("repository", &payload::repository_event(&store, "deleted"))
        .await?;
    let gone = world.event("app.repository_gone").await?;
    assert!(gone.message.contains("acme/store is gone"), "{gone:?}");
    assert_eq!(world.shop().await?.repo, "acme/store");
    let audited = world.audited().await?;
    let actions: BTreeSet<_> = audited.iter().map(|[action, ..]| action.as_str()).collect();
    assert!(actions.contains("github.repository"), "{audited:?}");
    assert!(
        !actions.contains("github.push"),
        "nothing was pushed: {audited:?}"
    );
    Ok(())
}

#[tokio::test]
async fn who_leaves_is_out_at_once() -> anyhow::Result<()> {
    let mut arguments = app_wide();
    let grants = ["--github-organisation", "acme=deployer"].map(str::to_owned);
    arguments.extend(grants);
    let world = world(arguments, |_| {}).await?;
    let mona = world.github.person("mona", None);
    world
        .github
        .member(&world.acme, &mona.login, Membership::Active);
    let token = world.github.token(&mona.login);
    let client = crate::calls::Clients(world.server.api_as(token.expose_secret()));
    let request = v1::GetAppRequest {
        app: "shop".to_owned(),
    };
    client.apps().get_app(request.clone()).await?;
    world
        .github
        .member(&world.acme, &mona.login, Membership::Absent);
    // For five minutes GitHub's word counts, unless GitHub takes it back.
    client.apps().get_app(request.clone()).await?;
    let left = payload::member(&world.acme, "member_removed", &mona.login, mona.id.0);
    world.tell("organization", &left).await?;
    let denied = refused(client.apps().get_app(request).await);
    denied.says(Code::PermissionDenied, "NOT_GRANTED", &["github:mona"]);
    Ok(())
}
