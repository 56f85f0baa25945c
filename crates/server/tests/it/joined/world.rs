//! A server on this machine, and hosts whose Engines are reached by node programs alone.

use crate::harness::{Jockeyd, PATIENCE};
use anyhow::{Context, ensure};
use proto::v1::{self, NodeState};
use serde_json::Value;
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use testkit::cluster::{Cluster, Host};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Where node programs let servers in.
pub(super) const PORT: u16 = 4045;

pub(super) struct World {
    // They go in this order.
    pub(super) programs: Vec<Program>,
    pub(super) server: Jockeyd,
    pub(super) cluster: Cluster,
    files: tempfile::TempDir,
    relay: SocketAddr,
    relaying: JoinHandle<()>,
}

impl World {
    /// Starts hosts, and a server whose own node is the first of them, by its socket; it has no certificate for Docker.
    pub(super) async fn start(names: &[&str], extra: &[&str]) -> anyhow::Result<Self> {
        let cluster = Cluster::start(names)?;
        let files = tempfile::tempdir()?;
        let first = &cluster.hosts()[0];
        let (socket, address) = (
            first.engine.socket().display().to_string(),
            first.address().to_string(),
        );
        let registry = cluster.registry().context("it runs")?;
        let mut server = Jockeyd::prepare(extra)?;
        server.arguments().extend([
            "--docker".to_owned(),
            format!("unix://{socket}"),
            "--node-address".to_owned(),
            address,
            "--registry".to_owned(),
            format!("{registry}/apps"),
        ]);
        server.resume().await?;
        let url = fs::read_to_string(server.file("address"))?;
        let api: SocketAddr = url.trim().trim_start_matches("http://").parse()?;
        // A server for development is on loopback, which hosts do not reach.
        let listener = TcpListener::bind((cluster.gateway(), 0)).await?;
        let relay = listener.local_addr()?;
        let relaying = tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(api).await {
                        copy_bidirectional(&mut from, &mut to).await.ok();
                    }
                });
            }
        });
        Ok(Self {
            programs: Vec::new(),
            server,
            cluster,
            files,
            relay,
            relaying,
        })
    }

    /// A token to join by, in a file of its own.
    pub(super) async fn token(&self) -> anyhow::Result<PathBuf> {
        let request = v1::CreateJoinTokenRequest::default();
        let answer = self.server.admin().nodes().create_join_token(request).await;
        let token = answer?.into_inner().token;
        let file = tempfile::NamedTempFile::new_in(self.files.path())?;
        let (_, path) = file.keep()?;
        fs::write(&path, token)?;
        Ok(path)
    }

    /// A node program of a host, which has not been started; `state` tells its directory from others'.
    pub(super) fn program(&self, host: &str, state: &str, token: &Path) -> Program {
        let mut hosts = self.cluster.hosts().iter();
        let of = hosts.find(|one| one.name() == host).expect("there is one");
        let directory = self.files.path().join(state);
        let mut command = node(of, &directory);
        command
            .arg("--server")
            .arg(format!("http://{}", self.relay))
            .arg("--server-plain")
            .arg("--token-file")
            .arg(token);
        Program {
            command,
            directory,
            process: None,
        }
    }

    /// Lets a host join, and waits until the server reaches it.
    pub(super) async fn join(&mut self, host: &str) -> anyhow::Result<()> {
        let token = self.token().await?;
        let mut program = self.program(host, host, &token);
        program.start()?;
        self.programs.push(program);
        self.node_is(host, NodeState::Alive).await
    }

    pub(super) async fn node_is(&self, name: &str, state: NodeState) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = v1::GetNodeRequest {
                node: name.to_owned(),
            };
            let seen = self.server.admin().nodes().get_node(request).await;
            let seen = seen.map(|answer| answer.into_inner().node.unwrap_or_default());
            // One that has just joined counts as alive until somebody has asked it.
            if seen.as_ref().is_ok_and(|node| {
                node.state() == state
                    && (state != NodeState::Alive
                        || node.capacity.unwrap_or_default().cpu_millis > 0)
            }) {
                return Ok(());
            }
            let logs: Vec<String> = self.programs.iter().map(Program::log).collect();
            ensure!(
                Instant::now() < deadline,
                "waiting for {name} to be {state:?}: {seen:?}\n{}\n{}",
                self.server.log(),
                logs.join("\n---\n")
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.relaying.abort();
    }
}

/// `jockeyd node` on a host, without the server that it is to speak to.
fn node(host: &Host, directory: &Path) -> Command {
    let mut command = host.enter(env!("CARGO_BIN_EXE_jockeyd"));
    command
        .arg("node")
        .arg("--state-dir")
        .arg(directory)
        .args(["--listen", &format!("{}:{PORT}", host.address())])
        .args(["--address", &host.address().to_string()])
        .args(["--name", host.name()])
        .arg("--docker")
        .arg(format!("unix://{}", host.engine.socket().display()))
        .env("JOCKEY_LOG", "debug,h2=info,hyper=info,tower=info")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// A node program. It is killed when it is dropped.
pub(super) struct Program {
    command: Command,
    directory: PathBuf,
    process: Option<Child>,
}

impl Program {
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.with_extension("log"))?;
        self.process = Some(self.command.stderr(log).spawn()?);
        Ok(())
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        let mut process = self.process.take().context("it was started")?;
        loop {
            if let Some(status) = process.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                process.kill()?;
                anyhow::bail!("it does not end:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.directory.with_extension("log")).unwrap_or_default()
    }

    /// What it keeps.
    pub(super) fn state(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.file())?)?)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.directory.join("node.json")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("a node program is left running: {error}");
        }
    }
}
