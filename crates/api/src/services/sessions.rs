//! Calls in which both sides go on speaking: a person at a process.

use crate::{
    auth::Caller,
    convert::{self, run, time},
    handlers::{Answer, Handlers, caller},
    permissions::{self, Single},
    status::Refusal,
    streams::Flow,
};
use bytes::Bytes;
use controller::{
    runs::{Asked, Prepared, Told, attend},
    usecases::{Ctx, runs},
};
use domain::{config::Key, run::Attendance};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use ports::processes::{Control, Size, Terminal};
use proto::v1::{self, exec_request, exec_response, run_request, run_response, run_start};
use std::{collections::BTreeMap, time::Duration};
use tonic::{Request, Streaming};

/// How long a caller may take to say what is to be run.
const FIRST_DEADLINE: Duration = Duration::from_secs(10);
/// The most bytes of input in one message.
const INPUT_MAX: usize = 1 << 20;

/// The way a kind of session is said on the wire.
trait Wire: Single + Clone + Default + Send + Sync + 'static {
    type Start: Send;
    type Answer: Send + 'static;

    fn start(self) -> Option<Self::Start>;
    /// What a message after the first one says.
    fn asked(self) -> Result<Asked, Refusal>;
    fn answer(ctx: &Ctx, told: Told) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send;
    fn prepare(
        ctx: &Ctx,
        start: Self::Start,
    ) -> impl Future<Output = Result<Prepared, Refusal>> + Send;
}

pub(super) async fn exec(
    handlers: &Handlers,
    request: Request<Streaming<v1::ExecRequest>>,
) -> Answer<Flow<v1::ExecResponse>> {
    session(handlers, request).await
}

pub(super) async fn run(
    handlers: &Handlers,
    request: Request<Streaming<v1::RunRequest>>,
) -> Answer<Flow<v1::RunResponse>> {
    session(handlers, request).await
}

async fn session<Q: Wire>(
    handlers: &Handlers,
    request: Request<Streaming<Q>>,
) -> Answer<Flow<Q::Answer>> {
    let caller = caller(&request)?;
    let ctx = handlers.ctx(&caller, Q::METHOD);
    let mut messages = request.into_inner();
    let first = tokio::time::timeout(FIRST_DEADLINE, messages.message()).await;
    let first = match first {
        Ok(first) => first?.unwrap_or_default(),
        Err(_) => return Err(Refusal::TookTooLong(FIRST_DEADLINE.as_secs()).into()),
    };
    permissions::may(&caller, &ctx, &first).await?;
    let start = first.clone().start().ok_or_else(|| {
        Refusal::field(
            "start",
            "the first message of a session says what is to be run",
        )
    })?;
    let prepared = Q::prepare(&ctx, start).await?;
    let told = attend(ctx.clone(), prepared, asked(messages).boxed());
    let no_longer = no_longer(handlers.clone(), caller.clone(), ctx.clone(), first);
    let over = no_longer.map(|()| Refusal::ShowAgain);
    let answers = stream::unfold((told, ctx), |(mut told, ctx)| async move {
        let answer = match told.recv().await? {
            Ok(told) => Q::answer(&ctx, told).await,
            Err(error) => Err(Refusal::from(error)),
        };
        Some((answer, (told, ctx)))
    });
    handlers.streams_of(&caller).answer_until(over, answers)
}

/// What a client says, until it says no more, or what cannot be.
fn asked<Q: Wire>(messages: Streaming<Q>) -> impl Stream<Item = Asked> + Send + 'static {
    stream::unfold(Some(messages), |messages| async move {
        let mut messages = messages?;
        match messages.message().await {
            Ok(Some(message)) => match message.asked() {
                Ok(asked) => Some((asked, Some(messages))),
                Err(refusal) => {
                    tracing::debug!(%refusal, "the client says what cannot be");
                    None
                }
            },
            // It may go on listening; when it does not, its answers are dropped.
            Ok(None) | Err(_) => None,
        }
    })
}

/// Ends when the caller does not count as who they were any more, or may not do this any more. Whoever GitHub vouches for
/// is asked for again and again, and at once when they may have left; a session of ours ends with its token.
async fn no_longer<Q: Single + Send + Sync>(
    handlers: Handlers,
    mut caller: Caller,
    ctx: Ctx,
    first: Q,
) {
    let times = handlers.people.as_ref().map(|people| people.times());
    loop {
        let Some(good_for) = caller.good_for(handlers.deps.clock.now(), times) else {
            return std::future::pending().await;
        };
        // Both look at levels, and hold nothing.
        tokio::select! {
            () = tokio::time::sleep(good_for) => {}
            () = handlers.auth.departs(&caller) => {}
        }
        let Ok(now) = handlers.auth.again(&caller).await else {
            return;
        };
        caller = now;
        let is_good = caller.good_for(handlers.deps.clock.now(), times);
        if is_good.is_some_and(|time| time.is_zero())
            || permissions::may(&caller, &ctx, &first).await.is_err()
        {
            return;
        }
    }
}

fn input(bytes: Vec<u8>) -> Result<Asked, Refusal> {
    if bytes.len() > INPUT_MAX {
        let problem = format!(
            "{} bytes at once are too many: at most {INPUT_MAX}",
            bytes.len()
        );
        return Err(Refusal::field("stdin", problem));
    }
    Ok(Asked::Input(Bytes::from(bytes)))
}

fn size(size: v1::TerminalSize) -> Result<Size, Refusal> {
    let number = |field: &'static str, number: i32| {
        u16::try_from(number)
            .ok()
            .filter(|it| *it > 0)
            .ok_or_else(|| {
                Refusal::field(field, format!("{number} is not possible: it is 1 to 65535"))
            })
    };
    Ok(Size {
        rows: number("size.rows", size.rows)?,
        columns: number("size.columns", size.columns)?,
    })
}

