//! The two kinds of session speak alike, in messages of their own.

use std::future::Future;

use proto::v1::{
    self, ExecRequest, ExecResponse, ExecStart, Run, RunRequest, RunResponse, RunStart,
    SessionEnded, TerminalSize, exec_request, exec_response,
    instance_service_client::InstanceServiceClient, run_request, run_response,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use crate::client::Transport;

/// What is said to a process.
pub(crate) enum Said<S> {
    Start(Box<S>),
    Stdin(Vec<u8>),
    End,
    Resize(TerminalSize),
    Signal(v1::Signal),
}

/// What is heard of it.
pub(crate) enum Heard {
    Started(Option<Box<Run>>),
    Out(Vec<u8>),
    Err(Vec<u8>),
    Taken(usize),
    Ended(Box<SessionEnded>),
}

/// A kind of session.
pub(crate) trait Kind {
    type Start;
    type Request: Send + 'static;
    type Response;

    fn is_detached(start: &Self::Start) -> bool;
    fn has_terminal(start: &Self::Start) -> bool;
    fn message(said: Said<Self::Start>) -> Self::Request;
    fn heard(response: Self::Response) -> Option<Heard>;
    fn open(
        transport: Transport,
        said: ReceiverStream<Self::Request>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Response>>, Status>>;
}

/// In a container of its own.
pub(crate) enum Own {}

/// Inside an instance.
pub(crate) enum Inside {}

macro_rules! kind {
    ($kind:ident: $method:ident $start:ident $request:ident $asked:ident $response:ident $told:ident
     $detached:expr) => {
        impl Kind for $kind {
            type Start = $start;
            type Request = $request;
            type Response = $response;

            fn is_detached(start: &$start) -> bool {
                let detached: fn(&$start) -> bool = $detached;
                detached(start)
            }

            fn has_terminal(start: &$start) -> bool {
                start.terminal.is_some()
            }

            fn message(said: Said<$start>) -> $request {
                use $asked::Message as M;
                let message = match said {
                    Said::Start(start) => M::Start(*start),
                    Said::Stdin(bytes) => M::Stdin(bytes),
                    Said::End => M::StdinEnded(true),
                    Said::Resize(size) => M::Resize(size),
                    Said::Signal(signal) => M::Signal(signal.into()),
                };
                $request {
                    message: Some(message),
                }
            }

            fn heard(response: $response) -> Option<Heard> {
                use $told::Message as M;
                Some(match response.message? {
                    M::Started(started) => Heard::Started(started.run.map(Box::new)),
                    M::Stdout(bytes) => Heard::Out(bytes),
                    M::Stderr(bytes) => Heard::Err(bytes),
                    M::StdinTaken(count) => Heard::Taken(usize::try_from(count).unwrap_or(0)),
                    M::Ended(end) => Heard::Ended(Box::new(end)),
                })
            }

            async fn open(
                transport: Transport,
                said: ReceiverStream<$request>,
            ) -> Result<Response<Streaming<$response>>, Status> {
                InstanceServiceClient::new(transport).$method(said).await
            }
        }
    };
}

kind!(Own: run RunStart RunRequest run_request RunResponse run_response |start| start.detach);
kind!(Inside: exec ExecStart ExecRequest exec_request ExecResponse exec_response |_| false);
