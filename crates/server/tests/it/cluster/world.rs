//! A server with a cluster of hosts that a file lists, and a registry.

use crate::harness::{Jockeyd, PATIENCE};
use anyhow::{Context, ensure};
use proto::v1::{self, NodeState};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};
use testkit::cluster::Cluster;

pub(super) struct World {
    // It goes before the hosts do.
    pub(super) server: Jockeyd,
    pub(super) cluster: Cluster,
    failed: BTreeSet<String>,
    disks: BTreeMap<String, String>,
    files: tempfile::TempDir,
}

impl World {
    /// Starts hosts, and a server that builds on the first of them.
    pub(super) async fn start(names: &[&str]) -> anyhow::Result<Self> {
        let cluster = Cluster::start(names)?;
        let files = tempfile::tempdir()?;
        let mut world = Self {
            server: Jockeyd::prepare(&[])?,
            cluster,
            failed: BTreeSet::new(),
            disks: BTreeMap::new(),
            files,
        };
        world.write()?;
        let registry = world.cluster.registry().context("it runs")?;
        let arguments = [
            "--docker".to_owned(),
            world.cluster.hosts()[0].docker(),
            "--docker-certs".to_owned(),
            world.cluster.certificates().display().to_string(),
            "--nodes".to_owned(),
            world.files.path().join("nodes.toml").display().to_string(),
            "--registry".to_owned(),
            format!("{registry}/apps"),
        ];
        world.server.arguments().extend(arguments);
        world.server.resume().await?;
        Ok(world)
    }

    /// Lists the hosts there are, each in a zone of its own.
    fn write(&self) -> anyhow::Result<()> {
        let mut text = String::new();
        for host in self.cluster.hosts() {
            let (name, address, docker) = (host.name(), host.address(), host.docker());
            text += &format!("[nodes.{name}]\naddress = \"{address}\"\ndocker = \"{docker}\"\n");
            text += &format!("meta = {{ zone = \"zone-of-{name}\"");
            if let Some(disk) = self.disks.get(name) {
                text += &format!(", disk = \"{disk}\"");
            }
            text += " }\n";
            if self.failed.contains(name) {
                text += "state = \"failed\"\n";
            }
        }
        let new = self.files.path().join("new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, self.files.path().join("nodes.toml"))?)
    }

    /// What the meta of a host says of its disk.
    pub(super) fn say_disk(&mut self, name: &str, disk: &str) -> anyhow::Result<()> {
        self.disks.insert(name.to_owned(), disk.to_owned());
        self.write()
    }

    pub(super) fn say_failed(&mut self, name: &str) -> anyhow::Result<()> {
        self.failed.insert(name.to_owned());
        self.write()
    }

    pub(super) fn say_alive(&mut self, name: &str) -> anyhow::Result<()> {
        self.failed.remove(name);
        self.write()
    }

    pub(super) fn join(&mut self, name: &str) -> anyhow::Result<()> {
        self.cluster.join(name)?;
        self.write()
    }

    pub(super) async fn node(&self, name: &str) -> anyhow::Result<v1::Node> {
        let request = v1::GetNodeRequest {
            node: name.to_owned(),
        };
        let answer = self.server.admin().nodes().get_node(request).await?;
        answer.into_inner().node.context("an answer without a node")
    }

    /// What it has, once it has told that.
    pub(super) async fn capacity(&self, name: &str) -> anyhow::Result<v1::Resources> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.node(name).await?.capacity.unwrap_or_default();
            if told.memory_bytes > 0 && told.cpu_millis > 0 {
                return Ok(told);
            }
            ensure!(Instant::now() < deadline, "{name}: {told:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn node_is(&self, name: &str, state: NodeState) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.node(name).await;
            if seen.as_ref().is_ok_and(|node| node.state() == state) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for {name} to be {state:?}: {seen:?}\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a node's meta says this.
    pub(super) async fn meta_is(&self, name: &str, key: &str, value: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.node(name).await;
            let said = seen.as_ref().ok().and_then(|node| node.meta.get(key));
            if said.is_some_and(|said| said == value) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for {key} of {name} to be {value}: {seen:?}\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Node and id of every running container of this installation, on the hosts whose engine runs.
    pub(super) fn running(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        for host in self.cluster.hosts() {
            if host.engine.runs() {
                let ids = host.running(&self.server.scope.label())?;
                all.extend(ids.into_iter().map(|id| (host.name().to_owned(), id)));
            }
        }
        Ok(all)
    }

    /// Lets what runs on a host serve that waits for a file. What does not run yet goes on waiting.
    pub(super) fn let_go(&self, name: &str) {
        let mut hosts = self.cluster.hosts().iter();
        let host = hosts.find(|host| host.name() == name);
        for (node, id) in self.running().unwrap_or_default() {
            if let Some(host) = host.filter(|_| node == name) {
                host.engine.run(["exec", &id, "touch", "/go"]).ok();
            }
        }
    }

    /// Waits until there are so many containers of this installation, running or not, on all hosts together.
    pub(super) async fn containers_are(&self, count: usize) -> anyhow::Result<()> {
        let filter = format!("label={}", self.server.scope.label());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut all = Vec::new();
            for host in self.cluster.hosts() {
                let ids = host
                    .engine
                    .run(["ps", "--all", "--quiet", "--filter", &filter])?;
                all.extend(ids.lines().map(|id| format!("{} {id}", host.name())));
            }
            if all.len() == count {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for {count} containers: {all:?}\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the plan of `development` is empty.
    pub(super) async fn nothing_is_to_do(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let preview = v1::PreviewReconcileRequest {
                environment: "development".to_owned(),
                ..v1::PreviewReconcileRequest::default()
            };
            let mut reconciles = self.server.admin().reconciles();
            let seen = reconciles.preview_reconcile(preview).await?.into_inner();
            let plan = seen.plan.unwrap_or_default();
            if plan.summary == "nothing to do" {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for nothing to do: {plan:?}\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a Deploy's step has this word in it.
    pub(super) async fn deploy_says(&self, deploy: &str, word: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.server.deploy_of(deploy).await?;
            if format!("{seen:?}").contains(word) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for `{word}` of {seen:?}\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The nodes of instances, in order.
pub(super) fn nodes_of(instances: &[v1::Instance]) -> Vec<&str> {
    let mut nodes: Vec<&str> = instances.iter().map(|i| i.node.as_str()).collect();
    nodes.sort_unstable();
    nodes
}

/// Those on one node.
pub(super) fn on<'a>(instances: &'a [v1::Instance], node: &str) -> Vec<&'a v1::Instance> {
    instances.iter().filter(|i| i.node == node).collect()
}