fn terminal(terminal: Option<v1::Terminal>) -> Result<Option<Terminal>, Refusal> {
    let Some(terminal) = terminal else {
        return Ok(None);
    };
    let kind = match terminal.kind.as_str() {
        "" => "xterm".to_owned(),
        kind if kind.len() <= 64 && kind.bytes().all(|b| b.is_ascii_graphic() && b != b'=') => {
            kind.to_owned()
        }
        _ => return Err(Refusal::field("terminal.kind", "it is no kind of terminal")),
    };
    let size = size(terminal.size.unwrap_or(v1::TerminalSize {
        rows: 24,
        columns: 80,
    }))?;
    Ok(Some(Terminal { size, kind }))
}

fn signal(signal: i32) -> Result<Asked, Refusal> {
    let known = v1::Signal::try_from(signal).ok().and_then(run::signal);
    let known = known.ok_or_else(|| Refusal::field("signal", format!("{signal} is no signal")))?;
    Ok(Asked::Control(Control::Signal(known)))
}

/// The two kinds of session speak alike, in messages of their own.
macro_rules! wire {
    ($request:ident $asked:ident $answer:ident $told:ident $start:ident) => {
        type Start = v1::$start;
        type Answer = v1::$answer;

        fn start(self) -> Option<Self::Start> {
            match self.message? {
                $asked::Message::Start(start) => Some(start),
                _ => None,
            }
        }

        fn asked(self) -> Result<Asked, Refusal> {
            use $asked::Message as M;
            let problem = |problem| Refusal::field("message", problem);
            match self.message {
                None => Err(problem("a message of a session says something")),
                Some(M::Start(_)) => Err(problem("it was started already")),
                Some(M::Stdin(bytes)) => input(bytes),
                Some(M::StdinEnded(_)) => Ok(Asked::End),
                Some(M::Resize(to)) => Ok(Asked::Control(Control::Resize(size(to)?))),
                Some(M::Signal(number)) => signal(number),
            }
        }

        async fn answer(ctx: &Ctx, told: Told) -> Result<Self::Answer, Refusal> {
            use $told::Message as M;
            let message = match told {
                Told::Started(started) => {
                    let view = runs::of_run(ctx, *started).await?;
                    M::Started(v1::SessionStarted {
                        run: Some(run::wire(&view)),
                    })
                }
                Told::Out(bytes) => M::Stdout(bytes.to_vec()),
                Told::Err(bytes) => M::Stderr(bytes.to_vec()),
                Told::Taken(count) => M::StdinTaken(i64::try_from(count).unwrap_or(i64::MAX)),
                Told::Ended(end) => M::Ended(run::session_ended(&end)),
            };
            Ok(v1::$answer {
                message: Some(message),
            })
        }
    };
}

impl Wire for v1::ExecRequest {
    wire!(ExecRequest exec_request ExecResponse exec_response ExecStart);

    async fn prepare(ctx: &Ctx, start: v1::ExecStart) -> Result<Prepared, Refusal> {
        let asked = runs::Inside {
            instance: start.instance,
            app: start.app,
            environment: start.environment,
            worker: start.worker,
            command: command(start.command)?,
            terminal: terminal(start.terminal)?,
        };
        Ok(runs::inside(ctx, asked).await?)
    }
}

impl Wire for v1::RunRequest {
    wire!(RunRequest run_request RunResponse run_response RunStart);

    async fn prepare(ctx: &Ctx, start: v1::RunStart) -> Result<Prepared, Refusal> {
        let attendance = match start.detach {
            true => Attendance::Detached,
            false => Attendance::Attended,
        };
        if start.detach && start.terminal.is_some() {
            let problem = "a detached run has no terminal: nobody is at it";
            return Err(Refusal::field("terminal", problem));
        }
        let asked = runs::Own {
            app: start.app,
            environment: start.environment,
            worker: start.worker,
            command: command(start.command)?,
            variables: variables(start.variables)?,
            source: match start.source {
                None => runs::Source::Deployed,
                Some(run_start::Source::Build(build)) => runs::Source::Build(build),
                Some(run_start::Source::Ref(text)) => {
                    runs::Source::Ref(convert::parse("ref", &text)?)
                }
            },
            terminal: terminal(start.terminal)?,
            attendance,
            deadline: deadline(start.deadline)?,
        };
        Ok(runs::own(ctx, asked).await?)
    }
}

/// A command that a process can be started with.
fn command(command: Vec<String>) -> Result<Vec<String>, Refusal> {
    if command.iter().any(|word| word.contains('\0')) {
        return Err(Refusal::field("command", "no argument may hold a NUL"));
    }
    match command.first() {
        Some(program) if program.is_empty() => {
            Err(Refusal::field("command", "the program has no name"))
        }
        Some(_) | None => Ok(command),
    }
}

fn variables(given: BTreeMap<String, String>) -> Result<BTreeMap<Key, String>, Refusal> {
    let given = given.into_iter();
    let read = given.map(|(key, value)| Ok((convert::parse("variables", &key)?, value)));
    read.collect()
}

fn deadline(deadline: Option<prost_types::Duration>) -> Result<Option<Duration>, Refusal> {
    let time = time::parse_duration("deadline", deadline)?;
    if time.is_some_and(|time| time < Duration::from_secs(1)) {
        return Err(Refusal::field("deadline", "it is at least 1 s"));
    }
    Ok(time)
}
