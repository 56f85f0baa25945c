//! One connection, HTTP/1.1 or HTTP/2, with limits on all that a client could make it wait for or hold.

use super::{quiet::Calls, stall::Stall, unread::Rest};
use axum::Router;
use http::{HeaderMap, Method, header::CONTENT_LENGTH};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use std::{convert::Infallible, future::Future, pin::pin, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tower::ServiceExt;

/// How long a connection may take to its first request: whoever opens one has something to ask.
const FIRST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection may take to the end of the head of a later request, the time without any included. A proxy keeps
/// connections for the next call, and must not find that they were closed under it: those that are known keep them for 60 s
/// at most.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);
/// The largest head of a request. Tokens and traces take a few hundred bytes.
const HEAD_MAX: u32 = 32 << 10;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// How long a client may take nothing of what is written to it.
const WRITE_DEADLINE: Duration = Duration::from_secs(60);
/// How often a silent HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_DEADLINE: Duration = Duration::from_secs(20);
/// How long a connection may have no call under way. HTTP/1 has the deadline of a head; HTTP/2 has none of its own, and a
/// client that answers pings would keep its place for ever.
const IDLE_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// The most calls at once on one HTTP/2 connection, as many as the API answers at once.
const STREAMS_MAX: u32 = 256;

/// How connections are served.
#[derive(Clone)]
pub(super) struct Connections {
    app: Router,
    http: Builder<TokioExecutor>,
    stop: CancellationToken,
}

impl Connections {
    pub(super) fn new(app: Router, stop: CancellationToken) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_MAX as usize);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_MAX)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_DEADLINE);
        Self { app, http, stop }
    }

    /// Serves one connection to its end. Once the server stops, calls under way are finished and no more are taken.
    pub(super) fn serve<S>(&self, stream: S) -> impl Future<Output = ()> + Send + 'static
    where
        S: Connected + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { app, http, stop } = self.clone();
        let told = stream.connect_info();
        let calls = Calls::default();
        let quiet = calls.quiet(FIRST_DEADLINE, IDLE_DEADLINE);
        let app = tower::service_fn(move |mut request: http::Request<Incoming>| {
            let call = calls.begin();
            let is_head = request.method() == Method::HEAD;
            request.extensions_mut().insert(told.clone());
            let (rest, request) = Rest::lend(request);
            let answer = app.clone().oneshot(request);
            // The call lasts until the body of its answer is written, or dropped.
            async move {
                let mut answer = rest.settle(answer.await?).await;
                if is_head {
                    leave_out_no_length(answer.headers_mut());
                }
                Ok::<_, Infallible>(call.until_answered(answer))
            }
        });
        async move {
            let io = TokioIo::new(Stall::new(stream, WRITE_DEADLINE));
            let mut connection = pin!(http.serve_connection(io, TowerToHyperService::new(app)));
            let mut quiet = pin!(quiet);
            let mut takes_calls = true;
            loop {
                // Each branch is a level: what is dropped here is asked again in the next round.
                tokio::select! {
                    ended = &mut connection => {
                        if let Err(error) = ended {
                            tracing::debug!(error = &*error as &dyn std::error::Error, "a connection broke");
                        }
                        return;
                    }
                    () = &mut quiet => {
                        tracing::debug!("nothing was asked on a connection");
                        return;
                    }
                    () = stop.cancelled(), if takes_calls => {
                        takes_calls = false;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// Of an answer to HEAD, which is sent without its body. A router takes that for a body of no length when it was another
/// one within it that left the body out, and a streamed body has none that could be told.
fn leave_out_no_length(headers: &mut HeaderMap) {
    let length = headers.get(CONTENT_LENGTH);
    if length.is_some_and(|length| length == "0") {
        headers.remove(CONTENT_LENGTH);
    }
}

#[cfg(test)]
mod tests;
