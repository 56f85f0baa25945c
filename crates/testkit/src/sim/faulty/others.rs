//! Catalog, prober, source and build engine, with faults.

use super::{
    super::{Fault, Line, Points},
    Act, Witness,
};
use async_trait::async_trait;
use bytes::Bytes;
use domain::{CommitSha, GitRef, InstanceId, Node, NodeName, RepoName};
use futures_util::stream::BoxStream;
use ports::{
    BuildEngine, Catalog, Effect, Prober, Source,
    build_engine::{self, BuildOrder, Built, Told},
    catalog::{self, Entry, Pool, Registration, Word},
    images,
    prober::{Answer, Probe},
    source,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};
use tokio::sync::mpsc;

/// A catalog, between points.
pub struct FaultyCatalog {
    inner: Arc<dyn Catalog>,
    points: Points,
    witness: Witness,
}

impl FaultyCatalog {
    /// This catalog, for the server whose calls pass these points.
    #[must_use]
    pub fn new(inner: Arc<dyn Catalog>, points: Points, witness: Witness) -> Self {
        Self {
            inner,
            points,
            witness,
        }
    }

    async fn before(&self, call: &str) -> Result<(), catalog::Error> {
        self.points.pass(call, "before").await.map_err(unreachable)
    }

    async fn after<T>(&self, call: &str, result: T) -> Result<T, catalog::Error> {
        self.points.pass(call, "after").await.map_err(unreachable)?;
        Ok(result)
    }
}

fn unreachable(_: Fault) -> catalog::Error {
    catalog::Error::Unreachable("connection reset by peer".to_owned())
}

#[async_trait]
impl Catalog for FaultyCatalog {
    async fn nodes(&self, pool: &Pool) -> Result<Vec<Node>, catalog::Error> {
        self.before("nodes").await?;
        let result = self.inner.nodes(pool).await;
        self.after("nodes", result).await?
    }

    async fn register(&self, entry: &Entry) -> Result<(), catalog::Error> {
        self.before("register").await?;
        let result = self.inner.register(entry).await;
        self.after("register", result).await?
    }

    async fn maintenance(
        &self,
        node: &NodeName,
        instance: InstanceId,
    ) -> Result<(), catalog::Error> {
        self.before("maintenance").await?;
        (self.witness)(&Act::Maintenance {
            node: node.clone(),
            instance,
        });
        let result = self.inner.maintenance(node, instance).await;
        self.after("maintenance", result).await?
    }

    async fn deregister(
        &self,
        node: &NodeName,
        instance: InstanceId,
    ) -> Result<(), catalog::Error> {
        self.before("deregister").await?;
        (self.witness)(&Act::Deregister {
            node: node.clone(),
            instance,
        });
        let result = self.inner.deregister(node, instance).await;
        self.after("deregister", result).await?
    }

    async fn attest(
        &self,
        node: &NodeName,
        instance: InstanceId,
        word: &Word,
    ) -> Result<(), catalog::Error> {
        self.before("attest").await?;
        let result = self.inner.attest(node, instance, word).await;
        self.after("attest", result).await?
    }

    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, catalog::Error> {
        self.before("registrations").await?;
        let result = self.inner.registrations(node).await;
        self.after("registrations", result).await?
    }

    async fn changes(&self) -> BoxStream<'static, ()> {
        self.inner.changes().await
    }
}

/// A prober, between points. A fault is an answer that did not come.
pub struct FaultyProber {
    inner: Arc<dyn Prober>,
    points: Points,
    ways: BTreeMap<String, Line>,
}

impl FaultyProber {
    /// This prober, for the server whose calls pass these points, over these ways to addresses.
    #[must_use]
    pub fn new(inner: Arc<dyn Prober>, points: Points, ways: BTreeMap<String, Line>) -> Self {
        Self {
            inner,
            points,
            ways,
        }
    }
}

#[async_trait]
impl Prober for FaultyProber {
    async fn probe(&self, probe: &Probe) -> Answer {
        // Only the server's end is simulated here: a probe that is lost would be a fault of the instance.
        let _ = self.points.pass("probe", "before").await;
        if self.ways.get(&probe.address).is_some_and(Line::is_cut) {
            tokio::time::sleep(probe.deadline).await;
            return Answer::No(format!("no answer within {:?}", probe.deadline));
        }
        self.inner.probe(probe).await
    }
}

/// A source, between points.
pub struct FaultySource {
    inner: Arc<dyn Source>,
    points: Points,
}

impl FaultySource {
    /// This source, for the server whose calls pass these points.
    #[must_use]
    pub fn new(inner: Arc<dyn Source>, points: Points) -> Self {
        Self { inner, points }
    }

    async fn pass(&self, repo: &RepoName, call: &str, when: &str) -> Result<(), source::Error> {
        let passed = self.points.pass(call, when).await;
        passed.map_err(|Fault| source::Error::Unreachable {
            repo: repo.clone(),
            detail: "connection reset by peer".to_owned(),
        })
    }
}

#[async_trait]
impl Source for FaultySource {
    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, source::Error> {
        self.pass(repo, "resolve", "before").await?;
        self.inner.resolve(repo, git_ref).await
    }

    async fn fetch(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), source::Error> {
        self.pass(repo, "fetch", "before").await?;
        self.inner.fetch(repo, commit).await?;
        self.pass(repo, "fetch", "after").await
    }

    async fn file(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        path: &str,
    ) -> Result<Option<Bytes>, source::Error> {
        self.pass(repo, "file", "before").await?;
        self.inner.file(repo, commit, path).await
    }

    async fn archive(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, source::Error> {
        self.pass(repo, "archive", "before").await?;
        self.inner.archive(repo, commit).await
    }

    async fn copies(&self) -> io::Result<BTreeSet<RepoName>> {
        let passed = self.points.pass("copies", "before").await;
        passed.map_err(|Fault| io::Error::other("input/output error"))?;
        self.inner.copies().await
    }

    async fn forget(&self, repo: &RepoName) -> Result<Effect, source::Error> {
        self.pass(repo, "forget", "before").await?;
        let result = self.inner.forget(repo).await;
        self.pass(repo, "forget", "after").await?;
        result
    }
}

/// A build engine, between points.
pub struct FaultyBuildEngine {
    inner: Arc<dyn BuildEngine>,
    points: Points,
}

impl FaultyBuildEngine {
    /// This engine, for the server whose calls pass these points.
    #[must_use]
    pub fn new(inner: Arc<dyn BuildEngine>, points: Points) -> Self {
        Self { inner, points }
    }

    async fn pass(&self, when: &str) -> Result<(), build_engine::Error> {
        let passed = self.points.pass("build", when).await;
        passed.map_err(|Fault| {
            let detail = "connection reset by peer".to_owned();
            build_engine::Error::Images(images::Error::Unreachable(detail))
        })
    }
}

#[async_trait]
impl BuildEngine for FaultyBuildEngine {
    async fn build(
        &self,
        order: &BuildOrder,
        told: mpsc::Sender<Told>,
    ) -> Result<Built, build_engine::Error> {
        self.pass("before").await?;
        let result = self.inner.build(order, told).await;
        self.pass("after").await?;
        result
    }
}
