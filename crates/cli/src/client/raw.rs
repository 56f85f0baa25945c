//! Calls whose messages are known only while the program runs: bytes go in, bytes come out.

use bytes::{Buf, BufMut, Bytes};
use tokio_stream::Stream;
use tonic::{
    Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
};

use super::{ANSWER_WITHIN, Client, Transport};
use crate::exit::Error;

/// Largest answer that is taken: as large as the server sends them.
const ANSWER_MAX: usize = 64 << 20;

impl Client {
    /// Sends a message and answers with another. As [`Client::call`].
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub(crate) async fn call_raw(
        &self,
        path: &PathAndQuery,
        message: &Bytes,
    ) -> Result<Bytes, Error> {
        self.until_reached(async || {
            let mut grpc = self.ready().await?;
            let mut request = tonic::Request::new(message.clone());
            request.set_timeout(ANSWER_WITHIN);
            let answer = grpc.unary(request, path.clone(), Raw).await?;
            Ok(answer.into_inner())
        })
        .await
    }

    /// Opens a stream in both directions. One that has one message in one of them is such a stream too.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub(crate) async fn open_raw(
        &self,
        path: &PathAndQuery,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Streaming<Bytes>, Error> {
        let open = async {
            let mut grpc = self.ready().await?;
            let request = tonic::Request::new(messages);
            grpc.streaming(request, path.clone(), Raw).await
        };
        open.await
            .map(tonic::Response::into_inner)
            .map_err(|status| self.error(status))
    }

    async fn ready(&self) -> Result<Grpc<Transport>, Status> {
        let mut grpc = Grpc::new(self.transport.clone()).max_decoding_message_size(ANSWER_MAX);
        grpc.ready()
            .await
            .map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }
}

/// Messages as the bytes that they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
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

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
