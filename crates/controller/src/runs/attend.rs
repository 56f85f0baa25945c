//! One run, from its record to its end: on record first, then started, then in the hands of its client.

use super::{Runs, inward::Inward, lease};
use crate::{
    leases,
    usecases::{Ctx, Error},
};
use bytes::Bytes;
use domain::{
    Run,
    run::{Attendance, Place, RunEnd, Signal, shown},
};
use futures_util::{StreamExt, stream::BoxStream};
use ports::{
    Runtime,
    processes::{Control, ExecSpec, Output, RunSpec, Session},
    runtime,
    store::runs::NewRun,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How many answers wait for a client that does not read. Its process waits with them.
const ANSWERS: usize = 16;
/// How long a process whose client is gone may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// The same of one inside an instance.
const EXEC_GRACE: Duration = Duration::from_secs(2);
/// How long a start may take, a pull of its image included.
const START_DEADLINE: Duration = Duration::from_secs(900);

/// What a client says to its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Input(Bytes),
    /// There is no more input.
    End,
    Control(Control),
}

/// What a client hears of its process.
#[derive(Debug, Clone)]
pub enum Told {
    Started(Box<Run>),
    Out(Bytes),
    Err(Bytes),
    /// So many bytes of input more were passed on.
    Taken(u64),
    /// The last there is.
    Ended(RunEnd),
}

/// A run that may begin: everything is looked up and checked.
pub struct Prepared {
    pub new: NewRun,
    pub what: What,
    /// How long it may take.
    pub longest: Duration,
    /// Where it is, in words: `shop in production`.
    pub words: String,
}

/// What is to be started.
pub enum What {
    Own(Box<RunSpec>),
    Inside(ExecSpec),
}

/// How a session ended.
enum How {
    Exited(i64),
    Lost(runtime::Error),
    HungUp,
    TooLong(Duration),
    Stopping,
}

/// Begins a run, and answers with what is told of it: an error, or its start, what it writes, and its end. Dropping the
/// answers hangs up, and ends an attended run.
#[must_use]
pub fn attend(
    ctx: Ctx,
    prepared: Prepared,
    asked: BoxStream<'static, Asked>,
) -> mpsc::Receiver<Result<Told, Error>> {
    let (tell, told) = mpsc::channel(ANSWERS);
    let runs = Arc::clone(&ctx.deps.runs);
    let attendant = Attendant {
        runs: Arc::clone(&runs),
        ctx,
        prepared,
        tell,
    };
    runs.spawn(attendant.go(asked));
    told
}

struct Attendant {
    runs: Arc<Runs>,
    ctx: Ctx,
    prepared: Prepared,
    tell: mpsc::Sender<Result<Told, Error>>,
}

