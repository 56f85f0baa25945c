//! A server whose catalog is a real Consul: hosts join pools there, and instances are services of it.

use crate::{
    calls::{containers, contains},
    harness::{Jockeyd, PATIENCE, change, exactly},
    network::get,
    several::wait,
    sources::{TOOLS, WEB},
};
use anyhow::{Context, ensure};
use proto::v1::{self, DeployState};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use testkit::{
    consul::{Acl, Consul, Options},
    docker::run,
};
use tokio::io::{AsyncBufReadExt, BufReader};

const APP: &str = "jockey-sample-app";
const SERVICE: &str = "jockey-sample-app-web";
const TWO: &str = "[workers.web]\nscale = 2\n";

/// A server whose only host has joined the pool of the App's Stack.
async fn serving(consul: &Consul) -> anyhow::Result<Jockeyd> {
    consul.join_pool("api", "development", &json!({ "zone": "a" }))?;
    Jockeyd::start_with(&["--consul", &consul.url()]).await
}

async fn sample(server: &Jockeyd) -> anyhow::Result<testkit::git::Repository> {
    let files = [("Dockerfile", WEB), ("page", "one"), ("jockey.toml", TWO)];
    server.app(APP, &files).await
}

/// The ids of a service's instances whose checks pass, and the ports at which they are.
fn passing(consul: &Consul, service: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let rows = consul.get(&format!("/v1/health/service/{service}?passing"))?;
    let rows = rows.as_array().context("a list")?;
    let of = |row: &Value| {
        let service = &row["Service"];
        let id = service["ID"].as_str().unwrap_or_default().to_owned();
        let address = service["Address"].as_str().unwrap_or_default();
        (id, format!("{address}:{}", service["Port"]))
    };
    Ok(rows.iter().map(of).collect())
}

