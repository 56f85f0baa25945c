//! A `jockeyd` of its own for each test: its own state, installation, repositories, ports and address.

use anyhow::{Context, bail, ensure};
use std::{
    ffi::OsString,
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{
    consul::Consul,
    docker::Scope,
    git::Repositories,
    postgres::{Database, Postgres},
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig},
};

// The benches take this file by its path, so that this one needs its own.
#[path = "harness/asks.rs"]
mod asks;
#[path = "harness/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "harness/several.rs"]
mod several;

pub(crate) use asks::{change, exactly, is_healthy};

/// How long anything is waited for. Only a failure takes as long: machines may be slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How much the server logs: what explains a failed test, but no more than usual where it is measured. (Benches are
/// not compiled as tests.)
const LOG: &str = if cfg!(test) {
    "debug,h2=info,hyper=info,tower=info,bollard=info"
} else {
    "info"
};

/// The variable by which the tests are told to run on PostgreSQL.
const DATABASE: &str = "JOCKEY_TEST_DATABASE";

/// A database for one server, where the tests are to run on PostgreSQL.
fn database() -> anyhow::Result<Option<Database>> {
    match std::env::var(DATABASE).as_deref() {
        Err(_) | Ok("sqlite") => Ok(None),
        Ok("postgres") => Postgres::shared()?.database().map(Some),
        Ok(other) => bail!("{DATABASE} is sqlite or postgres, and not {other}"),
    }
}

/// How many host ports there are for one server, with the one that is held and the one that no instance gets.
const EACH: u16 = 250;

/// Host ports for one server, below those that a server takes by default. The first of them is held as long as this
/// lives, so that no other server of any test takes the same block.
struct Ports {
    first: u16,
    _guard: TcpListener,
}

impl Ports {
    fn take() -> anyhow::Result<Self> {
        (11_000..20_000)
            .step_by(usize::from(EACH))
            .find_map(|first| {
                let guard = TcpListener::bind(("127.0.0.1", first)).ok()?;
                Some(Self {
                    first,
                    _guard: guard,
                })
            })
            .context("every block of ports is taken")
    }

    const fn range(&self) -> (u16, u16) {
        (self.first + 1, self.first + EACH - 2)
    }

    /// The last of the block, which no instance gets.
    const fn spare(&self) -> u16 {
        self.first + EACH - 1
    }
}

/// Adds the bearer token to each call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub(crate) type Api = InterceptedService<Channel, Bearer>;

/// A running server. Dropping it kills it and takes its containers, images and state away.
pub(crate) struct Jockeyd {
    process: Option<Child>,
    pub(crate) scope: Scope,
    pub(crate) repositories: Repositories,
    state: tempfile::TempDir,
    /// None: a SQLite file in its state directory.
    database: Option<Arc<Database>>,
    /// None: its own machine is its only node.
    consul: Option<Arc<Consul>>,
    ports: Arc<Ports>,
    extra: Vec<String>,
    /// What the server is started with: a command that runs another one, where it is to run elsewhere.
    pub(crate) launcher: Vec<OsString>,
    /// Variables of its environment, besides those that it inherits.
    pub(crate) variables: Vec<(&'static str, String)>,
    channel: Option<Channel>,
    /// Whose certificate the server shows, where it speaks TLS.
    pub(crate) ca: Option<PathBuf>,
}

impl Jockeyd {
    /// A server in development mode, and its API.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// The same with more arguments.
    pub(crate) async fn start_with(extra: &[&str]) -> anyhow::Result<Self> {
        let mut server = Self::prepare(extra)?;
        server.resume().await?;
        Ok(server)
    }

    /// All that a server needs, and no server yet.
    pub(crate) fn prepare(extra: &[&str]) -> anyhow::Result<Self> {
        testkit::docker::base_image()?;
        Ok(Self {
            process: None,
            scope: Scope::open()?,
            repositories: Repositories::new()?,
            state: tempfile::tempdir()?,
            database: database()?.map(Arc::new),
            consul: catalog::consul()?.map(Arc::new),
            ports: Arc::new(Ports::take()?),
            extra: extra.iter().map(ToString::to_string).collect(),
            launcher: Vec::new(),
            variables: Vec::new(),
            channel: None,
            ca: None,
        })
    }

    /// Starts the process again, on the same state.
    pub(crate) async fn resume(&mut self) -> anyhow::Result<()> {
        let url = self.launch()?;
        let mut endpoint = Channel::from_shared(url)?;
        if let Some(ca) = &self.ca {
            let ca = Certificate::from_pem(std::fs::read(ca)?);
            endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(ca))?;
        }
        self.reach_by(endpoint.connect_lazy());
        Ok(())
    }

