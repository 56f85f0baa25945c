//! The cluster, and a server of it.

use super::EACH_LOOK;
use crate::{
    engine::{Floor, Host},
    harness::{Jockeyd, PATIENCE, exactly},
    web,
};
use anyhow::{Context, ensure};
use bollard::{API_DEFAULT_VERSION, Docker};
use proto::v1::{GetNodeRequest, NodeState, node_service_client::NodeServiceClient};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{
    cluster::{CONSUL_PORT, Cluster},
    git::Repository,
    postgres::Postgres,
};

pub(super) const APP: &str = "web";
/// Builds are made on the first; the last is lost.
const HOSTS: [&str; 3] = ["node-1", "node-2", "node-3"];
pub(super) const LOST: &str = "node-3";

/// For how long an old instance goes on to serve once it is out of the list, of which those who ask have one that is up to a
/// tenth of a second old. The floor and Swarm wait as long.
pub(super) const DRAIN: Duration = Duration::from_millis(500);

/// Proven as the floor proves, and rolled as the floor rolls: one at a time.
const MANIFEST: &str = "[workers.web]\nport = 8888\ndrain = \"500ms\"\nstrategy = { max_surge = 1 }\ncheck = { path = \"/\" }\n";

pub(super) struct Stage {
    // In the order in which they go.
    pub(super) servers: Vec<Jockeyd>,
    pub(super) cluster: Cluster,
    pub(super) repository: Repository,
}

impl Stage {
    /// Starts everything, and deploys the App, one of it on each host.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let mut cluster = Cluster::start(&HOSTS)?;
        cluster.place("consul")?;
        cluster.start_consul("consul", "api", "development")?;
        let mut server = Jockeyd::prepare(&["--scale-max", "200"])?;
        server.keep_in(Arc::new(Postgres::shared()?.database()?));
        server.arguments().extend(arguments(&cluster)?);
        server.resume().await?;
        for name in HOSTS {
            node_is(&server, name, NodeState::Alive).await?;
        }
        let files = [web::FILES[0], web::FILES[1], ("jockey.toml", MANIFEST)];
        let repository = server.app(APP, &files).await?;
        let deploy = server.deploy(APP, "HEAD").await?;
        ensure!(deploy.reason.is_empty(), "{deploy:?}");
        server.scale(APP, "web", 6).await?;
        server.settled(APP, "on all hosts", exactly(6)).await?;
        Ok(Self {
            servers: vec![server],
            cluster,
            repository,
        })
    }

    /// The raw API of the same hosts, which have the App's image by now.
    pub(super) async fn floor(&self) -> anyhow::Result<Floor> {
        let instances = self.servers[0].instances(APP).await?;
        let image = instances.first().context("an instance")?.image.clone();
        let hosts = self.cluster.hosts().iter().map(|host| {
            let socket = host.engine.socket();
            let socket = socket.to_str().context("a path that is text")?;
            Ok(Host {
                docker: Docker::connect_with_unix(socket, 120, API_DEFAULT_VERSION)?,
                address: host.address().to_string(),
            })
        });
        Floor::over(hosts.collect::<anyhow::Result<_>>()?, image)
    }

    /// Takes a host away: its Engine, its agent and its link.
    pub(super) fn strike(&mut self) -> anyhow::Result<()> {
        self.cluster.cut(LOST)?;
        self.cluster.agent(LOST).kill()?;
        self.cluster.host(LOST).engine.kill()
    }

    /// Brings it back.
    pub(super) fn mend(&mut self) -> anyhow::Result<()> {
        self.cluster.mend(LOST)?;
        self.cluster.host(LOST).engine.resume()?;
        self.cluster.agent(LOST).resume()
    }

    /// Waits until the server says this of a node.
    pub(super) async fn node_is(&self, name: &str, state: NodeState) -> anyhow::Result<()> {
        node_is(&self.servers[0], name, state).await
    }
}

async fn node_is(server: &Jockeyd, name: &str, state: NodeState) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut nodes = NodeServiceClient::new(server.api());
    loop {
        let node = name.to_owned();
        let seen = nodes.get_node(GetNodeRequest { node }).await;
        let seen = seen.ok().and_then(|seen| seen.into_inner().node);
        if seen.as_ref().is_some_and(|node| node.state() == state) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{seen:?} is not {state:?}");
        tokio::time::sleep(EACH_LOOK).await;
    }
}

fn arguments(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let registry = cluster.registry().context("it runs")?;
    let first = &cluster.hosts()[0];
    let certificates = cluster.certificates().display().to_string();
    let pairs = [
        ("--docker", first.docker()),
        ("--docker-certs", certificates),
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
