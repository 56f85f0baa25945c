//! A node program that keeps its host in a pool of Consul.

use crate::{
    calls::{containers, contains},
    harness::{Jockeyd, PATIENCE, exactly},
    sources::WEB,
};
use anyhow::ensure;
use ports::catalog::WORD_COUNTS;
use proto::v1;
use serde_json::Value;
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use testkit::{
    consul::Consul,
    docker::{self, Gate},
};

const POOL: &str = "jockey-api-development";

/// Waits until the service of the pool is as it should be.
async fn pool_is(
    consul: &Consul,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = consul.get(&format!("/v1/health/service/{POOL}"))?;
        if is_so(&rows) {
            return Ok(rows);
        }
        ensure!(Instant::now() < deadline, "waiting for {what}: {rows:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn check(rows: &Value) -> Option<&Value> {
    let mut checks = rows[0]["Checks"].as_array()?.iter();
    checks.find(|check| check["CheckID"] == format!("{POOL}:docker"))
}

fn status(rows: &Value) -> Option<&str> {
    check(rows)?["Status"].as_str()
}

fn start(command: &mut Command) -> anyhow::Result<Child> {
    Ok(command.stdin(Stdio::null()).spawn()?)
}

/// The node program of this machine, which stays in its pool when it ends, and its port.
async fn program(consul: &Consul, server: &Jockeyd) -> anyhow::Result<(Command, u16)> {
    let request = v1::CreateJoinTokenRequest::default();
    let token = server.admin().nodes().create_join_token(request).await?;
    let token = token.into_inner().token;
    let port = server.spare_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jockeyd"));
    command
        .args([
            "node",
            "--server",
            std::fs::read_to_string(server.file("address"))?.trim(),
        ])
        .args(["--address", "127.0.0.1"])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--consul", &consul.url(), "--pool", "development/api"])
        .args(["--meta", "zone=a", "--stay"])
        .arg("--state-dir")
        .arg(server.file("node"))
        .env("JOCKEY_JOIN_TOKEN", &token);
    Ok((command, port))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_in_its_pool_as_long_as_its_node_program_says_so() -> anyhow::Result<()> {
    let consul = Consul::start()?;
    let server = Jockeyd::start_with(&["--consul", &consul.url()]).await?;
    let mut gate = Gate::open()?;
    let (mut command, port) = program(&consul, &server).await?;
    command.args(["--docker", &format!("unix://{}", gate.socket().display())]);
    let mut program = Killed(start(&mut command)?);
    let rows = pool_is(&consul, "the pool", |rows| status(rows) == Some("passing")).await?;
    let meta = &rows[0]["Service"]["Meta"];
    assert_eq!(meta["docker"], format!("node://127.0.0.1:{port}"));
    assert_eq!(meta["zone"], "a");

    // The server reaches its host's Docker by the node program: that is what Consul says.
    server
        .app("web", &[("Dockerfile", WEB), ("page", "one")])
        .await?;
    server.deployed("web").await?;
    let first = server.settled("web", "one", exactly(1)).await?;
    assert_eq!(first[0].node, consul.node());

    // Its Docker goes, while it lives.
    gate.shut();
    let rows = pool_is(&consul, "a word", |rows| status(rows) == Some("critical")).await?;
    let word = check(&rows).map(|check| check["Output"].to_string());
    contains(&word.unwrap_or_default(), &["the node does not answer"]);
    assert!(program.0.try_wait()?.is_none(), "it lives");
    gate.pass()?;
    pool_is(&consul, "the pool", |rows| status(rows) == Some("passing")).await?;

    // Its end is told, and nothing is stopped for it.
    program.terminate()?;
    pool_is(&consul, "a word", |rows| status(rows) == Some("critical")).await?;
    program = Killed(start(&mut command)?);
    pool_is(&consul, "the pool", |rows| status(rows) == Some("passing")).await?;
    let second = server.settled("web", "one", exactly(1)).await?;
    assert_eq!(containers(&first), containers(&second));

    // Killed, it says nothing any more, and so is not believed for long.
    program.0.kill()?;
    program.0.wait()?;
    pool_is(&consul, "silence", |rows| status(rows) == Some("critical")).await?;
    program = Killed(start(&mut command)?);
    pool_is(&consul, "the pool", |rows| status(rows) == Some("passing")).await?;
    assert_eq!(
        containers(&server.settled("web", "one", exactly(1)).await?),
        containers(&first)
    );

    program.terminate()?;

    // Without `--stay` it takes the host out.
    let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut leaving = Command::new(env!("CARGO_BIN_EXE_jockeyd"));
    leaving.args(words.iter().filter(|word| *word != "--stay"));
    let mut program = Killed(start(&mut leaving)?);
    pool_is(&consul, "the pool", |rows| status(rows) == Some("passing")).await?;
    program.terminate()?;
    pool_is(&consul, "nobody", |rows| {
        rows.as_array().is_some_and(Vec::is_empty)
    })
    .await?;
    Ok(())
}

const MANIFEST: &str = "[workers.clock]\ncommand = \"sleep 600\"\nscale = 1\nsettle = \"1s\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_consul_cannot_ask_it_is_told_while_no_server_is_there() -> anyhow::Result<()> {
    let consul = Consul::start()?;
    let mut server = Jockeyd::start_with(&["--consul", &consul.url()]).await?;
    let (mut command, _) = program(&consul, &server).await?;
    let mut program = Killed(start(&mut command)?);
    pool_is(&consul, "the pool", |rows| status(rows) == Some("passing")).await?;
    let files = [
        ("Dockerfile", WEB),
        ("page", "-"),
        ("jockey.toml", MANIFEST),
    ];
    server.app("ticking", &files).await?;
    server.deployed("ticking").await?;
    let instances = server.settled("ticking", "one", exactly(1)).await?;
    let said = || -> anyhow::Result<Value> {
        let checks = consul.get("/v1/health/checks/ticking-clock")?;
        Ok(checks.get(0).cloned().unwrap_or_default())
    };
    let until = async |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&said()?) {
            ensure!(Instant::now() < deadline, "{what}: {:#}", said()?);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    let passes = |said: &Value| said["Status"] == "passing";
    until("not registered", &passes).await?;
    server.kill()?;
    // The server's last word counts no more by then.
    let end = Instant::now() + WORD_COUNTS + Duration::from_secs(10);
    while Instant::now() < end {
        let said = said()?;
        ensure!(passes(&said), "{said:#}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    docker::run(["kill", &instances[0].container])?;
    let is_told = |said: &Value| {
        said["Output"] == "its container does not run, says its host"
            && said["Status"] == "critical"
    };
    until("not told", &is_told).await?;
    docker::run(["start", &instances[0].container])?;
    until("not told that it runs again", &passes).await?;
    program.terminate()
}

/// A program that does not outlive its test.
struct Killed(Child);

impl Killed {
    /// SIGTERM, and waits for the end.
    fn terminate(&mut self) -> anyhow::Result<()> {
        let pid = self.0.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(told.success(), "kill failed");
        let status = self.0.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
