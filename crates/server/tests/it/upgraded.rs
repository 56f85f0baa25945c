//! Two servers are replaced, one after the other, while a deploy is under way and clients follow it.

use crate::{
    calls::{Clients, refused},
    harness::{Api, Jockeyd, PATIENCE, change},
    requests,
    several::{APP, all, serve, two, wait},
    sources::WEB,
};
use anyhow::{Context, ensure};
use proto::v1::{self, DeployState};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tonic::Code;

/// The servers that clients know of, and whether each runs.
#[derive(Clone, Default)]
struct Servers(Arc<Mutex<[Option<Api>; 2]>>);

impl Servers {
    fn set(&self, at: usize, api: Option<Api>) {
        self.0.lock().expect("nobody panics with it")[at] = api;
    }

    /// One that runs: another at each turn, where there are two.
    fn one(&self, turn: usize) -> Option<Clients> {
        let servers = self.0.lock().expect("nobody panics with it");
        let both = [&servers[turn % 2], &servers[(turn + 1) % 2]];
        both.into_iter().flatten().next().cloned().map(Clients)
    }
}

/// What a client has seen of something that it follows, whichever server tells it.
struct Followed<T> {
    seen: Vec<T>,
    /// How often it had to ask anew.
    turns: usize,
}

/// The ids of the events after this one, up to the end of the deploy.
async fn events(servers: Servers, mut cursor: String) -> anyhow::Result<Followed<String>> {
    let mut followed = Followed {
        seen: Vec::new(),
        turns: 0,
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        ensure!(Instant::now() < deadline, "after {:?}", followed.seen);
        followed.turns += 1;
        let request = v1::WatchEventsRequest {
            after: cursor.clone(),
            ..v1::WatchEventsRequest::default()
        };
        let Some(server) = servers.one(followed.turns) else {
            continue;
        };
        let Ok(stream) = server.events().watch_events(request).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut stream = stream.into_inner();
        while let Ok(Some(told)) = stream.message().await {
            for event in told.events {
                cursor.clone_from(&event.id);
                followed.seen.push(event.id);
                if event.kind == "deploy.deployed" {
                    return Ok(followed);
                }
            }
        }
    }
}

