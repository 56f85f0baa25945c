//! One pool of connections to an Engine, for bollard and for the calls that we make ourselves.

pub(crate) mod address;
mod carried;
mod tls;

pub(crate) use address::Address;
pub use carried::{Carried, Shown, Wallet};
pub use tls::Certificates;

use bytes::Bytes;
use futures_util::{Stream, future::BoxFuture};
use http_body_util::{Either, Full, StreamBody};
use hyper::{Uri, body::Frame};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection, HttpConnector},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;
use tower::Service;

/// How long a connection may take. On a unix socket it takes microseconds, unless the Engine's backlog is full; over a
/// network, with TLS, three round trips, and a lost packet costs 1 s.
const CONNECT: Duration = Duration::from_secs(5);
/// How many idle connections are kept. A burst of more calls than this pays for a new one each: 0.1 ms on a socket, some
/// milliseconds with TLS.
const IDLE: usize = 32;
/// When a connection over a network on which nothing is said is asked whether its other end lives, how often, and after
/// how many silences it is dead. A stream of events is silent for hours: of a host that is gone it learns only so.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(5);
const KEEPALIVE_TRIES: u32 = 3;
/// How long what was sent may go without an answer from the other end's kernel: as long as all of that.
const UNHEARD: Duration = Duration::from_secs(25);

/// What a request carries: all of it at once, or a stream. The same type as bollard's.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<Frames>>;
type Frames = Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>;

/// The connections to one Engine.
pub(crate) type Pool = Client<Connector, Body>;

/// What opens connections to this address. Nothing is opened yet.
pub(crate) fn connector(address: Address) -> Connector {
    Connector(match address {
        Address::Unix(socket) => Way::Unix(Arc::new(socket)),
        Address::Plain(place) => Way::Tcp(network(), place.uri(), None),
        Address::Tls(place, certificates) => {
            let files = tls::Files::new(place.host.clone(), certificates);
            Way::Tcp(network(), place.uri(), Some(Secure::Files(Arc::new(files))))
        }
        Address::Carried(place, carried) => {
            Way::Tcp(network(), place.uri(), Some(Secure::Carried(carried)))
        }
    })
}

/// A pool of such connections.
pub(crate) fn pool(connector: Connector) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE)
        .build(connector)
}

fn network() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE_AGAIN));
    connector.set_keepalive_retries(Some(KEEPALIVE_TRIES));
    connector.set_tcp_user_timeout(Some(UNHEARD));
    connector
}

/// Opens connections to one Engine, whatever the address of a request says.
#[derive(Debug, Clone)]
pub(crate) struct Connector(Way);

#[derive(Debug, Clone)]
enum Way {
    Unix(Arc<PathBuf>),
    Tcp(HttpConnector, Uri, Option<Secure>),
}

/// By what a connection over a network is secured.
#[derive(Debug, Clone)]
enum Secure {
    Files(Arc<tls::Files>),
    Carried(Carried),
}

impl Secure {
    async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        match self {
            Self::Files(files) => files.handshake(stream).await,
            Self::Carried(carried) => carried.handshake(stream).await,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = self.0.clone();
        Box::pin(async move {
            let where_to = way.to_string();
            let opened = tokio::time::timeout(CONNECT, way.open()).await;
            match opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(wire) => Ok(TokioIo::new(wire)),
                Err(error) => {
                    let what = format!("{where_to}: {}", plain(&error));
                    Err(io::Error::new(error.kind(), what))
                }
            }
        })
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(_, uri, _) => {
                let authority = uri.authority().map_or("", |of| of.as_str());
                write!(f, "tcp://{authority}")
            }
        }
    }
}

impl Way {
    async fn open(self) -> io::Result<Wire> {
        match self {
            Self::Unix(path) => Ok(Wire(Box::new(UnixStream::connect(&*path).await?))),
            Self::Tcp(mut connector, uri, secure) => {
                let connected = connector.call(uri).await;
                let stream = connected.map_err(|error| of_network(&error))?;
                let stream = stream.into_inner();
                Ok(match secure {
                    None => Wire(Box::new(stream)),
                    Some(secure) => Wire(Box::new(secure.handshake(stream).await?)),
                })
            }
        }
    }
}

/// Why a connection could not be opened, in the words of people where they have some.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => format!("no answer within {} s", CONNECT.as_secs()),
        _ => error.to_string(),
    }
}

/// What a network has refused: of its kind, where that says all.
fn of_network(error: &(dyn std::error::Error + 'static)) -> io::Error {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(kind @ (io::ErrorKind::ConnectionRefused | io::ErrorKind::TimedOut)) => kind.into(),
        Some(_) | None => io::Error::other(crate::failure::chain(error)),
    }
}

/// A connection, whatever it goes over.
pub(crate) struct Wire(Box<dyn Stretch>);

trait Stretch: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stretch for T {}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_told_of_in_plain_words() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("no.sock");
        let pool = pool(connector(Address::Unix(socket.clone())));
        let request = hyper::Request::get("http://engine/_ping");
        let request = request.body(crate::engine::empty()).unwrap();
        let error = pool.request(request).await.unwrap_err();
        let want = format!("unix://{}: no such file", socket.display());
        assert_eq!(crate::failure::chain(&error), want);
        let error = bollard::errors::Error::from(error);
        assert_eq!(crate::failure::chain(&error), want);
    }
}
