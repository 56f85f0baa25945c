//! A connection to a process: what it reads, what it writes, how it ended.
//!
//! Nothing is read from the Engine that nobody takes, so that a process that writes much waits for who reads it.

use super::frames::Reader;
use crate::{
    docker::Inner,
    failure::{Failure, chain},
    query::Query,
};
use bytes::{Bytes, BytesMut};
use domain::{RunId, run::Signal};
use futures_util::{StreamExt, stream};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use ports::{
    processes::{Control, ExecSpec, INPUTS, Output, PIECE_MAX, Session, Size, Terminal},
    runtime::Error,
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinSet,
    time::Instant,
};

/// How long the Engine may take to say how a process ended whose output has ended.
const VERDICT: Duration = Duration::from_secs(30);
const VERDICT_EVERY: Duration = Duration::from_millis(20);
/// How often a process that has just begun is told the size of its terminal, until it is there.
const SIZE_TRIES: usize = 50;
const SIZE_EVERY: Duration = Duration::from_millis(20);
/// What a process is said to have ended with that went with its instance.
const KILLED: i64 = 137;

/// What a connection leads to.
pub(super) struct Attached {
    inner: Arc<Inner>,
    process: Process,
    /// Its size to begin with. None: it has no terminal.
    size: Option<Size>,
}

