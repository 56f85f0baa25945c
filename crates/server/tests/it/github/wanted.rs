//! Which pushes an App builds.

use super::world::{SECRET, Signed, UNSIGNED, World, app_wide, world};
use crate::harness::change;
use domain::CommitSha;
use proto::v1;
use testkit::github::payload;

/// The App as it is to be.
pub(super) async fn update(world: &World, values: v1::App) -> anyhow::Result<()> {
    let request = v1::UpdateAppRequest {
        app: "shop".to_owned(),
        values: Some(values),
        ..v1::UpdateAppRequest::default()
    };
    world.server.admin().apps().update_app(request).await?;
    Ok(())
}

/// A commit on a branch, of which GitHub tells: the commit, and what GitHub was answered.
async fn pushed(world: &World, branch: &str, page: &str) -> anyhow::Result<(CommitSha, String)> {
    let change = change("change", &[("page", page)]);
    let commit: CommitSha = world.repository.commit_to(branch, &change)?.parse()?;
    let full = format!("refs/heads/{branch}");
    let payload = payload::push(&world.repo, &full, Some(&commit)).to_string();
    let delivery = Signed {
        event: "push",
        body: &payload,
        sha256: Some(SECRET),
        ..UNSIGNED
    };
    let answer = delivery.send(&world.rest()?).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok((commit, answer.text))
}

/// A commit is built, and GitHub shows it.
async fn built(world: &World, commit: &CommitSha) -> anyhow::Result<()> {
    world
        .until(
            "a Build",
            || world.status(commit),
            |state| state == "success",
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_push_that_an_app_does_not_ask_for_builds_nothing() -> anyhow::Result<()> {
    let world = world(app_wide(), |app| {
        app.build_branches = vec!["main".to_owned(), "release/*".to_owned()];
    })
    .await?;
    world.repository.branch("release/1", world.first.as_str())?;
    world.repository.branch("spike", world.first.as_str())?;

    let (spike, told) = pushed(&world, "spike", "a spike").await?;
    assert!(told.contains("shop does not build spike"), "{told}");
    let (release, told) = pushed(&world, "release/1", "a release").await?;
    assert!(told.contains("the tip of release/1 is built"), "{told}");
    built(&world, &release).await?;

    let mut subscription = v1::App {
        subscribe_to_github_webhook: Some(false),
        ..v1::App::default()
    };
    update(&world, subscription.clone()).await?;
    let (unheard, told) = pushed(&world, "main", "unheard").await?;
    assert!(
        told.contains("shop does not build what is pushed"),
        "{told}"
    );
    subscription.subscribe_to_github_webhook = Some(true);
    update(&world, subscription).await?;
    let (heard, told) = pushed(&world, "main", "heard").await?;
    assert!(told.contains("the tip of main is built"), "{told}");
    built(&world, &heard).await?;

    let request = v1::ListBuildsRequest::default();
    let listed = world.server.admin().builds().list_builds(request).await?;
    let mut builds: Vec<String> = listed
        .into_inner()
        .builds
        .into_iter()
        .map(|b| b.commit)
        .collect();
    builds.sort_unstable();
    let mut want = [release.to_string(), heard.to_string()];
    want.sort_unstable();
    assert_eq!(builds, want, "neither {spike} nor {unheard}");
    Ok(())
}
