//! Streams as newline-delimited JSON.

use super::json;
use crate::{annotations::Binding, problem::Problem};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, header};
use std::convert::Infallible;
use tonic::Streaming;

pub(crate) const CONTENT_TYPE: &str = "application/x-ndjson";

/// A message a line. When the stream breaks, the last line is `{"error": …}`.
pub(crate) fn lines(binding: Binding, stream: Streaming<Bytes>) -> Response {
    let lines = stream.map(move |frame| {
        let line = match frame.and_then(|frame| binding.rpc.decoded(frame)) {
            Ok(message) => json(&message),
            Err(status) => format!("{{\"error\":{}}}", Problem::from(&status).to_json()),
        };
        Ok::<_, Infallible>(line + "\n")
    });
    let mut response = Response::new(Body::from_stream(lines));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}
