//! Two servers on one PostgreSQL and one Docker host.

mod streams;

use crate::{
    calls::{Clients, containers, contains, refused},
    harness::{Jockeyd, PATIENCE, change, exactly},
    network::get,
    sources::WEB,
};
use anyhow::{Context, ensure};
use proto::v1::{self, DeployState};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{git::Repository, postgres::Postgres};
use tonic::Code;

pub(crate) const APP: &str = "shared";

/// Two instances that run, kept by the first of two servers.
pub(crate) async fn two() -> anyhow::Result<(Jockeyd, Jockeyd, Repository)> {
    let one = Jockeyd::start_shared(&[]).await?;
    let repository = one
        .app(APP, &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    one.deployed(APP).await?;
    one.scale(APP, "web", 2).await?;
    one.settled(APP, "two", exactly(2)).await?;
    let two = one.start_beside().await?;
    Ok((one, two, repository))
}

/// Waits for something that is asked of a server.
pub(crate) async fn wait(
    what: &str,
    mut is_so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await? {
        ensure!(Instant::now() < deadline, "waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// How long a lease lasts, and how soon after its owner is gone another server works on, in microseconds.
const LEASE: i64 = 10_000_000;
const TAKEN_OVER: i64 = 15_000_000;

/// For how long a database is away: longer than any lease lasts.
const AWAY: Duration = Duration::from_secs(60);

/// The lease of the Environment of the tests.
const ENVIRONMENT: &str = "environment/env-1";

/// Who keeps something, until when, and when that was asked, by the clock of the database.
struct Lease {
    name: String,
    owner: String,
    until: i64,
    now: i64,
}

impl Lease {
    /// None: nobody keeps it.
    fn find(server: &Jockeyd, name: &str) -> anyhow::Result<Option<Self>> {
        let seen = Self::look(server, name)?;
        Ok(seen.filter(|lease| !lease.owner.is_empty()))
    }

    /// None: nobody ever kept it. Without an owner: nobody keeps it now.
    fn look(server: &Jockeyd, name: &str) -> anyhow::Result<Option<Self>> {
        let row = server.sql(&format!(
            "SELECT owner, until, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) \
             FROM leases WHERE name = '{name}'"
        ))?;
        if row.trim().is_empty() {
            return Ok(None);
        }
        let mut columns = row.trim().split('|');
        let mut next = || columns.next().context("three columns");
        Ok(Some(Self {
            name: name.to_owned(),
            owner: next()?.to_owned(),
            until: next()?.parse()?,
            now: next()?.parse()?,
        }))
    }

    fn of(server: &Jockeyd, name: &str) -> anyhow::Result<Self> {
        Self::find(server, name)?.with_context(|| format!("{name} is kept by nobody"))
    }
}

/// Waits until another server has each of these leases, and has ended the deploy.
async fn taken_over(
    by: &Jockeyd,
    mut lost: Vec<Lease>,
    deploy: &str,
) -> anyhow::Result<v1::Deploy> {
    for lease in &lost {
        assert!(lease.until - lease.now <= LEASE, "it is free soon enough");
    }
    wait("another server to have the leases", async || {
        for lease in std::mem::take(&mut lost) {
            let seen = Lease::look(by, &lease.name)?;
            let seen = seen.context("the lease is on record")?;
            if !["", &lease.owner].contains(&seen.owner.as_str()) {
                continue;
            }
            // By the clock of the database, at which the look was: how late this machine looks proves nothing.
            let after = seen.now - lease.now;
            assert!(
                after < TAKEN_OVER,
                "{} is not taken over after {after} us\n{}",
                lease.name,
                by.log()
            );
            lost.push(lease);
        }
        Ok(lost.is_empty())
    })
    .await?;
    by.ended(deploy).await
}

/// Two of this deploy serve this page, and nothing else is there.
pub(crate) async fn serve(
    server: &Jockeyd,
    all: BTreeSet<String>,
    deploy: &str,
    page: &str,
) -> anyhow::Result<()> {
    let instances = server
        .settled(APP, "two of the new deploy", exactly(2))
        .await?;
    for instance in &instances {
        assert_eq!(instance.deploy, deploy);
        assert_eq!(get(&instance.address).await?, page);
    }
    assert_eq!(containers(&instances), all, "an orphan\n{}", server.log());
    Ok(())
}

pub(crate) fn all(one: &Jockeyd) -> anyhow::Result<BTreeSet<String>> {
    Ok(one.scope.containers()?.into_iter().collect())
}

#[tokio::test]
async fn what_one_server_keeps_is_seen_and_changed_at_the_other() -> anyhow::Result<()> {
    let (one, two, repository) = two().await?;
    let seen = two
        .settled(APP, "the same as at the other", exactly(2))
        .await?;
    assert_eq!(containers(&seen), containers(&one.instances(APP).await?));
    repository.commit(&change("second", &[("page", "second")]))?;
    let deploy = two.deploy(APP, "HEAD").await?;
    assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
    serve(&two, all(&one)?, &deploy.id, "second").await?;
    serve(&one, all(&one)?, &deploy.id, "second").await
}

#[tokio::test]
async fn a_request_that_both_are_asked_happens_once() -> anyhow::Result<()> {
    let (one, two, _repository) = two().await?;
    let token = std::fs::read_to_string(one.file("admin-token"))?;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..12 {
        let server = if number % 2 == 0 { &one } else { &two };
        let mut deploys = Clients(server.api_as(token.trim())).deploys();
        asking.spawn(async move {
            let request = v1::CreateDeployRequest {
                app: APP.to_owned(),
                environment: "development".to_owned(),
                target: Some(v1::create_deploy_request::Target::Ref("HEAD".to_owned())),
                request_id: "once".to_owned(),
                ..v1::CreateDeployRequest::default()
            };
            let asked = deploys.create_deploy(request).await;
            asked.map(|answer| answer.into_inner().deploy.expect("a deploy").id)
        });
    }
    let all = asking.join_all().await.into_iter();
    let ids: BTreeSet<String> = all.collect::<Result<_, _>>()?;
    assert_eq!(ids.len(), 1, "{ids:?}");
    Ok(())
}

#[tokio::test]
async fn a_deploy_of_a_killed_server_is_finished_by_the_other() -> anyhow::Result<()> {
    let (mut one, two, repository) = two().await?;
    // Named, so that the Engine does not have it from an earlier run.
    let slow = format!("RUN : {}; sleep 5\nCOPY", one.scope.label());
    let dockerfile = WEB.replace("COPY", &slow);
    let files = [("Dockerfile", dockerfile.as_str()), ("page", "second")];
    repository.commit(&change("second", &files))?;
    // The other one has a share of the builds, and is to have none of this.
    two.hold()?;
    let asked = one.ask_deploy(APP, "HEAD").await?;
    let mut build = None;
    wait("the build", async || {
        let deploy = one.deploy_of(&asked.id).await?;
        build = Lease::find(&one, &format!("build/{}", deploy.build))?;
        Ok(deploy.state() == DeployState::Building && build.is_some())
    })
    .await?;
    let build = build.context("its lease")?;
    one.kill()?;
    // Prolonged no more from here on.
    let lost = vec![Lease::of(&one, ENVIRONMENT)?, Lease::of(&one, &build.name)?];
    assert_eq!(lost[0].owner, lost[1].owner, "one server keeps both");
    two.release()?;
    let deploy = taken_over(&two, lost, &asked.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        two.log()
    );
    serve(&two, all(&one)?, &deploy.id, "second").await
}

#[tokio::test]
async fn a_server_that_stalls_is_taken_over_from_and_its_late_writes_are_refused()
-> anyhow::Result<()> {
    let (one, two, repository) = two().await?;
    repository.commit(&change("second", &[("page", "second")]))?;
    let steps = || one.log().matches("step action=").count();
    let before = steps();
    let asked = one.ask_deploy(APP, "HEAD").await?;
    wait("its first step", async || Ok(steps() > before)).await?;
    one.hold()?;
    // Prolonged no more from here on.
    let lost = vec![Lease::of(&one, ENVIRONMENT)?];
    let deploy = taken_over(&two, lost, &asked.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        two.log()
    );
    serve(&two, all(&one)?, &deploy.id, "second").await?;
    one.release()?;
    wait("it to hear that it lost its lease", async || {
        Ok(one.log().contains("another server has taken"))
    })
    .await?;
    // It has not undone anything, and goes on as the second of two.
    serve(&two, all(&one)?, &deploy.id, "second").await?;
    repository.commit(&change("third", &[("page", "third")]))?;
    let third = one.deploy(APP, "HEAD").await?;
    assert_eq!(
        third.state(),
        DeployState::Deployed,
        "{third:?}\n{}",
        two.log()
    );
    serve(&one, all(&one)?, &third.id, "third").await
}

#[tokio::test]
async fn a_server_with_another_key_or_without_the_database_is_told_so() -> anyhow::Result<()> {
    let one = Jockeyd::start_shared(&[]).await?;
    let other = one.beside()?;
    let elsewhere = Jockeyd::start_shared(&[]).await?;
    std::fs::copy(elsewhere.file("key"), other.file("key"))?;
    let told = other.start_refused().await?.with(1);
    contains(
        &told.err,
        &[
            "was encrypted with the key",
            "give the key that was made with the database",
        ],
    );
    std::fs::remove_file(other.file("key"))?;
    let told = other.start_refused().await?.with(1);
    contains(&told.err, &["the key file", "is missing"]);
    let nowhere = ["check", "--database", "postgres://127.0.0.1:1/jockey"];
    let told = Jockeyd::prepare(&[])?.jockeyd(&nowhere).await?;
    contains(
        &(told.out + &told.err),
        &["postgres://127.0.0.1:1/jockey cannot be reached"],
    );
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_gone_for_a_minute_stops_nothing_that_runs() -> anyhow::Result<()> {
    let postgres = Postgres::start()?;
    let database = Arc::new(postgres.database()?);
    let mut server = Jockeyd::prepare(&[])?;
    server.keep_in(database);
    server.resume().await?;
    let repository = server
        .app(APP, &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    server.deployed(APP).await?;
    let before = server.settled(APP, "one", exactly(1)).await?;
    let gone = Instant::now();
    postgres.stop()?;
    let ask = async || {
        let mut apps = server.admin().apps();
        apps.list_apps(v1::ListAppsRequest::default()).await
    };
    // Its processes end one by one, and which of them is asked is not said.
    let mut refusals = 0;
    wait("the end of the last", async || {
        refusals = if ask().await.is_err() {
            refusals + 1
        } else {
            0
        };
        Ok(refusals >= 10)
    })
    .await?;
    refused(ask().await).says(Code::Unavailable, "DATABASE_UNAVAILABLE", &["the database"]);
    let asked = server.ask_deploy(APP, "HEAD").await.unwrap_err();
    contains(&asked.to_string(), &["the database"]);
    wait("a minute to pass", async || Ok(gone.elapsed() > AWAY)).await?;
    refused(ask().await).says(Code::Unavailable, "DATABASE_UNAVAILABLE", &["the database"]);
    assert_eq!(get(&before[0].address).await?, "first");
    assert_eq!(server.scope.containers()?, [before[0].container.clone()]);
    postgres.start_again()?;
    repository.commit(&change("second", &[("page", "second")]))?;
    wait("an answer", async || {
        Ok(server.ask_deploy(APP, "HEAD").await.is_ok())
    })
    .await?;
    let served = async || {
        let instances = server.instances(APP).await?;
        let [only] = instances.as_slice() else {
            return Ok(false);
        };
        Ok(get(&only.address).await.is_ok_and(|page| page == "second"))
    };
    wait("the next deploy", served).await
}
