//! An RPC that takes a stream: one message a line of standard input.

use std::io::BufRead;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;

use super::message;
use crate::{client::Mode, context::Context, exit::Error};

/// Messages that are read ahead of the server.
const AHEAD: usize = 16;

/// A line that is no message. It holds the stream open: a call that is only half told must not look as
/// if it had come to its end.
struct Failed {
    error: Error,
    _open: mpsc::Sender<Bytes>,
}

/// Calls it, and prints what comes back.
///
/// # Errors
/// `NoDryRun`, `StreamFromStdin`, `Read` and `BadLine` for what comes from standard input, or what the server answers.
pub(super) async fn call(
    context: &Context,
    method: &MethodDescriptor,
    path: &PathAndQuery,
    request: Option<String>,
) -> Result<(), Error> {
    if context.client.mode() == Mode::DryRun {
        return Err(Error::NoDryRun(method.name().to_owned()));
    }
    if request.is_some_and(|request| request != "-") {
        return Err(Error::StreamFromStdin(method.name().to_owned()));
    }
    let (sender, messages) = mpsc::channel(AHEAD);
    let (failed, failure) = oneshot::channel();
    let kind = method.input();
    // Nobody joins it: it may be waiting for a line that never comes when the server has ended the call, and goes with
    // the program.
    std::thread::spawn(move || {
        if let Err(error) = read(&kind, &sender) {
            let _ = failed.send(Failed {
                error,
                _open: sender,
            });
        }
    });
    let answers = async {
        let messages = ReceiverStream::new(messages);
        let mut stream = context.client.open_raw(path, messages).await?;
        super::print(context, method, &mut stream).await
    };
    tokio::select! {
        ended = answers => ended,
        // Dropping the answers cancels the call, which is what a broken request asks for.
        Ok(failed) = failure => Err(failed.error),
    }
}

/// Sends what is read until there is no more, or nobody wants it.
fn read(kind: &MessageDescriptor, sender: &mpsc::Sender<Bytes>) -> Result<(), Error> {
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.map_err(|source| Error::Read {
            path: "standard input".into(),
            source,
        })?;
        if line.trim().is_empty() {
            continue;
        }
        let message = message::parse(kind, &line).map_err(|error| Error::BadLine {
            number: number + 1,
            message: error.to_string(),
        })?;
        if sender
            .blocking_send(message.encode_to_vec().into())
            .is_err()
        {
            return Ok(());
        }
    }
    Ok(())
}
