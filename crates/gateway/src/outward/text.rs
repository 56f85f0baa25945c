//! Streams as text, for a person who has opened their address in a browser.

use super::json;
use crate::{annotations::Binding, problem::Problem};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, header};
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _};
use std::convert::Infallible;
use tonic::Streaming;

const CONTENT_TYPE: &str = "text/plain; charset=utf-8";

/// What is said, a line each; a message that says nothing in texts is JSON. When the stream breaks, the last line says
/// why.
pub(crate) fn text(binding: Binding, stream: Streaming<Bytes>) -> Response {
    let lines = stream.map(move |frame| {
        let lines = match frame.and_then(|frame| binding.rpc.decoded(frame)) {
            Ok(message) => texts(&message).unwrap_or_else(|| json(&message) + "\n"),
            Err(status) => format!("error: {}\n", Problem::from(&status).detail()),
        };
        Ok::<_, Infallible>(lines)
    });
    let mut response = Response::new(Body::from_stream(lines));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// The lines that a message holds which says nothing else: a list of what has a `text`.
fn texts(message: &DynamicMessage) -> Option<String> {
    let descriptor = message.descriptor();
    let lines = descriptor.fields().find(|field| {
        let inner = field.kind().as_message().cloned();
        let text = inner.and_then(|inner| inner.get_field_by_name("text"));
        field.is_list() && text.is_some_and(|text| text.kind() == Kind::String)
    })?;
    if message.fields().any(|(field, _)| field != lines) || !message.has_field(&lines) {
        return None;
    }
    let lines = message.get_field(&lines);
    let each = lines.as_list()?.iter().filter_map(|line| {
        let text = line.as_message()?.get_field_by_name("text")?;
        Some(format!("{}\n", text.as_str()?))
    });
    Some(each.collect())
}
