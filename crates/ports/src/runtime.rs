//! One node's instances.

#[cfg(feature = "contract")]
pub mod contract;

use crate::Effect;
use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    AppId, AppName, ByteSize, CommitSha, ConfigVersionId, CpuMillis, DeployId, EnvironmentId,
    EnvironmentName, ImageRef, InstanceId, ObservedInstance, PortName, Timestamp, WorkerName,
    config::Variables, observed::RestartPolicy, worker::Resources,
};
use futures_util::stream::BoxStream;
use std::{collections::BTreeMap, time::Duration};

/// What a node can answer instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Pull it first; where it is in no registry, build its commit again.
    #[error("the image {0} is not on the node")]
    ImageMissing(String),
    /// Choose another one.
    #[error("port {port} is taken: {detail}")]
    PortTaken { port: u16, detail: String },
    /// The image or the command is at fault: the same start fails again.
    #[error("the container cannot start: {0}")]
    CannotStart(String),
    #[error("there is no disk space left on the node: {0}")]
    DiskFull(String),
    #[error("there is no instance {0} on the node")]
    Missing(String),
    /// Worth a retry.
    #[error("the node does not answer: {0}")]
    Unreachable(String),
    /// It answered, and not with what its documentation says.
    #[error("the node refused: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

/// All that an instance is started with. Complete: equal specs make equal instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSpec {
    pub instance: InstanceId,
    pub app: AppId,
    pub app_name: AppName,
    pub environment: EnvironmentId,
    pub environment_name: EnvironmentName,
    pub worker: WorkerName,
    pub deploy: DeployId,
    pub commit: CommitSha,
    pub image: ImageRef,
    /// None: the image's own command.
    pub argv: Option<Vec<String>>,
    /// The App's variables. `PORT` and `JOCKEY_…` are added by the adapter.
    pub variables: Variables,
    pub config: Option<ConfigVersionId>,
    pub port: Option<PortBinding>,
    /// Those besides. Their numbers are told to the process by their names: `PORT_METRICS`.
    pub ports: BTreeMap<PortName, PortBinding>,
    pub resources: Resources,
    pub restart: RestartPolicy,
    /// Of an instance of a singleton: the number by which those it talks to tell it from earlier ones. It is told to the
    /// process, and the container bears it, so that the program of its node knows what it looks after.
    pub fence: Option<i64>,
}

impl InstanceSpec {
    /// Every port that is published, the first one first.
    pub fn bindings(&self) -> impl Iterator<Item = PortBinding> + '_ {
        self.port.into_iter().chain(self.ports.values().copied())
    }
}

/// A port of an instance, and where its node publishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortBinding {
    /// Inside the container.
    pub container: u16,
    /// On the node.
    pub host: u16,
}

/// Which lines of an instance's log are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// How many of the last lines there are to begin with. None: all.
    pub tail: Option<u32>,
    /// Only lines written at or after this time.
    pub since: Option<Timestamp>,
    pub follow: Follow,
}

/// Whether a log ends with what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// It goes on until the instance ends.
    Yes,
    No,
}

/// One line of an instance's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub at: Timestamp,
    pub stream: LogStream,
    /// Without its line end. Bytes, for a process may write anything.
    pub text: Bytes,
}

/// Where a process wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    Out,
    Err,
}

/// What a node has in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub memory: ByteSize,
    pub cpu: CpuMillis,
}

/// Something happened to an instance of this Installation on the node. A hint: look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChange {
    /// None: something was missed, look at all of them.
    pub instance: Option<InstanceId>,
    /// The node's word for it: `start`, `die`, `oom`, `destroy`, `health_status`.
    pub what: String,
    /// When it happened, by the node's clock.
    pub at: Timestamp,
}

/// One node's instances, in the words of the controller. Every call may be repeated: when its effect is already there it
/// answers `Effect::WasSo`. Only what bears this Installation's id is seen or touched.
///
/// `handle` is what the node calls the instance, as `list` tells it, or the instance's id, which is its name.
///
/// Besides its instances a node has the [`crate::Processes`] that people start.
#[async_trait]
pub trait Runtime: crate::Processes {
    /// Creates and starts the instance. One that was created and not started is started; one that ended is not
    /// started again (`CannotStart`). After an error other than `Unreachable` nothing of it is left on the node.
    ///
    /// # Errors
    /// `ImageMissing` (pull first), `PortTaken`, `CannotStart`, `DiskFull`, `Unreachable` (worth a retry).
    async fn start(&self, spec: &InstanceSpec) -> Result<Effect, Error>;

    /// Signals the instance to stop and kills it after `grace`. `WasSo` when it is not running or not there.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn stop(&self, handle: &str, grace: Duration) -> Result<Effect, Error>;

    /// Takes away an instance that has ended, with its log and anonymous volumes. `WasSo` when it is not there.
    ///
    /// # Errors
    /// `Refused` while it runs; `Unreachable`.
    async fn remove(&self, handle: &str) -> Result<Effect, Error>;

    /// Says what the node does by itself when the instance ends.
    ///
    /// # Errors
    /// `Missing`, `Unreachable`, `Refused`.
    async fn set_restart(&self, handle: &str, policy: RestartPolicy) -> Result<Effect, Error>;

    /// All instances of this Installation, running or not, in no order.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn list(&self) -> Result<Vec<ObservedInstance>, Error>;

    /// Lines of an instance's log, oldest first.
    ///
    /// # Errors
    /// `Missing`, `Unreachable`; within the stream when the node is lost.
    async fn logs(
        &self,
        handle: &str,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Error>>, Error>;

    /// What happens to instances from now on. Ends when the node is lost; watch again then, and look at all.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn changes(&self) -> Result<BoxStream<'static, NodeChange>, Error>;

    /// What the node has in all.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn capacity(&self) -> Result<Capacity, Error>;
}
