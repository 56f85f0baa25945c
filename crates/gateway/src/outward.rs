//! From the message that an RPC answers with to an HTTP response.

mod events;
mod lines;
mod text;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use prost_reflect::{DynamicMessage, FieldDescriptor, SerializeOptions};

pub(crate) use events::{CONTENT_TYPE as EVENT_STREAM, events};
pub(crate) use lines::{CONTENT_TYPE as LINES, lines};
pub(crate) use text::text;

/// Canonical proto JSON. Fields at their default are shown, so that a client finds every field that it reads; what can
/// be absent (messages and `optional` fields) is left out when it is.
const OPTIONS: SerializeOptions = SerializeOptions::new().skip_default_fields(false);

pub(crate) const JSON: &str = "application/json";

/// The JSON of a message, on one line.
pub(crate) fn json(message: &DynamicMessage) -> String {
    let mut text = Vec::with_capacity(256);
    write(message, &mut serde_json::Serializer::new(&mut text));
    String::from_utf8(text).expect("serde_json writes UTF-8")
}

/// The same, a field a line.
fn wide_json(message: &DynamicMessage) -> String {
    let mut text = Vec::with_capacity(256);
    write(message, &mut serde_json::Serializer::pretty(&mut text));
    String::from_utf8(text).expect("serde_json writes UTF-8")
}

fn write<F: serde_json::ser::Formatter>(
    message: &DynamicMessage,
    to: &mut serde_json::Serializer<&mut Vec<u8>, F>,
) {
    message
        .serialize_with_options(to, &OPTIONS)
        .expect("maps of protobuf have keys that JSON can have");
}

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// On one line, for programs.
    Line,
    /// A field a line, for people.
    Wide,
}

/// The response to a call that answers once. Nothing is sent again that the caller says it has.
pub(crate) fn answer(
    method: &Method,
    asked: &HeaderMap,
    message: &DynamicMessage,
    layout: Layout,
) -> Response {
    let etag = etag(message);
    let has_it = etag.as_ref().is_some_and(|etag| is_named(asked, etag));
    let mut response = if has_it && (method == Method::GET || method == Method::HEAD) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(match layout {
            Layout::Line => json(message) + "\n",
            Layout::Wide => wide_json(message) + "\n",
        }));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        response
    };
    if let Some(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// Whether `If-None-Match` names an entity tag, as RFC 9110 has it in section 13.1.2: in a list, or `*`, and a weak tag is
/// as good, which proxies make of it that compress.
fn is_named(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let mut lines = asked.get_all(header::IF_NONE_MATCH).iter();
    lines.any(|line| {
        let mut tags = line.as_bytes().split(|byte| *byte == b',');
        tags.any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
        })
    })
}

/// The entity tag: that of the one entity that the message holds in a field of its own.
fn etag(message: &DynamicMessage) -> Option<HeaderValue> {
    let mut tags = message.fields().filter_map(|(_, value)| {
        let tag = value.as_message()?.get_field_by_name("etag")?;
        tag.as_str()
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
    });
    format!("\"{}\"", tags.next()?).parse().ok()
}

/// The cursor of one message of a stream: the text at the end of a path, the last element of what is repeated.
fn cursor(message: &DynamicMessage, path: &[String]) -> Option<String> {
    let (name, rest) = path.split_first()?;
    let value = message.get_field_by_name(name)?;
    let value = match value.as_list() {
        Some(list) => list.last()?,
        None => value.as_ref(),
    };
    match value.as_message() {
        Some(inner) => cursor(inner, rest),
        None if rest.is_empty() => match value {
            prost_reflect::Value::String(text) => Some(text.clone()),
            prost_reflect::Value::I64(number) => Some(number.to_string()),
            _ => None,
        },
        None => None,
    }
}

/// Whether a field holds an entity with a version.
pub(crate) fn is_versioned(field: &FieldDescriptor) -> bool {
    !field.is_list()
        && !field.is_map()
        && field
            .kind()
            .as_message()
            .is_some_and(|message| message.get_field_by_name("etag").is_some())
}
