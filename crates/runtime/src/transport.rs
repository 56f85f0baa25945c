//! One pool of connections to a unix socket, for bollard and for the calls that we make ourselves.

use bytes::Bytes;
use futures_util::{Stream, future::BoxFuture};
use http_body_util::{Either, Full, StreamBody};
use hyper::{Uri, body::Frame};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::UnixStream;

/// How long a connection may take. On a unix socket it takes microseconds, unless the Engine's backlog is full.
const CONNECT: Duration = Duration::from_secs(2);
/// How many idle connections are kept. A burst of more calls than this pays 0.1 ms each for a new one.
const IDLE: usize = 32;

/// What a request carries: all of it at once, or a stream. The same type as bollard's.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<Frames>>;
type Frames = Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>;

/// The connections to one Engine.
pub(crate) type Pool = Client<Connector, Body>;

/// A pool of connections to this socket. Nothing is opened yet.
pub(crate) fn pool(socket: &Path) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE)
        .build(Connector(Arc::new(socket.to_owned())))
}

/// Opens connections to a socket, whatever the address says.
#[derive(Debug, Clone)]
pub(crate) struct Connector(Arc<PathBuf>);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = Arc::clone(&self.0);
        Box::pin(async move {
            let connected = tokio::time::timeout(CONNECT, UnixStream::connect(&*path)).await;
            let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            match stream {
                Ok(stream) => Ok(TokioIo::new(stream)),
                Err(error) => Err(io::Error::new(
                    error.kind(),
                    format!("{}: {error}", path.display()),
                )),
            }
        })
    }
}