#[derive(Clone)]
enum Process {
    /// The only one of a container of this name.
    Run(String),
    /// One inside an instance.
    Exec {
        id: String,
        handle: String,
        run: RunId,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Waited {
    status_code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecState {
    running: bool,
    exit_code: Option<i64>,
}

impl Attached {
    pub(super) fn to_run(inner: Arc<Inner>, name: String, terminal: Option<&Terminal>) -> Self {
        Self {
            inner,
            process: Process::Run(name),
            size: terminal.map(|terminal| terminal.size),
        }
    }

    pub(super) fn to_exec(inner: Arc<Inner>, id: String, spec: &ExecSpec) -> Self {
        let (handle, run) = (spec.handle.clone(), spec.run);
        Self {
            inner,
            process: Process::Exec { id, handle, run },
            size: spec.terminal.as_ref().map(|terminal| terminal.size),
        }
    }

    /// The session over this connection.
    pub(super) fn session(self, connection: Upgraded) -> Session {
        let (reading, writing) = tokio::io::split(TokioIo::new(connection));
        let (input, inputs) = mpsc::channel(INPUTS);
        let (control, controls) = mpsc::channel(INPUTS);
        let this = Arc::new(self);
        // Whoever holds it keeps the input open, which means nothing where there is a terminal.
        let keys = this.size.map(|_| input.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&this).write(inputs, writing));
        tasks.spawn(Arc::clone(&this).obey(controls, keys));
        let reading = Reading {
            reader: match this.size {
                Some(_) => Reader::Raw(BytesMut::new()),
                None => Reader::framed(),
            },
            connection: reading,
            attached: this,
            at: At::Output,
            _tasks: tasks,
        };
        let output = stream::unfold(reading, |mut reading| async {
            let piece = reading.next().await?;
            Some((piece, reading))
        });
        Session {
            input,
            control,
            output: output.boxed(),
        }
    }

    /// Passes input on, and its end.
    async fn write(
        self: Arc<Self>,
        mut inputs: mpsc::Receiver<Bytes>,
        mut to: WriteHalf<TokioIo<Upgraded>>,
    ) {
        while let Some(bytes) = inputs.recv().await {
            // A process that reads no more has its reasons: its end says the rest.
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        if self.size.is_none() {
            to.shutdown().await.ok();
        }
    }

    async fn obey(
        self: Arc<Self>,
        mut controls: mpsc::Receiver<Control>,
        keys: Option<mpsc::Sender<Bytes>>,
    ) {
        if let Some(size) = self.size {
            for _ in 0..SIZE_TRIES {
                if self.resize(size).await.is_ok() {
                    break;
                }
                tokio::time::sleep(SIZE_EVERY).await;
            }
        }
        while let Some(control) = controls.recv().await {
            let told = match control {
                Control::Resize(size) => self.resize(size).await.map_err(Error::from),
                Control::Signal(signal) => self.signal(signal, keys.as_ref()).await,
            };
            // One that has ended takes neither sizes nor signals: nothing that anybody could act upon.
            if let Err(error) = told {
                tracing::debug!(?control, %error, "the process is not told");
            }
        }
    }

    async fn signal(
        &self,
        signal: Signal,
        keys: Option<&mpsc::Sender<Bytes>>,
    ) -> Result<(), Error> {
        match &self.process {
            Process::Run(name) => {
                let path = Query::default()
                    .with("signal", &format!("SIG{signal}"))
                    .of(&format!("/containers/{name}/kill"));
                Ok(self.inner.engine.tell(&path).await?)
            }
            Process::Exec { handle, run, .. } => match (keys, Self::key(signal)) {
                (Some(keys), Some(key)) => {
                    // Nobody takes it any more: it has ended.
                    keys.send(key).await.ok();
                    Ok(())
                }
                _ => self.inner.signal_exec(handle, *run, signal).await,
            },
        }
    }

    /// The key of a terminal that stands for a signal.
    const fn key(signal: Signal) -> Option<Bytes> {
        match signal {
            Signal::Interrupt => Some(Bytes::from_static(b"\x03")),
            Signal::Quit => Some(Bytes::from_static(b"\x1c")),
            Signal::HangUp | Signal::Terminate | Signal::Kill | Signal::User1 | Signal::User2 => {
                None
            }
        }
    }

    async fn resize(&self, size: Size) -> Result<(), Failure> {
        let path = match &self.process {
            Process::Run(name) => format!("/containers/{name}/resize"),
            Process::Exec { id, .. } => format!("/exec/{id}/resize"),
        };
        let path = Query::default()
            .with("h", &size.rows.to_string())
            .with("w", &size.columns.to_string())
            .of(&path);
        self.inner.engine.tell(&path).await
    }

    /// How the process ended.
    async fn verdict(&self) -> Result<i64, Error> {
        match &self.process {
            Process::Run(name) => {
                let waited: Waited = match self
                    .inner
                    .engine
                    .wait(&format!("/containers/{name}/wait"))
                    .await
                {
                    Err(failure) if failure.is_missing() => return Ok(KILLED),
                    other => other?,
                };
                Ok(waited.status_code)
            }
            Process::Exec { id, .. } => {
                let deadline = Instant::now() + VERDICT;
                loop {
                    let state: ExecState =
                        match self.inner.engine.get(&format!("/exec/{id}/json")).await {
                            // It went with its instance.
                            Err(failure) if failure.is_missing() => return Ok(KILLED),
                            other => other?,
                        };
                    match state.exit_code {
                        Some(code) if !state.running => return Ok(code),
                        _ if Instant::now() > deadline => {
                            let words = "the Engine does not say how the process ended";
                            return Err(Error::Refused(words.to_owned()));
                        }
                        _ => tokio::time::sleep(VERDICT_EVERY).await,
                    }
                }
            }
        }
    }
}

/// Output under way.
struct Reading {
    connection: ReadHalf<TokioIo<Upgraded>>,
    reader: Reader,
    attached: Arc<Attached>,
    at: At,
    /// Ended with this.
    _tasks: JoinSet<()>,
}

#[derive(PartialEq, Eq)]
enum At {
    Output,
    Verdict,
    End,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Output, Error>> {
        if self.at == At::End {
            return None;
        }
        let next = self.piece().await;
        if matches!(next, Err(_) | Ok(Output::Ended(_))) {
            self.at = At::End;
        }
        Some(next)
    }

    async fn piece(&mut self) -> Result<Output, Error> {
        while self.at == At::Output {
            if let Some(piece) = self.reader.piece()? {
                return Ok(piece);
            }
            let buffer = self.reader.buffer();
            buffer.reserve(PIECE_MAX);
            match self.connection.read_buf(buffer).await {
                Ok(0) => self.at = At::Verdict,
                Ok(_) => {}
                Err(error) => return Err(Failure::Unreachable(chain(&error)).into()),
            }
        }
        self.attached.verdict().await.map(Output::Ended)
    }
}