/// The numbers of the lines of a build's log, until the build is over and no more come.
async fn lines(servers: Servers, build: String) -> anyhow::Result<Followed<i64>> {
    let mut followed = Followed {
        seen: Vec::new(),
        turns: 0,
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        ensure!(Instant::now() < deadline, "after {:?}", followed.seen);
        followed.turns += 1;
        let Some(server) = servers.one(followed.turns) else {
            continue;
        };
        let request = v1::GetBuildRequest {
            build: build.clone(),
        };
        let asked = server.builds().get_build(request).await;
        let is_over = asked.is_ok_and(|told| {
            told.into_inner()
                .build
                .is_some_and(|it| it.state() != v1::BuildState::InProgress)
        });
        let request = v1::StreamBuildLogsRequest {
            build: build.clone(),
            after_line: followed.seen.last().copied().unwrap_or_default(),
            follow: true,
        };
        let Ok(stream) = server.builds().stream_build_logs(request).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut stream = stream.into_inner();
        let end = loop {
            match stream.message().await {
                Ok(Some(told)) => followed
                    .seen
                    .extend(told.lines.into_iter().map(|it| it.number)),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if is_over && end.is_ok() {
            return Ok(followed);
        }
    }
}

/// SIGTERM, and the next one in its place.
async fn replace(server: &mut Jockeyd, at: usize, servers: &Servers) -> anyhow::Result<()> {
    servers.set(at, None);
    let status = server.terminate()?;
    ensure!(status.success(), "{status}\n{}", server.log());
    server.resume().await?;
    servers.set(at, Some(server.api()));
    Ok(())
}

/// A `web` that is built while others come and go, and listens once there is `/go`. It is named, so that the Engine does not
/// have it from an earlier run.
fn held(name: &str) -> String {
    let slow =
        format!("RUN : {name}; for i in 1 2 3 4 5 6 7 8; do echo line-$i; sleep 1; done\nCOPY");
    WEB.replace("COPY", &slow).replace(
        "CMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]",
        "CMD while ! test -e /go; do sleep 0.1; done; exec httpd -f -p 8888 -h /www",
    )
}

/// None is replaced because it does not listen yet.
const PATIENT: &str = "[workers.web]\ngrace = \"10m\"\n";

/// Lets the new ones listen, each once it runs, until the deploy is over.
async fn let_go(server: &Jockeyd, deploy: &str) -> anyhow::Result<()> {
    wait("all to be let go", async || {
        for container in all(server)? {
            // One that does not run yet is told the next time.
            testkit::docker::run(["exec", &container, "touch", "/go"]).ok();
        }
        Ok(server.deploy_of(deploy).await?.state() != DeployState::Deploying)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_and_those_who_follow_it_go_on_while_each_server_is_replaced() -> anyhow::Result<()>
{
    let (mut one, mut two, repository) = two().await?;
    let servers = Servers::default();
    servers.set(0, Some(one.api()));
    servers.set(1, Some(two.api()));
    let mut asks = one.admin().events();
    let newest = asks.list_events(v1::ListEventsRequest::default());
    let newest = newest.await?.into_inner().events[0].id.clone();
    // It listens when it is let go, so that both are replaced while something is under way.
    let dockerfile = held(&one.scope.label());
    let files = [
        ("Dockerfile", &*dockerfile),
        ("page", "second"),
        ("jockey.toml", PATIENT),
    ];
    repository.commit(&change("second", &files))?;
    let watching = tokio::spawn(events(servers.clone(), newest.clone()));
    let asked = two.ask_deploy(APP, "HEAD").await?;
    let state = async |server: &Jockeyd| anyhow::Ok(server.deploy_of(&asked.id).await?.state());
    wait("the build", async || {
        Ok(state(&two).await? == DeployState::Building)
    })
    .await?;
    let build = two.deploy_of(&asked.id).await?.build;
    let reading = tokio::spawn(lines(servers.clone(), build.clone()));
    let has_line = async || {
        let request = v1::StreamBuildLogsRequest {
            build: build.clone(),
            ..v1::StreamBuildLogsRequest::default()
        };
        let mut told = two
            .admin()
            .builds()
            .stream_build_logs(request)
            .await?
            .into_inner();
        Ok(told.message().await?.is_some_and(|it| !it.lines.is_empty()))
    };
    wait("its first line", has_line).await?;

    replace(&mut one, 0, &servers).await?;
    brings_tables_further(&one).await?;
    wait("instances to be started", async || {
        Ok(state(&two).await? == DeployState::Deploying)
    })
    .await?;
    // What takes its place would know the migration. In truth it is the same program, which would refuse to start.
    one.sql(&format!(
        "DELETE FROM __diesel_schema_migrations WHERE version = '{NEWER}'"
    ))?;
    replace(&mut two, 1, &servers).await?;
    let_go(&one, &asked.id).await?;
    let deploy = one.ended(&asked.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}\n{}",
        one.log(),
        two.log()
    );
    serve(&two, all(&one)?, &deploy.id, "second").await?;

    let (watched, read) = (watching.await??, reading.await??);
    without_a_gap(&one, &newest, watched).await?;
    to_the_last_line(&one, build, &read.seen).await?;
    is_outgrown(&two).await?;
    serve(&two, all(&one)?, &deploy.id, "second").await
}

/// A migration that no server knows.
const NEWER: &str = "9999";

/// Changes the tables as a newer server does where an older one still runs, which this server is from then on: it may
/// write, but would not start any more.
async fn brings_tables_further(server: &Jockeyd) -> anyhow::Result<()> {
    for table in ["deploys", "builds", "releases", "events", "instance_ends"] {
        server.sql(&format!(
            "ALTER TABLE {table} ADD COLUMN made_up BIGINT NOT NULL DEFAULT 7"
        ))?;
    }
    server.sql(&format!(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('{NEWER}')"
    ))?;
    let told = server.start_refused().await?;
    told.refuses(&["was made by a newer Jockey", NEWER]);
    Ok(())
}

/// Takes away from a server what it may write, as a migration does that it cannot live with: it says so, and answers what
/// is only read.
async fn is_outgrown(server: &Jockeyd) -> anyhow::Result<()> {
    server.sql(&format!(
        "INSERT INTO meta (key, value) VALUES ('least_migration', '{NEWER}')"
    ))?;
    let words = [NEWER, "run the newer version here as well"];
    let request = requests::deploy(APP, "");
    let asked = server.admin().deploys().create_deploy(request).await;
    refused(asked).says(Code::FailedPrecondition, "DATABASE_READ_ONLY", &words);
    let page = v1::ListDeploysRequest {
        app: APP.to_owned(),
        ..v1::ListDeploysRequest::default()
    };
    let listed = server.admin().deploys().list_deploys(page).await?;
    assert_eq!(
        listed.into_inner().deploys.len(),
        2,
        "what is there is read"
    );
    Ok(())
}

/// Whether all events after this one were seen, each once.
async fn without_a_gap(
    server: &Jockeyd,
    newest: &str,
    watched: Followed<String>,
) -> anyhow::Result<()> {
    assert!(watched.turns > 1, "nobody had to ask anew");
    let page = v1::ListEventsRequest {
        page_size: 1000,
        ..v1::ListEventsRequest::default()
    };
    let listed = server.admin().events().list_events(page).await?;
    let listed = listed.into_inner().events;
    let mut all: Vec<String> = listed.into_iter().rev().map(|event| event.id).collect();
    let before = all.iter().position(|id| *id == newest);
    let mut all = all.split_off(before.context("the first")? + 1);
    all.truncate(watched.seen.len());
    assert_eq!(watched.seen, all, "without a gap or a double");
    Ok(())
}

/// Whether all lines of the Build were read, each once.
async fn to_the_last_line(server: &Jockeyd, build: String, read: &[i64]) -> anyhow::Result<()> {
    let count = i64::try_from(read.len())?;
    assert_eq!(
        read,
        (1..=count).collect::<Vec<_>>(),
        "without a gap or a double"
    );
    let request = v1::StreamBuildLogsRequest {
        build,
        ..v1::StreamBuildLogsRequest::default()
    };
    let mut builds = server.admin().builds();
    let mut told = builds.stream_build_logs(request).await?.into_inner();
    let mut whole = 0;
    while let Some(told) = told.message().await? {
        whole += told.lines.len();
    }
    assert_eq!(read.len(), whole, "to the last line");
    Ok(())
}
