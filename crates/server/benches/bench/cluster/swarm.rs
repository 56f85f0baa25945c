//! Docker Swarm over the same Engines: the peer.

use super::{EACH_LOOK, millis};
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
        let manager = &self.hosts[0].engine;
        let began = Instant::now();
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
            &self.image,
        ])?;
        let all = format!("{count}/{count}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = manager.run(["service", "ls", "--format", "{{.Replicas}}"])?;
            if told.trim() == all {
                break;
            }
            ensure!(Instant::now() < deadline, "Swarm runs {}", told.trim());
            tokio::time::sleep(EACH_LOOK).await;
        }
        let took = millis(began);
        manager.run(["service", "rm", SERVICE])?;
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
        Ok(took)
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
