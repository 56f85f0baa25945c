//! One node's processes that people start: one-off runs in containers of their own, and commands inside instances.

#[cfg(feature = "contract")]
pub mod contract;

use crate::{Effect, runtime::Error};
use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    AppId, AppName, CommitSha, EnvironmentId, EnvironmentName, ImageRef, RunId, Timestamp,
    WorkerName,
    config::Variables,
    observed::Phase,
    run::{Attendance, Signal},
    worker::Resources,
};
use futures_util::stream::BoxStream;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many pieces of input wait for a process that does not read.
pub const INPUTS: usize = 16;
/// The most bytes of a piece of input or output.
pub const PIECE_MAX: usize = 32 << 10;

/// All that a one-off run is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    pub run: RunId,
    pub app: AppId,
    pub app_name: AppName,
    pub environment: EnvironmentId,
    pub environment_name: EnvironmentName,
    pub worker: Option<WorkerName>,
    pub commit: CommitSha,
    pub image: ImageRef,
    /// None: the image's own command.
    pub argv: Option<Vec<String>>,
    /// The App's variables and those of this run alone. `JOCKEY_…` are added by the adapter.
    pub variables: Variables,
    pub resources: Resources,
    /// None of a detached one.
    pub terminal: Option<Terminal>,
    pub attendance: Attendance,
    /// When it is to be ended if it goes on so long. The node keeps it, and does nothing about it.
    pub until: Timestamp,
}

/// A command that is to be run inside an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecSpec {
    pub run: RunId,
    /// What the node calls the instance.
    pub handle: String,
    pub argv: Vec<String>,
    pub terminal: Option<Terminal>,
}

/// A terminal for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    pub size: Size,
    /// What kind it is, as `TERM` says.
    pub kind: String,
}

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub rows: u16,
    pub columns: u16,
}

/// What else than input is told to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Resize(Size),
    Signal(Signal),
}

/// What comes of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    Out(Bytes),
    /// Of a process with a terminal there is none.
    Err(Bytes),
    /// Its exit code; the last that comes.
    Ended(i64),
}

/// A process with somebody at it. Dropped: nobody is at it any more, and it may go on.
pub struct Session {
    /// Takes pieces of input as fast as the process reads. Dropped: its input has ended; of one with a terminal that
    /// means nothing.
    pub input: mpsc::Sender<Bytes>,
    pub control: mpsc::Sender<Control>,
    /// A process that writes faster than this is read waits.
    pub output: BoxStream<'static, Result<Output, Error>>,
}

/// A one-off run of this Installation, as its node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRun {
    pub run: RunId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub attendance: Attendance,
    pub image: Option<ImageRef>,
    pub until: Timestamp,
    pub phase: Phase,
}

/// One node's processes that people start. Only what bears this Installation's id is seen or touched. A one-off run is
/// no instance: `Runtime::list` does not tell of it, and its node never starts it again.
#[async_trait]
pub trait Processes: Send + Sync {
    /// Makes the container of a run and starts it, with its client at it from the first byte on.
    ///
    /// # Errors
    /// `ImageMissing` (pull first), `CannotStart`, `DiskFull`, `Unreachable`. After one other than `Unreachable` nothing
    /// of it is left on the node.
    async fn run(&self, spec: &RunSpec) -> Result<Session, Error>;

    /// The same, with nobody at it: its output goes to its log.
    ///
    /// # Errors
    /// As for `run`.
    async fn run_detached(&self, spec: &RunSpec) -> Result<(), Error>;

    /// Starts a command inside an instance that runs. A command that cannot be run is `CannotStart`, or ends with 126 or
    /// 127.
    ///
    /// # Errors
    /// `Missing` when there is no such instance, `Refused` when it does not run, `CannotStart`, `Unreachable`.
    async fn exec(&self, spec: &ExecSpec) -> Result<Session, Error>;

    /// Signals what an `exec` of this run has started, with all that came of it. It takes `sh`, `tr`, `grep` and `kill` in the
    /// instance: without them nothing is signalled.
    ///
    /// # Errors
    /// `Missing` when there is no such instance, `Refused`, `Unreachable`.
    async fn signal_exec(&self, handle: &str, run: RunId, signal: Signal) -> Result<(), Error>;

    /// The one-off runs there are, over or not, in no order.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn runs(&self) -> Result<Vec<ObservedRun>, Error>;

    /// The last lines of a one-off run without a terminal, oldest first.
    ///
    /// # Errors
    /// `Missing`, `Unreachable`.
    async fn run_tail(&self, run: RunId, lines: u32) -> Result<Vec<String>, Error>;

    /// Ends a one-off run, killing it after `grace`, and takes it away. `WasSo` when it is not there.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    async fn end_run(&self, run: RunId, grace: Duration) -> Result<Effect, Error>;
}
