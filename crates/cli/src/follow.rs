//! Following what takes time. The work is the server's: hanging up changes nothing, and a server
//! that restarts is waited for.

mod build;
mod deploy;
mod rest;
mod view;

use std::{
    future::Future,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use tonic::Code;

use crate::{client::Streamed, context::Context, exit::Error};

pub(crate) use build::{Lines, build};
pub(crate) use deploy::{check, deploy, deploy_all};
pub(crate) use rest::{Goal, PATIENCE, instances, rest};

/// How long a server that has gone away is waited for. A restart takes seconds; who operates one by
/// hand needs a little more.
const RECONNECT_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two attempts to find it again.
const RECONNECT_EVERY: Duration = Duration::from_millis(500);

/// What the end of a stream means that the follower has not ended itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// That there is no more.
    Finish,
    /// That the server shuts down.
    Reconnect,
}

/// Somebody who reads a stream and can go on after a break.
pub(crate) trait Follower {
    /// What opens the stream.
    type Request: Streamed;

    const AT_END: AtEnd;

    /// The request for what has not been seen yet. Asked for once a connection.
    fn request(&mut self) -> Self::Request;

    /// Takes what has come. `Break` when nothing more is wanted.
    ///
    /// # Errors
    /// `Output`.
    fn take(
        &mut self,
        message: <Self::Request as Streamed>::Item,
    ) -> Result<ControlFlow<()>, Error>;
}

/// Reads a stream to its end, over as many connections as it takes.
///
/// # Errors
/// What opening the stream or the follower answers; `Unreachable` when the server stays away.
pub(crate) async fn follow<F: Follower>(context: &Context, follower: &mut F) -> Result<(), Error> {
    let mut lost_at: Option<Instant> = None;
    let mut has_opened = false;
    loop {
        let error = match read(context, follower, &mut lost_at, &mut has_opened).await {
            Ok(Read::Done) => return Ok(()),
            Ok(Read::Again) => None,
            Err(error) if has_opened && is_passing(&error) => Some(error),
            Err(error) => return Err(error),
        };
        let since = *lost_at.get_or_insert_with(|| {
            context.out.note(&format!(
                "the server has gone away; looking for it for {} s",
                RECONNECT_WITHIN.as_secs()
            ));
            Instant::now()
        });
        if since.elapsed() > RECONNECT_WITHIN
            && let Some(error) = error
        {
            return Err(error);
        }
        tokio::time::sleep(RECONNECT_EVERY).await;
    }
}

/// How a stream has ended.
enum Read {
    Done,
    Again,
}

/// Reads one stream.
async fn read<F: Follower>(
    context: &Context,
    follower: &mut F,
    lost_at: &mut Option<Instant>,
    has_opened: &mut bool,
) -> Result<Read, Error> {
    let mut stream = context.client.open(follower.request()).await?;
    *has_opened = true;
    loop {
        let message = match stream.message().await {
            Ok(message) => message,
            Err(status) => return Err(context.client.error(status)),
        };
        let Some(message) = message else {
            return Ok(match F::AT_END {
                AtEnd::Finish => Read::Done,
                AtEnd::Reconnect => Read::Again,
            });
        };
        if lost_at.take().is_some() {
            context.out.note("the server is back");
        }
        if follower.take(message)?.is_break() {
            return Ok(Read::Done);
        }
    }
}

/// Whether an error is that of a server which goes away and may come back.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Refused(status) => status.code() == Code::Unavailable,
        _ => false,
    }
}

/// Does something until it ends or the user presses Ctrl-C, which leaves the server's work alone.
///
/// # Errors
/// `Interrupted` with what to type next, or what the work answers.
pub(crate) async fn until_interrupted<T>(
    next: Vec<String>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        // The work only reads: dropping it in the middle loses nothing.
        Ok(()) = tokio::signal::ctrl_c() => Err(Error::Interrupted { next }),
    }
}
