//! Calls gRPC services inside this process: no socket, the same guards.

use bytes::{Buf, BufMut, Bytes};
use http::{Extensions, HeaderMap, HeaderName, header, uri::PathAndQuery};
use prost_reflect::{DynamicMessage, MethodDescriptor};
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

    fn ask(self, message: &DynamicMessage) -> Request<Bytes> {
        let metadata = MetadataMap::from_headers(self.headers);
        let frame = prost::Message::encode_to_vec(message);
        Request::from_parts(metadata, self.extensions, frame.into())
    }
}

impl Services {
    pub(crate) const fn new(routes: Routes) -> Self {
        Self(routes)
    }

    /// Calls an RPC that answers once.
    ///
    /// # Errors
    /// What the service answers instead.
    pub(crate) async fn call(
        &self,
        rpc: &Rpc,
        message: &DynamicMessage,
        behalf: Behalf,
    ) -> Result<DynamicMessage, Status> {
        let path = rpc.path.clone();
        let mut client = self.client().await;
        let answer = client.unary(behalf.ask(message), path, Frames).await?;
        rpc.decoded(answer.into_inner())
    }

    /// Calls an RPC whose answer is a stream. The call ends when the stream is dropped.
    ///
    /// # Errors
    /// What the service answers instead of a stream.
    pub(crate) async fn stream(
        &self,
        rpc: &Rpc,
        message: &DynamicMessage,
        behalf: Behalf,
    ) -> Result<Streaming<Bytes>, Status> {
        let path = rpc.path.clone();
        let mut client = self.client().await;
        let answer = client
            .server_streaming(behalf.ask(message), path, Frames)
            .await?;
        Ok(answer.into_inner())
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
