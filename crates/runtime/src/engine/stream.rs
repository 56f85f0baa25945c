//! An answer that goes on, over a connection of its own.

use crate::{
    failure::{Failure, chain},
    transport::{Body, Connector, Wire},
};
use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    client::conn::http1::{self, Connection},
    header::{HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};
use tower::Service;

/// The body of such an answer. Who reads it moves its connection as well: what comes wakes one task, where a pool has a second
/// one for each connection, which hands over piece by piece what is often no more than a line.
pub(crate) struct Stream {
    body: Incoming,
    /// None: it has ended.
    connection: Option<Connection<TokioIo<Wire>, Body>>,
}

impl Stream {
    /// Sends a request, and answers as soon as the answer begins.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(super) async fn open(
        mut connector: Connector,
        mut request: Request<Body>,
    ) -> Result<Response<Self>, Failure> {
        let uri = request.uri().clone();
        let wire = connector.call(uri.clone()).await;
        let wire = wire.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let unreachable = |error: hyper::Error| Failure::Unreachable(chain(&error));
        let (mut sender, mut connection) = http1::handshake(wire).await.map_err(unreachable)?;
        // As a pool would send it.
        request
            .headers_mut()
            .insert(HOST, HeaderValue::from_static("engine"));
        *request.uri_mut() = uri
            .path_and_query()
            .map(|path| path.clone().into())
            .unwrap_or_default();
        let mut sent = pin!(sender.send_request(request));
        let (answer, connection) = tokio::select! {
            biased;
            answer = &mut sent => (answer, Some(connection)),
            ended = &mut connection => {
                ended.map_err(unreachable)?;
                (sent.await, None)
            }
        };
        let answer = answer.map_err(unreachable)?;
        Ok(answer.map(|body| Self { body, connection }))
    }
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let Some(connection) = &mut self.connection else {
            return frame;
        };
        if frame.is_ready() {
            return frame;
        }
        if Pin::new(connection).poll(context).is_ready() {
            // With an error of which the body knows.
            self.connection = None;
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}
