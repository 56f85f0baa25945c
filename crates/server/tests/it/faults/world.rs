//! The cluster: three hosts, each with an agent, a server of Consul, a registry, PostgreSQL, and two servers.

use super::clock::{self, Clocks};
use crate::{harness::Jockeyd, sources::WEB};
use anyhow::Context;
use proto::v1;
use std::path::PathBuf;
use tempfile::TempDir;
use testkit::{
    cluster::{CONSUL_PORT, Cluster},
    git::Repository,
    postgres::{Database, Postgres},
};

pub(super) const APP: &str = "jockey-sample-app";
pub(super) const SERVICE: &str = "jockey-sample-app-web";
const HOSTS: [&str; 3] = [BUILDS, "node-2", "node-3"];
/// The host on which builds are made.
pub(super) const BUILDS: &str = "node-1";
/// The host that something happens to unless that is the one that builds, one from which it is cut off, and the one that is
/// drained.
pub(super) const STRUCK: &str = "node-3";
pub(super) const OTHER_HOST: &str = "node-1";
pub(super) const DRAINED: &str = "node-2";
const PLACES: [&str; 2] = ["server-1", "server-2"];
const SCALE: usize = 3;
/// With a drain time of several times that for which clients may come late: see `watch`.
const MANIFEST: &str = "[workers.web]\ndrain = \"4s\"\n";

pub(super) struct World {
    // In the order in which they go.
    pub(super) servers: Vec<Jockeyd>,
    pub(super) database: Database,
    pub(super) postgres: Postgres,
    pub(super) cluster: Cluster,
    pub(super) repository: Repository,
    files: TempDir,
    clocks: Clocks,
    scale: usize,
    pages: u32,
}

impl World {
    /// Starts everything, and deploys three instances.
    pub(super) async fn start(clocks: Clocks) -> anyhow::Result<Self> {
        let mut cluster = Cluster::start(&HOSTS)?;
        for place in ["consul", "database"].iter().chain(&PLACES) {
            cluster.place(place)?;
        }
        cluster.start_consul("consul", "api", "development")?;
        let words = cluster.words("database");
        let postgres = Postgres::start_in(words, cluster.address_of("database"))?;
        let database = postgres.database()?;
        let files = tempfile::tempdir()?;
        let mut first = Jockeyd::prepare(&[])?;
        first.arguments().extend(arguments(&cluster, &database)?);
        let mut servers = Vec::new();
        first.launcher = launcher(&cluster, 0, clocks, &files)?;
        first.resume_inside()?;
        let mut second = first.beside()?;
        second.launcher = launcher(&cluster, 1, clocks, &files)?;
        second.resume_inside()?;
        let commit = [
            ("Dockerfile", WEB),
            ("page", "page-0"),
            ("jockey.toml", MANIFEST),
        ];
        let repository = first.app(APP, &commit).await?;
        servers.extend([first, second]);
        let world = Self {
            servers,
            database,
            postgres,
            cluster,
            repository,
            files,
            clocks,
            scale: SCALE,
            pages: 0,
        };
        world.servers[0].deployed(APP).await?;
        Ok(world)
    }

    pub(super) fn clocks(&self) -> Clocks {
        self.clocks
    }

    /// How many instances were wanted when the cell began.
    pub(super) fn scale(&self) -> usize {
        self.scale
    }

    pub(super) fn next_page(&mut self) -> String {
        self.pages += 1;
        format!("page-{}", self.pages)
    }

    /// Where Consul answers.
    pub(super) fn consul(&self) -> String {
        format!("{}:{CONSUL_PORT}", self.cluster.address_of("consul"))
    }

    /// The number of the server that keeps the Environment.
    pub(super) fn keeper(&self) -> anyhow::Result<usize> {
        let lease = "SELECT owner FROM leases WHERE name = 'environment/env-1'";
        let owner = self.database.sql(lease)?;
        // A server is called by its process and something that nobody else has.
        let pid = owner.split('-').next().and_then(|pid| pid.parse().ok());
        let is_it = |server: &Jockeyd| Some(server.pid()) == pid;
        let found = self.servers.iter().position(is_it);
        found.with_context(|| format!("no server is `{owner}`"))
    }

    /// The server that does not.
    pub(super) fn other(&self) -> anyhow::Result<&Jockeyd> {
        Ok(&self.servers[1 - self.keeper()?])
    }

    pub(super) fn place_of(server: usize) -> &'static str {
        PLACES[server]
    }

    pub(super) fn clock_of(&self, server: usize) -> PathBuf {
        clock_in(&self.files, server)
    }

    pub(super) async fn rescale(&mut self, to: usize) -> anyhow::Result<()> {
        self.scale = to;
        self.other()?.scale(APP, "web", i32::try_from(to)?).await
    }

    /// Three instances, of which at least one is on this host.
    pub(super) async fn reset(&mut self, host: &str) -> anyhow::Result<()> {
        let uncordon = v1::UncordonNodeRequest {
            node: DRAINED.to_owned(),
            ..v1::UncordonNodeRequest::default()
        };
        self.other()?
            .admin()
            .nodes()
            .uncordon_node(uncordon)
            .await?;
        // Whatever the cell before has left where: all hosts take their share of what is started anew.
        let instances = self.other()?.instances(APP).await?;
        if instances.iter().all(|it| it.node != host) {
            self.rescale(0).await?;
            self.quiet(None).await.context("before the fault")?;
        }
        self.rescale(SCALE).await?;
        self.quiet(None).await.context("before the fault")
    }

    /// The last of what the servers have logged.
    pub(super) fn logs(&self) -> String {
        let tail = |server: &Jockeyd| {
            let log = server.log();
            let from = log.char_indices().rev().nth(20_000).map_or(0, |(at, _)| at);
            log[from..].to_owned()
        };
        self.servers
            .iter()
            .map(tail)
            .collect::<Vec<_>>()
            .join("\n--- the other ---\n")
    }
}

/// What both servers are started with.
fn arguments(cluster: &Cluster, database: &Database) -> anyhow::Result<Vec<String>> {
    let registry = cluster.registry().context("it runs")?;
    let first = &cluster.hosts()[0];
    let pairs = [
        ("--database", database.url().to_owned()),
        ("--docker", first.docker()),
        (
            "--docker-certs",
            cluster.certificates().display().to_string(),
        ),
        ("--node-address", first.address().to_string()),
        (
            "--consul",
            format!("http://{}:{CONSUL_PORT}", cluster.address_of("consul")),
        ),
        ("--registry", format!("{registry}/apps")),
    ];
    let words = pairs
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value]);
    Ok(words.collect())
}

/// What runs a server in its place.
fn launcher(
    cluster: &Cluster,
    server: usize,
    clocks: Clocks,
    files: &TempDir,
) -> anyhow::Result<Vec<std::ffi::OsString>> {
    let mut words = cluster.words(PLACES[server]);
    if clocks == Clocks::Movable {
        words.extend(clock::words(&clock_in(files, server))?);
    }
    Ok(words)
}

fn clock_in(files: &TempDir, server: usize) -> PathBuf {
    files.path().join(format!("clock-{server}"))
}
