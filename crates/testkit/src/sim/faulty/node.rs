//! A node, with faults and a witness.

use super::{
    super::{Fault, Points},
    Act, Witness, between_points,
};
use async_trait::async_trait;
use domain::{
    ByteSize, ImageRef, NodeName, ObservedInstance, RunId, observed::RestartPolicy, run::Signal,
};
use futures_util::stream::BoxStream;
use ports::{
    Effect, Images, Runtime,
    images::{self, DiskUse, ImageBuild, ImageFacts, OwnedImage},
    processes::{ExecSpec, ObservedRun, RunSpec, Session},
    runtime::{Capacity, Error, InstanceSpec, LogLine, LogQuery, NodeChange},
};
use std::{sync::Arc, time::Duration};

/// A node's instances, between points.
pub struct FaultyRuntime {
    inner: Arc<dyn Runtime>,
    node: NodeName,
    points: Points,
    witness: Witness,
}

impl FaultyRuntime {
    async fn effect<T>(&self, call: impl Future<Output = T>) -> T {
        call.await
    }

    /// This node, for the server whose calls pass these points.
    #[must_use]
    pub fn new(inner: Arc<dyn Runtime>, node: NodeName, points: Points, witness: Witness) -> Self {
        Self {
            inner,
            node,
            points,
            witness,
        }
    }

    async fn before(&self, call: &str) -> Result<(), Error> {
        self.points.pass(call, "before").await.map_err(unreachable)
    }

    async fn after<T>(&self, call: &str, result: T) -> Result<T, Error> {
        self.points.pass(call, "after").await.map_err(unreachable)?;
        Ok(result)
    }
}

fn unreachable(_: Fault) -> Error {
    Error::Unreachable("connection reset by peer".to_owned())
}

#[async_trait]
impl Runtime for FaultyRuntime {
    async fn start(&self, spec: &InstanceSpec) -> Result<Effect, Error> {
        self.before("start").await?;
        (self.witness)(&Act::Start {
            node: self.node.clone(),
            spec: Box::new(spec.clone()),
        });
        let result = self.inner.start(spec).await;
        self.after("start", result).await?
    }

    async fn stop(&self, handle: &str, grace: Duration) -> Result<Effect, Error> {
        self.before("stop").await?;
        (self.witness)(&Act::Stop {
            node: self.node.clone(),
            handle: handle.to_owned(),
        });
        let result = self.inner.stop(handle, grace).await;
        self.after("stop", result).await?
    }

    async fn remove(&self, handle: &str) -> Result<Effect, Error> {
        self.before("remove").await?;
        (self.witness)(&Act::Remove {
            node: self.node.clone(),
            handle: handle.to_owned(),
        });
        let result = self.inner.remove(handle).await;
        self.after("remove", result).await?
    }

    async fn set_restart(&self, handle: &str, policy: RestartPolicy) -> Result<Effect, Error> {
        self.before("set_restart").await?;
        let result = self.inner.set_restart(handle, policy).await;
        self.after("set_restart", result).await?
    }

    async fn list(&self) -> Result<Vec<ObservedInstance>, Error> {
        self.before("list").await?;
        let result = self.inner.list().await;
        self.after("list", result).await?
    }

    async fn logs(
        &self,
        handle: &str,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Error>>, Error> {
        self.before("logs").await?;
        let result = self.inner.logs(handle, query).await;
        self.after("logs", result).await?
    }

    async fn changes(&self) -> Result<BoxStream<'static, NodeChange>, Error> {
        self.before("changes").await?;
        let result = self.inner.changes().await;
        self.after("changes", result).await?
    }

    async fn capacity(&self) -> Result<Capacity, Error> {
        self.before("capacity").await?;
        let result = self.inner.capacity().await;
        self.after("capacity", result).await?
    }
}

between_points! { ports::Processes, FaultyRuntime, unreachable;
    fn run(spec: &RunSpec) -> Result<Session, Error>;
    fn run_detached(spec: &RunSpec) -> Result<(), Error>;
    fn exec(spec: &ExecSpec) -> Result<Session, Error>;
    fn signal_exec(handle: &str, run: RunId, signal: Signal) -> Result<(), Error>;
    fn runs() -> Result<Vec<ObservedRun>, Error>;
    fn run_tail(run: RunId, lines: u32) -> Result<Vec<String>, Error>;
    fn end_run(run: RunId, grace: Duration) -> Result<Effect, Error>;
}

/// A node's images, between points.
pub struct FaultyImages {
    inner: Arc<dyn Images>,
    points: Points,
}

impl FaultyImages {
    /// This node, for the server whose calls pass these points.
    #[must_use]
    pub fn new(inner: Arc<dyn Images>, points: Points) -> Self {
        Self { inner, points }
    }

    async fn effect<T>(&self, call: impl Future<Output = T>) -> T {
        call.await
    }
}

fn transient(_: Fault) -> images::Error {
    images::Error::Unreachable("connection reset by peer".to_owned())
}

between_points! { Images, FaultyImages, transient;
    fn build(build: ImageBuild) -> Result<ImageRef, images::Error>;
    fn inspect(image: &str) -> Result<ImageFacts, images::Error>;
    fn tag(image: &ImageRef, name: &str) -> Result<Effect, images::Error>;
    fn push(name: &str) -> Result<ImageRef, images::Error>;
    fn pull(image: &ImageRef) -> Result<Effect, images::Error>;
    fn list() -> Result<Vec<OwnedImage>, images::Error>;
    fn remove(image: &ImageRef) -> Result<Effect, images::Error>;
    fn disk_use() -> Result<DiskUse, images::Error>;
    fn trim_build_cache(keep: ByteSize) -> Result<ByteSize, images::Error>;
}
