//! What is under way when something fails.

use super::world::{APP, DRAINED, World};
use crate::{
    harness::{PATIENCE, change},
    sources::WEB,
};
use anyhow::ensure;
use proto::v1::{self, DeployState};
use std::{
    fmt,
    time::{Duration, Instant},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Of a commit whose build takes a while, in the middle of that.
    Build,
    /// Of a commit that is built.
    Deploy,
    /// From three to five.
    Scale,
    /// Of another host than those that faults happen to.
    Drain,
    Idle,
}

/// What was asked for.
pub(super) struct Begun {
    /// The Deploy, and the page that it brings.
    pub(super) deploy: Option<(String, String)>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "build",
            Self::Deploy => "deploy",
            Self::Scale => "scale",
            Self::Drain => "drain",
            Self::Idle => "idle",
        })
    }
}

impl Operation {
    /// Asks for it, by the server that does not keep the Environment, and waits until it is under way.
    pub(super) async fn begin(self, world: &mut World) -> anyhow::Result<Begun> {
        let mut begun = Begun { deploy: None };
        match self {
            Self::Build => {
                let slow = format!("{WEB}RUN sleep 5\n");
                begun.deploy = Some(deploy(world, &slow, DeployState::Building).await?);
                in_the_slow_step(world).await?;
            }
            Self::Deploy => {
                begun.deploy = Some(deploy(world, WEB, DeployState::Deploying).await?);
            }
            Self::Scale => world.rescale(5).await?,
            Self::Drain => {
                let drain = v1::DrainNodeRequest {
                    node: DRAINED.to_owned(),
                    ..v1::DrainNodeRequest::default()
                };
                world.other()?.admin().nodes().drain_node(drain).await?;
            }
            Self::Idle => {}
        }
        Ok(begun)
    }
}

/// A Deploy of the next page, which is made in this way, once it has come so far; and the page.
async fn deploy(
    world: &mut World,
    dockerfile: &str,
    until: DeployState,
) -> anyhow::Result<(String, String)> {
    let page = world.next_page();
    let files = [("Dockerfile", dockerfile), ("page", page.as_str())];
    world.repository.commit(&change(&page, &files))?;
    let asked = world.other()?.ask_deploy(APP, "HEAD").await?;
    under_way(world, &asked.id, until).await?;
    Ok((asked.id, page))
}

async fn under_way(world: &World, deploy: &str, until: DeployState) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = world.other()?.deploy_of(deploy).await?;
        match now.state() {
            state if state == until => return Ok(()),
            DeployState::Created | DeployState::Building => {}
            _ => ensure!(false, "it is past what is waited for: {now:?}"),
        }
        ensure!(Instant::now() < deadline, "waiting for {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the Engine has told that it has begun with what takes a while.
async fn in_the_slow_step(world: &World) -> anyhow::Result<()> {
    let told = "SELECT count(*) FROM build_lines \
                WHERE build = (SELECT max(id) FROM builds) AND text LIKE '%RUN sleep 5%'";
    let deadline = Instant::now() + PATIENCE;
    while world.database.sql(told)?.trim() == "0" {
        ensure!(Instant::now() < deadline, "the build does not come so far");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

impl Begun {
    /// How it ended, as far as that can be asked. None: it goes on, or nobody answers.
    pub(super) async fn end(&self, world: &World) -> Option<String> {
        let (deploy, _) = self.deploy.as_ref()?;
        for server in world.servers.iter().filter(|server| server.pid() != 0) {
            let asked = tokio::time::timeout(Duration::from_secs(3), server.deploy_of(deploy));
            if let Ok(Ok(deploy)) = asked.await {
                return end_of(&deploy);
            }
        }
        None
    }
}

/// How it ended. None: it goes on.
pub(super) fn end_of(deploy: &v1::Deploy) -> Option<String> {
    match deploy.state() {
        DeployState::Created | DeployState::Building | DeployState::Deploying => None,
        DeployState::Deployed => Some("deployed".to_owned()),
        DeployState::Failed => Some(format!("failed: {}", deploy.reason)),
        other => Some(format!("{}: {}", other.as_str_name(), deploy.reason)),
    }
}
