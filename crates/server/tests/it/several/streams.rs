//! What is followed at one server, goes on at the other where the first one is killed.

use super::{APP, two, wait};
use crate::{
    calls::Clients,
    harness::{Jockeyd, PATIENCE, change, exactly},
    sources::WEB,
};
use anyhow::Context;
use proto::v1::{self, DeployState};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The ids of events, until there is one of this kind.
async fn follow(server: &Jockeyd, after: &str, until: &str) -> anyhow::Result<Vec<String>> {
    let request = v1::WatchEventsRequest {
        after: after.to_owned(),
        ..v1::WatchEventsRequest::default()
    };
    let mut stream = server
        .admin()
        .events()
        .watch_events(request)
        .await?
        .into_inner();
    let mut seen = Vec::new();
    let following = async {
        loop {
            let told = match stream.message().await {
                Ok(Some(told)) => told,
                // The server was killed.
                Ok(None) | Err(_) => return seen,
            };
            for event in told.events {
                let last = event.kind == until;
                seen.push(event.id);
                if last {
                    return seen;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, following)
        .await
        .context(until.to_owned())
}

#[tokio::test]
async fn a_stream_goes_on_at_the_other_server_without_a_gap_or_a_double() -> anyhow::Result<()> {
    let (mut one, two, repository) = two().await?;
    let mut events = two.admin().events();
    let newest = events.list_events(v1::ListEventsRequest::default());
    let newest = newest.await?.into_inner().events[0].id.clone();
    let dockerfile = WEB.replace(
        "COPY",
        "RUN for i in 1 2 3 4 5 6; do echo line-$i; sleep 0.3; done\nCOPY",
    );
    let files = [("Dockerfile", dockerfile.as_str()), ("page", "second")];
    repository.commit(&change("second", &files))?;
    // Both follow what happens at either.
    let (at_one, at_two) = (
        follow(&one, &newest, "build.requested"),
        follow(&two, &newest, "build.requested"),
    );
    let asked = two.ask_deploy(APP, "HEAD").await?;
    let (at_one, at_two) = tokio::try_join!(at_one, at_two)?;
    assert_eq!(at_one, at_two);
    let cursor = at_one.last().context("an event")?.clone();
    one.kill()?;
    let rest = follow(&two, &cursor, "deploy.deployed").await?;
    assert_eq!(two.ended(&asked.id).await?.state(), DeployState::Deployed);
    let page = v1::ListEventsRequest {
        page_size: 1000,
        ..v1::ListEventsRequest::default()
    };
    let listed = two
        .admin()
        .events()
        .list_events(page)
        .await?
        .into_inner()
        .events;
    let mut all: Vec<String> = listed.into_iter().rev().map(|event| event.id).collect();
    let begin = all
        .iter()
        .position(|id| *id == newest)
        .context("the first")?
        + 1;
    let mut all = all.split_off(begin);
    let seen: Vec<String> = at_one.into_iter().chain(rest).collect();
    all.truncate(seen.len());
    assert_eq!(seen, all);

    let build = two.deploy_of(&asked.id).await?.build;
    let lines = async |server: &Jockeyd, after_line: i64| {
        let request = v1::StreamBuildLogsRequest {
            build: build.clone(),
            after_line,
            follow: true,
        };
        let mut stream = server
            .admin()
            .builds()
            .stream_build_logs(request)
            .await?
            .into_inner();
        let mut lines = Vec::new();
        while let Some(told) = stream.message().await? {
            lines.extend(told.lines.into_iter().map(|line| line.number));
        }
        anyhow::Ok(lines)
    };
    let whole = lines(&two, 0).await?;
    let count = i64::try_from(whole.len())?;
    assert_eq!(whole, (1..=count).collect::<Vec<_>>());
    assert_eq!(
        lines(&two, count / 2).await?,
        (count / 2 + 1..=count).collect::<Vec<_>>()
    );
    Ok(())
}

/// Writes a numbered line each 20 ms.
const COUNTING: &str =
    "FROM busybox:1\nCMD i=0; while true; do i=$((i+1)); echo line-$i; sleep 0.02; done\n";

/// The lines of an instance that were read, whichever server told them.
#[derive(Default)]
struct Read {
    lines: Vec<String>,
    /// When the last one was written.
    last: Option<prost_types::Timestamp>,
}

impl Read {
    /// Reads on at a server after the line that was last, until there are so many or the server is gone. Tells how many
    /// there are meanwhile.
    async fn follow(
        &mut self,
        server: Clients,
        instance: &str,
        count: usize,
        told: &AtomicUsize,
    ) -> anyhow::Result<()> {
        let time = |at: &prost_types::Timestamp| (at.seconds, at.nanos);
        let request = v1::StreamInstanceLogsRequest {
            instance: instance.to_owned(),
            follow: true,
            since: self.last,
            ..v1::StreamInstanceLogsRequest::default()
        };
        let asked = server.instances().stream_instance_logs(request).await;
        let mut stream = asked?.into_inner();
        while self.lines.len() < count {
            let Ok(Some(message)) = stream.message().await else {
                return Ok(());
            };
            for line in message.lines {
                // The one that was last comes once more.
                if line.time.as_ref().map(time) > self.last.as_ref().map(time) {
                    self.last = line.time;
                    self.lines.push(line.text);
                }
            }
            told.store(self.lines.len(), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_an_instance_go_on_at_the_other_server_without_a_gap_or_a_double()
-> anyhow::Result<()> {
    let mut one = Jockeyd::start_shared(&[]).await?;
    let manifest = "[workers.web]\nport = false\nsettle = \"0s\"\n";
    let files = [("Dockerfile", COUNTING), ("jockey.toml", manifest)];
    one.app("counting", &files).await?;
    let two = one.start_beside().await?;
    one.deployed("counting").await?;
    let instances = one.settled("counting", "one", exactly(1)).await?;
    let instance = &instances[0].id;

    let (mut read, told) = (Read::default(), AtomicUsize::new(0));
    let client = one.admin();
    let reading = read.follow(client, instance, usize::MAX, &told);
    let killing = async {
        wait("its lines", async || Ok(told.load(Ordering::Relaxed) >= 50)).await?;
        one.kill()
    };
    let both = async { tokio::try_join!(reading, killing) };
    tokio::time::timeout(PATIENCE, both)
        .await
        .context("the stream of a server that is killed")??;
    let before = read.lines.len();
    let reading = read.follow(two.admin(), instance, before + 50, &told);
    tokio::time::timeout(PATIENCE, reading)
        .await
        .context("its next lines")??;
    let count = read.lines.len();
    assert!(count >= before + 50, "it goes on: {:?}", read.lines);
    let all: Vec<String> = (1..=count).map(|number| format!("line-{number}")).collect();
    assert_eq!(read.lines, all, "without a gap or a double");
    Ok(())
}