    /// Starts the process, and answers where it listens.
    pub(crate) fn launch(&mut self) -> anyhow::Result<String> {
        self.spawn()?;
        let address = self.file("address");
        self.wait("the server to listen", || address.exists())?;
        Ok(std::fs::read_to_string(&address)?.trim().to_owned())
    }

    /// From now on calls take this way.
    pub(crate) fn reach_by(&mut self, channel: Channel) {
        self.channel = Some(channel);
    }

    /// Starts the process, without waiting for anything.
    pub(crate) fn spawn(&mut self) -> anyhow::Result<()> {
        std::fs::remove_file(self.file("address")).ok();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.file("log"))?;
        let words: Vec<OsString> = self
            .launcher
            .iter()
            .cloned()
            .chain([env!("CARGO_BIN_EXE_jockeyd").into()])
            .collect();
        let (first, last) = self.ports.range();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args([
                "serve",
                "--dev",
                "--listen",
                "127.0.0.1:0",
                "--node",
                "node-1",
            ])
            .arg("--state-dir")
            .arg(self.state.path())
            .args(["--ports", &format!("{first}-{last}")])
            .args(["--installation", &self.scope.installation().to_string()])
            .args(self.base_url())
            .args(self.database_flag())
            .args(self.catalog_flag())
            .args(&self.extra)
            .env("JOCKEY_LOG", LOG)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(log);
        let process = command.spawn().context("jockeyd cannot be started")?;
        let pid = process.id();
        self.process = Some(process);
        self.scope.is_made_by(pid)
    }

    /// Where the server fetches from: its own repositories, unless it was told otherwise.
    fn base_url(&self) -> Vec<String> {
        let flag = "--git-base-url".to_owned();
        match self.extra.contains(&flag) {
            true => Vec::new(),
            false => vec![flag, self.repositories.base_url()],
        }
    }

    /// Where the server keeps everything, where that is not in its state directory.
    pub(crate) fn database_flag(&self) -> Vec<String> {
        let flag = "--database".to_owned();
        let Some(database) = &self.database else {
            return Vec::new();
        };
        if self.extra.contains(&flag) {
            return Vec::new();
        }
        let url = match self.launcher.is_empty() {
            true => database.url().to_owned(),
            false => database.socket_url(),
        };
        vec![flag, url]
    }

    /// A file of the server's state directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn terminate(&mut self) -> anyhow::Result<std::process::ExitStatus> {
        let mut process = self.process.take().context("the server does not run")?;
        let told = Command::new("kill")
            .args(["-TERM", &process.id().to_string()])
            .status()?;
        ensure!(told.success(), "kill failed");
        Ok(process.wait()?)
    }

    /// The API, with the administrator's token.
    pub(crate) fn api(&self) -> Api {
        let token = std::fs::read_to_string(self.file("admin-token")).expect("it wrote a token");
        self.api_as(token.trim())
    }

    /// The API, with another token.
    pub(crate) fn api_as(&self, token: &str) -> Api {
        let bearer = format!("Bearer {token}").parse().expect("a token is text");
        InterceptedService::new(self.channel(), Bearer(bearer))
    }

    /// The API without any token.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone().expect("the server was started")
    }

    /// What a server is started with, besides its state.
    pub(crate) fn arguments(&mut self) -> &mut Vec<String> {
        &mut self.extra
    }

    /// The first and the last of the host ports that the server may give to instances.
    pub(crate) fn port_range(&self) -> (u16, u16) {
        self.ports.range()
    }

    /// A port that nobody else takes, for whatever else the server or its test listens on.
    pub(crate) fn spare_port(&self) -> u16 {
        self.ports.spare()
    }

    /// The state directory.
    pub(crate) fn state(&self) -> &std::path::Path {
        self.state.path()
    }

    /// Waits for a condition, and fails with the server's log when it does not come or the server ends.
    pub(crate) fn wait(
        &mut self,
        what: &str,
        mut is_so: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            if let Some(status) = self
                .process
                .as_mut()
                .map(Child::try_wait)
                .transpose()?
                .flatten()
            {
                bail!(
                    "waiting for {what}: jockeyd ended with {status}\n{}",
                    self.log()
                );
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for {what}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Jockeyd {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("the server is left running: {error}");
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.char_indices().rev().nth(20_000).map_or(0, |(at, _)| at);
            eprintln!("--- the server's log ends ---\n{}", &log[tail..]);
        }
    }
}
