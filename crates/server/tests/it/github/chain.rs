//! From a push to a deploy, and back to GitHub.

use super::world::{World, app_wide, rule, world};
use crate::sources::WEB;
use domain::CommitSha;
use ports::Clock as _;
use proto::v1;
use std::time::Duration;

async fn deploying_main() -> anyhow::Result<World> {
    world(app_wide(), |app| {
        let by_hand = v1::BranchRule {
            start: v1::BranchStart::ByHand.into(),
            ..rule("main", "production")
        };
        app.branch_rules = vec![rule("main", "development"), by_hand];
    })
    .await
}

#[tokio::test]
async fn a_push_is_built_and_deployed_and_github_shows_it() -> anyhow::Result<()> {
    let world = deploying_main().await?;
    let first = world.first.clone();
    let delivery = world.tell_push(&first).await?;
    let deploy = world.deployed(&first).await?;
    assert_eq!(
        (
            deploy.cause(),
            deploy.author.as_str(),
            deploy.environment.as_str()
        ),
        (v1::DeployCause::Push, "github:mona", "development")
    );
    let clone = "GET /acme/shop/info/refs";
    assert!(
        world.github.count(clone) > 0,
        "{:?}",
        world.github.requests()
    );
    let pushed = ["github.push", "github:mona", "deploy"].map(str::to_owned);
    assert!(world.audited().await?.contains(&pushed));
    first_is_shown(&world).await?;

    // A delivery that comes again does nothing, and neither does one that is late.
    let second = world.push(&[("page", "two")])?;
    let again = world.github.redeliver(&delivery).await;
    assert_eq!(again.status, Some(200));
    world.deployed(&second).await?;
    second_is_shown(&world, &second).await?;
    world.tell_push(&first).await?;
    world.github.redeliver(&delivery).await;

    let third = world.push(&[("page", "three")])?;
    world.tell_push(&third).await?;
    world.deployed(&third).await?;
    let commits: Vec<String> = world
        .deploys()
        .await?
        .into_iter()
        .map(|d| d.commit)
        .collect();
    assert_eq!(
        commits,
        [third.as_str(), second.as_str(), first.as_str()],
        "and none by hand"
    );
    let log = world.server.log();
    for secret in [super::world::SECRET, "ghs_"] {
        assert!(!log.contains(secret), "{secret}");
    }
    Ok(())
}

/// GitHub shows that the first commit was built, and that it alone is deployed.
async fn first_is_shown(world: &World) -> anyhow::Result<()> {
    let first = &world.first;
    world
        .until(
            "a status",
            || world.status(first),
            |state| state == "success",
        )
        .await?;
    let want = [told(first, "success")];
    world
        .until("a deployment", || last_told(world), |seen| *seen == want)
        .await?;
    tag_is_at(world, first).await
}

/// GitHub shows that the second commit took the place of the first.
async fn second_is_shown(world: &World, second: &CommitSha) -> anyhow::Result<()> {
    tag_is_at(world, second).await?;
    let stopped = told(&world.first, "inactive");
    world
        .until(
            "the first to be inactive",
            || last_told(world),
            |seen| seen[0] == stopped,
        )
        .await?;
    Ok(())
}

/// A deployment of GitHub's: commit, environment, the state that was told last.
type Told = (String, String, String);

fn told(commit: &CommitSha, state: &str) -> Told {
    let environment = "development".to_owned();
    (commit.to_string(), environment, state.to_owned())
}

/// The deployments there. What they were before, they may have been for too short a time to be told.
fn last_told(world: &World) -> Vec<Told> {
    let all = world.deployments().into_iter();
    all.map(|(commit, environment, states)| {
        (
            commit,
            environment,
            states.last().cloned().unwrap_or_default(),
        )
    })
    .collect()
}

/// The tag of the environment comes to be at a commit.
async fn tag_is_at(world: &World, commit: &CommitSha) -> anyhow::Result<()> {
    let tag = "development".parse()?;
    world
        .until(
            "the tag",
            || world.github.tag(&world.repo, &tag),
            |seen| seen.as_ref() == Some(commit),
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_commit_that_cannot_be_built_is_told_and_not_deployed() -> anyhow::Result<()> {
    let world = deploying_main().await?;
    let broken = world.push(&[("Dockerfile", "FROM busybox:1\nRUN false\n")])?;
    world.tell_push(&broken).await?;
    world
        .until(
            "a failure",
            || world.status(&broken),
            |state| state == "failure",
        )
        .await?;
    let mended = world.push(&[("Dockerfile", WEB)])?;
    world.tell_push(&mended).await?;
    world.deployed(&mended).await?;
    assert_eq!(world.deploys().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_github_will_not_hear_now_is_told_later() -> anyhow::Result<()> {
    let world = deploying_main().await?;
    // A step that Docker has not cached, whoever ran this before, and long enough for what comes before its end on a busy
    // machine.
    let salt = world.server.scope.installation();
    let slow = WEB.replace("COPY", &format!("RUN sleep 15 # {salt}\nCOPY"));
    let commit = world.push(&[("Dockerfile", &slow)])?;
    world.tell_push(&commit).await?;
    world
        .until(
            "a build under way",
            || world.status(&commit),
            |state| state == "pending",
        )
        .await?;
    let refused = || {
        // Until it was refused, however long the build takes. The server comes back when it is over by its own clock.
        let until = world.github.clock().now() + Duration::from_secs(10);
        world.github.exhaust(until);
        // Whichever of the commit's jobs asks first is refused, and the others ask nothing until then.
        let all = world.github.requests();
        let refusals = all
            .iter()
            .filter(|request| [403, 429].contains(&request.status));
        let log = world.server.log();
        let mut lines = log.lines();
        let waits =
            lines.any(|line| line.contains("github.status") && line.contains("tried again later"));
        (refusals.count(), waits)
    };
    let limited = |seen: &(usize, bool)| seen.0 > 0 && seen.1;
    world.until("a refusal", refused, limited).await?;
    world
        .until(
            "the status",
            || world.status(&commit),
            |state| state == "success",
        )
        .await?;
    world.deployed(&commit).await?;
    Ok(())
}
