//! Docker Swarm over the same Engines: the peer.

use super::{EACH_LOOK, millis, stage::DRAIN};
use crate::harness::PATIENCE;
use anyhow::{Context, ensure};
use std::{thread, time::Instant};
use testkit::cluster::{Cluster, Host};

const SERVICE: &str = "bench";

/// A Swarm, which is left when this goes.
pub(super) struct Swarm<'a> {
    hosts: &'a [Host],
    image: String,
}

impl<'a> Swarm<'a> {
    /// Makes one of the hosts of a cluster.
    ///
    /// # Errors
    /// What `docker` says: not every kernel has what it needs.
    pub(super) fn over(cluster: &'a Cluster, image: &str) -> anyhow::Result<Self> {
        let hosts = cluster.hosts();
        let swarm = Self {
            hosts,
            image: image.to_owned(),
        };
        let (first, others) = hosts.split_first().context("a host")?;
        let own = first.address().to_string();
        first
            .engine
            .run(["swarm", "init", "--advertise-addr", &own])?;
        let token = first
            .engine
            .run(["swarm", "join-token", "--quiet", "worker"])?;
        for host in others {
            let own = host.address().to_string();
            host.engine.run([
                "swarm",
                "join",
                "--token",
                token.trim(),
                "--advertise-addr",
                &own,
                &format!("{}:2377", first.address()),
            ])?;
        }
        Ok(swarm)
    }

    /// So many from nothing, until it says that all of them run: whether they answer it does not know. Milliseconds.
    pub(super) async fn start(&self, count: u16) -> anyhow::Result<f64> {
        let began = Instant::now();
        self.create(count).await?;
        let took = millis(began);
        self.remove().await?;
        Ok(took)
    }

    /// The same, which stay.
    pub(super) async fn create(&self, count: u16) -> anyhow::Result<()> {
        let manager = &self.hosts[0].engine;
        // By what the hosts have: it asks no registry.
        manager.run([
            "service",
            "create",
            "--detach",
            "--no-resolve-image",
            "--name",
            SERVICE,
            "--replicas",
            &count.to_string(),
            // As Jockey rolls: one at a time, the new one first, and some time between. It drains nothing.
            "--update-parallelism",
            "1",
            "--update-order",
            "start-first",
            "--update-delay",
            &format!("{}ms", DRAIN.as_millis()),
            "--update-monitor",
            "0s",
            &self.image,
        ])?;
        let all = format!("{count}/{count}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = manager.run(["service", "ls", "--format", "{{.Replicas}}"])?;
            if told.trim() == all {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "Swarm runs {}", told.trim());
            tokio::time::sleep(EACH_LOOK).await;
        }
    }

    /// Replaces each by its like, until it says that this is done. Milliseconds.
    pub(super) async fn roll(&self) -> anyhow::Result<f64> {
        let manager = &self.hosts[0].engine;
        let began = Instant::now();
        manager.run([
            "service",
            "update",
            "--detach",
            "--no-resolve-image",
            "--force",
            SERVICE,
        ])?;
        let deadline = Instant::now() + PATIENCE;
        let state = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}";
        loop {
            let told = manager.run(["service", "inspect", "--format", state, SERVICE])?;
            if told.trim() == "completed" {
                return Ok(millis(began));
            }
            ensure!(Instant::now() < deadline, "Swarm's update is {told}");
            tokio::time::sleep(EACH_LOOK).await;
        }
    }

    /// Takes all of them away.
    pub(super) async fn remove(&self) -> anyhow::Result<()> {
        self.hosts[0].engine.run(["service", "rm", SERVICE])?;
        let name = format!("name={SERVICE}.");
        for host in self.hosts {
            let deadline = Instant::now() + PATIENCE;
            while !host
                .engine
                .run(["ps", "--all", "--quiet", "--filter", &name])?
                .is_empty()
            {
                ensure!(Instant::now() < deadline, "containers of Swarm stay");
                tokio::time::sleep(EACH_LOOK).await;
            }
        }
        Ok(())
    }
}

impl Drop for Swarm<'_> {
    fn drop(&mut self) {
        thread::scope(|scope| {
            for host in self.hosts {
                // The Engines go with their cluster, whatever this says.
                scope.spawn(|| host.engine.run(["swarm", "leave", "--force"]).is_ok());
            }
        });
    }
}