/// Waits until the services that pass are those of the instances that are seen, and no other is there.
async fn agrees(
    server: &Jockeyd,
    consul: &Consul,
    count: usize,
) -> anyhow::Result<Vec<v1::Instance>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let instances = server
            .settled(APP, "as many as wanted", exactly(count))
            .await?;
        let seen: BTreeMap<_, _> = instances
            .iter()
            .map(|it| (it.id.clone(), it.address.clone()))
            .collect();
        let known = passing(consul, SERVICE)?;
        let all = consul.get(&format!("/v1/catalog/service/{SERVICE}"))?;
        if known == seen && all.as_array().is_some_and(|all| all.len() == count) {
            return Ok(instances);
        }
        ensure!(
            Instant::now() < deadline,
            "{known:?} is not {seen:?}: {all:#}\n{}",
            server.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a Deploy says that it waits for this.
async fn waits_for(server: &Jockeyd, deploy: &str, words: &str) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let step = server.deploy_of(deploy).await?.step;
        if step.contains(words) {
            return Ok(step);
        }
        ensure!(
            Instant::now() < deadline,
            "it says `{step}`\n{}",
            server.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_deploy_is_two_services_that_pass() -> anyhow::Result<()> {
    let consul = Consul::start()?;
    let server = serving(&consul).await?;
    sample(&server).await?;
    server.deployed(APP).await?;
    let instances = agrees(&server, &consul, 2).await?;
    for instance in &instances {
        assert_eq!(get(&instance.address).await?, "one");
        assert_eq!(instance.node, "node-1");
    }
    let services = consul.get("/v1/agent/services")?;
    let service = &services[&instances[0].id];
    assert_eq!(service["Service"], SERVICE);
    assert_eq!(service["Meta"]["jockey-app"], APP);
    assert_eq!(service["Meta"]["jockey-environment"], "development");
    wait("the server, a service too, to pass", async || {
        Ok(passing(&consul, "jockey")?.len() == 1)
    })
    .await?;

    run(["kill", &instances[0].container])?;
    let deadline = Instant::now() + PATIENCE;
    // Whichever way it comes back, what serves is what Consul has.
    loop {
        let now = agrees(&server, &consul, 2).await?;
        if containers(&now) != containers(&instances) || now.iter().any(|it| it.restarts > 0) {
            break;
        }
        ensure!(Instant::now() < deadline, "nothing came of the kill");
    }
    Ok(())
}

/// What each service was seen to be, in the order in which it was.
type Courses = BTreeMap<String, Vec<&'static str>>;

/// When each service was first seen to be gone.
type Gone = BTreeMap<String, SystemTime>;

/// Looks at the services all the time.
fn observe(consul: &Consul, over: &AtomicBool) -> anyhow::Result<(Courses, Gone)> {
    let (mut courses, mut gone) = (Courses::new(), Gone::new());
    while !over.load(Ordering::Relaxed) {
        let rows = consul.get(&format!("/v1/health/service/{SERVICE}"))?;
        let mut now = BTreeMap::new();
        for row in rows.as_array().context("a list")? {
            let checks = row["Checks"].as_array().context("checks")?;
            let kept = |check: &Value| {
                let id = check["CheckID"].as_str().unwrap_or_default();
                id.starts_with("_service_maintenance:")
            };
            let is = match checks.iter().any(kept) {
                true => "maintenance",
                false => "serving",
            };
            now.insert(
                row["Service"]["ID"].as_str().unwrap_or_default().to_owned(),
                is,
            );
        }
        let known: BTreeSet<String> = now.keys().chain(courses.keys()).cloned().collect();
        for id in known {
            let is = now.get(&id).copied().unwrap_or("gone");
            if is == "gone" {
                gone.entry(id.clone()).or_insert_with(time);
            }
            let course = courses.entry(id).or_default();
            if course.last() != Some(&is) {
                course.push(is);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((courses, gone))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the Engine tells an end by the machine's clock"
)]
fn time() -> SystemTime {
    SystemTime::now()
}

/// Takes its time to drain and to stop, as what has requests to end does: longer than a busy machine looks away.
const LINGERS: &str = "[workers.web]
scale = 2
drain = \"6s\"
command = \"httpd -p $PORT -h /www; trap 'sleep 6; exit 0' TERM; while true; do sleep 0.1; done\"
";

/// Listens for the ends of containers.
fn listen_for_ends(containers: &BTreeSet<String>) -> anyhow::Result<tokio::process::Child> {
    let mut command = tokio::process::Command::new("docker");
    command.args(["events", "--filter", "event=die", "--format"]);
    command.arg("{{.ID}} {{.TimeNano}}");
    for container in containers {
        command.args(["--filter", &format!("container={container}")]);
    }
    let piped = command.stdout(Stdio::piped()).kill_on_drop(true);
    Ok(piped.spawn()?)
}

/// When each of so many containers ended, as the Engine told.
async fn ends(
    mut listening: tokio::process::Child,
    count: usize,
) -> anyhow::Result<BTreeMap<String, SystemTime>> {
    let out = listening.stdout.take().context("it was piped")?;
    let mut lines = BufReader::new(out).lines();
    let mut ends = BTreeMap::new();
    while ends.len() < count {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??;
        let line = line.context("it goes on listening")?;
        let (container, at) = line.split_once(' ').context("two words")?;
        let at = UNIX_EPOCH + Duration::from_nanos(at.parse()?);
        ends.insert(container.to_owned(), at);
    }
    Ok(ends)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_instance_leaves_consul_before_it_stops() -> anyhow::Result<()> {
    let consul = Arc::new(Consul::start()?);
    let server = serving(&consul).await?;
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "one"),
        ("jockey.toml", LINGERS),
    ];
    let repository = server.app(APP, &files).await?;
    server.deployed(APP).await?;
    let before = agrees(&server, &consul, 2).await?;
    let listening = listen_for_ends(&containers(&before))?;
    let over = Arc::new(AtomicBool::new(false));
    let (seen_by, told) = (Arc::clone(&consul), Arc::clone(&over));
    let observed = tokio::task::spawn_blocking(move || observe(&seen_by, &told));
    repository.commit(&change("two", &[("page", "two")]))?;
    server.deployed(APP).await?;
    let after = agrees(&server, &consul, 2).await?;
    over.store(true, Ordering::Relaxed);
    let (courses, gone) = observed.await??;
    let ends = ends(listening, before.len()).await?;
    for old in &before {
        assert_eq!(
            courses[&old.id],
            ["serving", "maintenance", "gone"],
            "{courses:?}"
        );
        assert!(gone[&old.id] < ends[&old.container], "{gone:?}, {ends:?}");
    }
    for new in &after {
        assert_eq!(courses[&new.id], ["serving"], "{courses:?}");
        assert_eq!(get(&new.address).await?, "two");
    }
    Ok(())
}

#[tokio::test]
async fn without_consul_nothing_is_stopped_and_a_deploy_waits_with_a_word() -> anyhow::Result<()> {
    let mut consul = Consul::start()?;
    let server = serving(&consul).await?;
    let repository = sample(&server).await?;
    server.deployed(APP).await?;
    let before = agrees(&server, &consul, 2).await?;
    repository.commit(&change("two", &[("page", "two")]))?;

    consul.stop()?;
    let deploy = server.ask_deploy(APP, "HEAD").await?;
    // A connection that stood is closed first, and no new one is taken from then on.
    let word = waits_for(&server, &deploy.id, "connection refused").await?;
    contains(&word, &["the catalog cannot be reached", &consul.url()]);
    for instance in &before {
        assert_eq!(get(&instance.address).await?, "one", "it goes on");
    }
    let running = server.scope.containers()?;
    assert!(before.iter().all(|it| running.contains(&it.container)));

    consul.resume()?;
    let ended = server.ended(&deploy.id).await?;
    assert_eq!(ended.state(), DeployState::Deployed, "{ended:?}");
    for instance in agrees(&server, &consul, 2).await? {
        assert_eq!(get(&instance.address).await?, "two");
    }
    Ok(())
}

/// A Consul that has lost its state shows no host: that is not taken for the end of every host.
#[tokio::test]
async fn a_pool_that_is_suddenly_empty_stops_nothing() -> anyhow::Result<()> {
    let consul = Consul::start()?;
    let server = serving(&consul).await?;
    let repository = sample(&server).await?;
    server.deployed(APP).await?;
    let before = agrees(&server, &consul, 2).await?;
    let leave = "/v1/agent/service/deregister/jockey-api-development";
    consul.put(leave, &Value::Null)?;
    repository.commit(&change("two", &[("page", "two")]))?;
    let deploy = server.ask_deploy(APP, "HEAD").await?;
    waits_for(&server, &deploy.id, "only 0 of 1 nodes answer").await?;
    for instance in &before {
        assert_eq!(get(&instance.address).await?, "one", "it goes on");
    }
    consul.join_pool("api", "development", &json!({}))?;
    let ended = server.ended(&deploy.id).await?;
    assert_eq!(ended.state(), DeployState::Deployed, "{ended:?}");
    agrees(&server, &consul, 2).await?;
    Ok(())
}

#[tokio::test]
async fn a_worker_without_a_port_is_a_service_by_the_servers_word() -> anyhow::Result<()> {
    let consul = Consul::start()?;
    let server = serving(&consul).await?;
    let manifest = "[workers.clock]\ncommand = \"while true; do date; sleep 1; done\"\nscale = 1\nsettle = \"1s\"\n";
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "x"),
        ("jockey.toml", manifest),
    ];
    server.app("ticking", &files).await?;
    server.deployed("ticking").await?;
    let deadline = Instant::now() + PATIENCE;
    let output = loop {
        let checks = consul.get("/v1/health/checks/ticking-clock")?;
        if checks[0]["Output"] == "it runs" {
            break checks[0].clone();
        }
        ensure!(Instant::now() < deadline, "{checks:#}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(output["Status"], "passing");
    server.scale("ticking", "clock", 0).await?;
    server.settled("ticking", "none", exactly(0)).await?;
    // The agent that was told so tells the servers of Consul in its own time.
    wait("the service to be gone", async || {
        Ok(consul.get("/v1/catalog/service/ticking-clock")? == json!([]))
    })
    .await
}

#[tokio::test]
async fn a_look_at_consul_says_what_the_token_may_not_do() -> anyhow::Result<()> {
    let options = Options {
        acl: Acl::Deny,
        ..Options::default()
    };
    let consul = Consul::start_as(options)?;
    let server = Jockeyd::start().await?;
    let url = consul.url();
    let told = server.jockeyd(&["check", "--consul", &url]).await?;
    assert_ne!(told.code, Some(0), "{told:?}");
    contains(
        &told.out,
        &["WRONG  consul:", "may not read agents", "docs/consul.md"],
    );
    let token = testkit::consul::MASTER_TOKEN;
    let told = server
        .jockeyd(&["check", "--consul", &url, "--consul-token", token])
        .await?;
    contains(
        &told.out,
        &["ok     consul: Consul 1.", "services may be registered"],
    );
    Ok(())
}
