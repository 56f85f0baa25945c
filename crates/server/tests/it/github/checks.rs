//! Rules that wait for checks.

use super::world::{World, app_wide, rule, world};
use domain::{CheckState, CommitSha};
use proto::v1;

async fn waiting_for_checks() -> anyhow::Result<World> {
    let world = world(app_wide(), |app| {
        app.branch_rules = vec![v1::BranchRule {
            requires_checks: true,
            ..rule("main", "development")
        }];
    })
    .await?;
    world.github.protect(&world.repo, "main", &["ci"]);
    Ok(world)
}

/// The checks of a commit have been looked at.
async fn looked_at(world: &World, commit: &CommitSha) -> anyhow::Result<()> {
    let path = format!("GET /repos/acme/shop/commits/{commit}/status");
    world
        .until(
            "a look at checks",
            || world.github.count(&path),
            |seen| *seen > 0,
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_commit_is_deployed_once_its_checks_are_green() -> anyhow::Result<()> {
    let world = waiting_for_checks().await?;
    let commit = world.first.clone();
    world.tell_push(&commit).await?;
    looked_at(&world, &commit).await?;
    assert_eq!(world.deploys().await?, [], "it waits");
    world
        .github
        .report_status(&world.repo, &commit, "ci", CheckState::Passed);
    world.deployed(&commit).await?;
    Ok(())
}

#[tokio::test]
async fn a_commit_whose_checks_fail_is_not_deployed() -> anyhow::Result<()> {
    let world = waiting_for_checks().await?;
    let commit = world.first.clone();
    world
        .github
        .report_status(&world.repo, &commit, "ci", CheckState::Failed);
    world.tell_push(&commit).await?;
    let event = world.event("app.not_deployed").await?;
    assert!(event.message.contains("ci failed"), "{event:?}");
    assert_eq!(world.deploys().await?, []);
    Ok(())
}
