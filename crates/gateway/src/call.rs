//! Calls gRPC services inside this process: no socket, the same guards.

use crate::annotations::Binding;
use bytes::{Buf, BufMut, Bytes};
use http::{Extensions, HeaderMap, HeaderName, header};
use prost_reflect::DynamicMessage;
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
        binding: &Binding,
        message: &DynamicMessage,
        behalf: Behalf,
    ) -> Result<DynamicMessage, Status> {
        let path = binding.path.clone();
        let mut client = self.client().await;
        let answer = client.unary(behalf.ask(message), path, Frames).await?;
        decoded(binding, answer.into_inner())
    }

    /// Calls an RPC whose answer is a stream. The call ends when the stream is dropped.
    ///
    /// # Errors
    /// What the service answers instead of a stream.
    pub(crate) async fn stream(
        &self,
        binding: &Binding,
        message: &DynamicMessage,
        behalf: Behalf,
    ) -> Result<Streaming<Bytes>, Status> {
        let path = binding.path.clone();
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

/// A message of the answer of an RPC.
pub(crate) fn decoded(binding: &Binding, frame: Bytes) -> Result<DynamicMessage, Status> {
    DynamicMessage::decode(binding.rpc.output(), frame)
        .map_err(|error| Status::from_error(Box::new(error)))
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