impl Attendant {
    #[tracing::instrument(name = "run", skip_all, fields(run = %self.prepared.new.id, node = %self.prepared.new.node))]
    async fn go(self, asked: BoxStream<'static, Asked>) {
        let run = self.prepared.new.id;
        let _held = self.runs.hold(run);
        let deps = &self.ctx.deps;
        let ended = async {
            let Some(fence) = leases::claim(deps, &lease(run)).await? else {
                // Ids are random: nobody else has this one.
                return Ok(());
            };
            // None: the lease is lost, and whoever has it takes away what is left.
            let attended = leases::while_held(deps, &fence, self.attend(asked)).await;
            attended.unwrap_or(Ok(()))
        };
        if let Err(error) = ended.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "it did not begin");
            // Nobody may be there to hear it.
            self.tell.send(Err(error)).await.ok();
        }
    }

    async fn attend(&self, asked: BoxStream<'static, Asked>) -> Result<(), Error> {
        let Prepared { new, words, .. } = &self.prepared;
        let verb = match &new.place {
            Place::Own(_) => format!("runs {} with {words}", shown(&new.command)),
            Place::Inside(instance) => {
                format!("runs {} inside {instance} of {words}", shown(&new.command))
            }
        };
        let most = self.ctx.deps.settings.runs_at_once;
        let change = self.ctx.further(format!("{verb} on {}", new.node));
        let store = self.ctx.store();
        let run = store.begin_run(new.clone(), most, &change).await?;
        let runtime = match self.ctx.deps.fleet.runtime(&new.node) {
            Ok(runtime) => runtime,
            Err(error) => return self.failed(crate::Error::from(error)).await,
        };
        let started = tokio::time::timeout(START_DEADLINE, self.start(&*runtime)).await;
        let started = started.unwrap_or_else(|_| {
            let words = format!("no start within {} s", START_DEADLINE.as_secs());
            Err(runtime::Error::Unreachable(words).into())
        });
        let session = match started {
            Ok(session) => session,
            Err(error) => return self.failed(error).await,
        };
        self.say(Told::Started(Box::new(run))).await;
        let Some(session) = session else {
            return Ok(());
        };
        let (how, session) = self.converse(session, asked).await;
        self.clean_up(&*runtime, &how, session).await;
        let end = self.record(how).await?;
        self.say(Told::Ended(end)).await;
        Ok(())
    }

    /// Starts it; none of a detached one.
    async fn start(&self, runtime: &dyn Runtime) -> Result<Option<Session>, crate::Error> {
        let spec = match &self.prepared.what {
            What::Inside(spec) => return Ok(Some(runtime.exec(spec).await?)),
            What::Own(spec) => spec,
        };
        match Self::start_own(runtime, spec).await {
            Err(runtime::Error::ImageMissing(image)) => {
                let images = self.ctx.deps.fleet.images(&self.prepared.new.node)?;
                if let Err(error) = images.pull(&spec.image).await {
                    tracing::debug!(%error, "its image cannot be pulled");
                    return Err(runtime::Error::ImageMissing(image).into());
                }
                Ok(Self::start_own(runtime, spec).await?)
            }
            started => Ok(started?),
        }
    }

    async fn start_own(
        runtime: &dyn Runtime,
        spec: &RunSpec,
    ) -> Result<Option<Session>, runtime::Error> {
        match spec.attendance {
            Attendance::Attended => runtime.run(spec).await.map(Some),
            Attendance::Detached => runtime.run_detached(spec).await.map(|()| None),
        }
    }

    /// It never ran.
    async fn failed(&self, error: crate::Error) -> Result<(), Error> {
        let end = self.end(None, format!("could not start: {error}"));
        self.write_down(end).await?;
        Err(error.into())
    }

    /// Lets client and process speak until either is gone, or it takes too long.
    async fn converse(&self, session: Session, asked: BoxStream<'static, Asked>) -> (How, Rest) {
        let Session {
            input,
            control,
            mut output,
        } = session;
        let inward = Inward::new(asked, input, control.clone(), self.tell.clone());
        let longest = self.prepared.longest;
        // What is dropped has either ended, or its process is about to be.
        let how = tokio::select! {
            biased;
            () = self.runs.stop.cancelled() => How::Stopping,
            () = self.tell.closed() => How::HungUp,
            how = self.outward(&mut output) => how,
            () = inward.pass_on() => How::HungUp,
            () = tokio::time::sleep(longest) => How::TooLong(longest),
        };
        (how, Rest { control, output })
    }

    async fn outward(
        &self,
        output: &mut BoxStream<'static, Result<Output, runtime::Error>>,
    ) -> How {
        loop {
            let told = match output.next().await {
                Some(Ok(Output::Out(bytes))) => Told::Out(bytes),
                Some(Ok(Output::Err(bytes))) => Told::Err(bytes),
                Some(Ok(Output::Ended(code))) => return How::Exited(code),
                Some(Err(error)) => return How::Lost(error),
                None => {
                    let words = "its output broke off".to_owned();
                    return How::Lost(runtime::Error::Unreachable(words));
                }
            };
            if self.tell.send(Ok(told)).await.is_err() {
                return How::HungUp;
            }
        }
    }

    /// Ends what may still run, and takes its container away. What cannot be done now is left to the loop.
    async fn clean_up(&self, runtime: &dyn Runtime, how: &How, mut rest: Rest) {
        let run = self.prepared.new.id;
        let has_exited = matches!(how, How::Exited(_));
        let cleaned = match &self.prepared.what {
            What::Own(_) => {
                if !has_exited {
                    // One that has ended takes no signal.
                    let hang_up = Control::Signal(Signal::HangUp);
                    rest.control.send(hang_up).await.ok();
                }
                runtime.end_run(run, GRACE).await.map(drop)
            }
            What::Inside(_) if has_exited => Ok(()),
            What::Inside(spec) => {
                let told = runtime.signal_exec(&spec.handle, run, Signal::HangUp).await;
                let to_its_end = async {
                    while let Some(Ok(piece)) = rest.output.next().await {
                        if matches!(piece, Output::Ended(_)) {
                            break;
                        }
                    }
                };
                match tokio::time::timeout(EXEC_GRACE, to_its_end).await {
                    Ok(()) => told,
                    Err(_) => runtime.signal_exec(&spec.handle, run, Signal::Kill).await,
                }
            }
        };
        if let Err(error) = cleaned {
            tracing::warn!(%error, "what is left of the run is taken away later");
        }
    }

    async fn record(&self, how: How) -> Result<RunEnd, Error> {
        let (code, what) = match how {
            How::Exited(code) => (Some(code), format!("exited with code {code}")),
            How::Lost(error) => (None, format!("its node was lost: {error}")),
            How::HungUp => (None, "its client hung up".to_owned()),
            How::TooLong(longest) => (None, format!("it took longer than {} s", longest.as_secs())),
            How::Stopping => (None, "the server was stopped".to_owned()),
        };
        self.write_down(self.end(code, what)).await
    }

    fn end(&self, exit_code: Option<i64>, what: String) -> RunEnd {
        RunEnd {
            at: self.ctx.deps.clock.now(),
            exit_code,
            what,
            log_tail: Vec::new(),
        }
    }

    async fn write_down(&self, end: RunEnd) -> Result<RunEnd, Error> {
        let new = &self.prepared.new;
        let words = format!(
            "{} of {}: {}",
            shown(&new.command),
            self.prepared.words,
            end.what
        );
        let change = self.ctx.further(words);
        let run = self
            .ctx
            .store()
            .end_run(new.id, end.clone(), &change)
            .await?;
        Ok(run.end.unwrap_or(end))
    }

    /// Tells the client, if it is still there.
    async fn say(&self, told: Told) {
        self.tell.send(Ok(told)).await.ok();
    }
}

/// What is left of a session.
struct Rest {
    control: mpsc::Sender<Control>,
    output: BoxStream<'static, Result<Output, runtime::Error>>,
}
