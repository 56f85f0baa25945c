//! Calls gRPC services inside this process: no socket, the same guards.
//!
//! **Invariant:** a message is not made, and what it is made of not read, before the service wants it. The guards stand
//! before that, so that who is not let in holds nothing here.

use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, StreamExt, stream};
use http::{Extensions, HeaderMap, HeaderName, header, uri::PathAndQuery};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use std::{
    future::{Future, ready},
    pin::pin,
};
use tokio::sync::oneshot;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    service::Routes,
};

/// The largest answer, as the services have it.
const ANSWER_MAX: usize = 64 << 20;

/// What of a caller's headers the services see: who calls, with what, and as part of which trace.
const PASSED_ON: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-request-id"),
];

/// The services, and how they are called.
#[derive(Clone)]
pub(crate) struct Services(Routes);

/// An RPC that can be called.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    descriptor: MethodDescriptor,
    /// Where gRPC has it, such as `/jockey.v1.AppService/GetApp`.
    path: PathAndQuery,
}

impl Rpc {
    /// The RPC that a descriptor is about.
    pub(crate) fn of(descriptor: MethodDescriptor) -> Self {
        let service = descriptor.parent_service().full_name();
        let path = format!("/{service}/{}", descriptor.name());
        let path = path.parse().expect("names of RPCs are letters and dots");
        Self { descriptor, path }
    }

    pub(crate) const fn descriptor(&self) -> &MethodDescriptor {
        &self.descriptor
    }

    /// A message of its answer.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub(crate) fn decoded(&self, frame: Bytes) -> Result<DynamicMessage, Status> {
        DynamicMessage::decode(self.descriptor.output(), frame)
            .map_err(|error| Status::from_error(Box::new(error)))
    }
}

/// On whose behalf a call is made: headers, and what the listener knows of the connection.
#[derive(Debug, Clone)]
pub(crate) struct Behalf {
    headers: HeaderMap,
    extensions: Extensions,
}

impl Behalf {
    pub(crate) fn of(request: &http::request::Parts) -> Self {
        let headers = PASSED_ON.into_iter().flat_map(|name| {
            let values = request.headers.get_all(&name).iter();
            values.map(move |value| (name.clone(), value.clone()))
        });
        Self {
            headers: headers.collect(),
            extensions: request.extensions.clone(),
        }
    }

    fn ask<T>(self, frames: T) -> Request<T> {
        let metadata = MetadataMap::from_headers(self.headers);
        Request::from_parts(metadata, self.extensions, frames)
    }
}

/// Why a call has no answer.
pub(crate) enum Failed<E> {
    /// Its message could not be made.
    Message(E),
    /// What the service answers instead.
    Service(Status),
}

/// When the message of a call is wanted, and where it goes then.
struct Turn {
    wanted: oneshot::Receiver<()>,
    give: oneshot::Sender<Bytes>,
}

impl Turn {
    /// The one frame of a request, as the service will find it.
    fn new() -> (Self, impl Stream<Item = Bytes> + Send + 'static) {
        let ((want, wanted), (give, given)) = (oneshot::channel(), oneshot::channel());
        // It is polled by who reads the request, who has been let in by then.
        let frames = stream::once(async move {
            want.send(()).ok();
            given.await.ok()
        });
        (Self { wanted, give }, frames.filter_map(ready))
    }

    /// The answer of a call, whose message is made once it is wanted.
    async fn answered<T, E>(
        self,
        call: impl Future<Output = Result<T, Status>>,
        message: impl Future<Output = Result<DynamicMessage, E>>,
    ) -> Result<T, Failed<E>> {
        let mut call = pin!(call);
        tokio::select! {
            biased;
            refused = &mut call => return refused.map_err(Failed::Service),
            Ok(()) = self.wanted => {}
        }
        // What drops the call when there is no message: it is as if the caller had hung up.
        let message = message.await.map_err(Failed::Message)?;
        let frame = prost::Message::encode_to_vec(&message);
        // A service that does not wait for it any more has its answer.
        self.give.send(frame.into()).ok();
        call.await.map_err(Failed::Service)
    }
}

impl Services {
    pub(crate) const fn new(routes: Routes) -> Self {
        Self(routes)
    }

    /// Calls an RPC that answers once.
    ///
    /// # Errors
    /// What the service answers instead, or why there is no message.
    pub(crate) async fn call<E>(
        &self,
        rpc: &Rpc,
        behalf: Behalf,
        message: impl Future<Output = Result<DynamicMessage, E>>,
    ) -> Result<DynamicMessage, Failed<E>> {
        let mut client = self.client().await;
        let (turn, frames) = Turn::new();
        let call = client.client_streaming(behalf.ask(frames), rpc.path.clone(), Frames);
        let answer = turn.answered(call, message).await?;
        rpc.decoded(answer.into_inner()).map_err(Failed::Service)
    }

    /// Calls an RPC whose answer is a stream. The call ends when the stream is dropped.
    ///
    /// # Errors
    /// What the service answers instead of a stream, or why there is no message.
    pub(crate) async fn stream<E>(
        &self,
        rpc: &Rpc,
        behalf: Behalf,
        message: impl Future<Output = Result<DynamicMessage, E>>,
    ) -> Result<Streaming<Bytes>, Failed<E>> {
        let mut client = self.client().await;
        let (turn, frames) = Turn::new();
        let call = client.streaming(behalf.ask(frames), rpc.path.clone(), Frames);
        Ok(turn.answered(call, message).await?.into_inner())
    }

    async fn client(&self) -> Grpc<Routes> {
        let mut client = Grpc::new(self.0.clone()).max_decoding_message_size(ANSWER_MAX);
        match client.ready().await {
            Ok(()) => client,
            Err(never) => match never {},
        }
    }
}

/// Messages as they are on the wire.
#[derive(Debug, Clone, Copy)]
struct Frames;

impl Codec for Frames {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Frames {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Frames {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
