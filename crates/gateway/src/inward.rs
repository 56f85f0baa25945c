//! From an HTTP request to the message of an RPC.

mod body;
mod duplicates;
mod field;
mod headers;

use crate::{annotations::Binding, refusal::Refusal};
use bytes::Bytes;
use http::HeaderMap;
use prost_reflect::DynamicMessage;

pub(crate) use body::Bodies;

/// What came over HTTP, apart from its method.
pub(crate) struct Asked<'a> {
    /// Variables of the path: the field, and what it is.
    pub(crate) path: Vec<(&'a str, String)>,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
}

/// The message that the RPC is called with. What is given in two places must be the same in both.
///
/// # Errors
/// When something that was given has no place in the message, or cannot be what is wanted there.
pub(crate) fn message(binding: &Binding, asked: &Asked<'_>) -> Result<DynamicMessage, Refusal> {
    if let Some(raw) = &binding.raw {
        let mut message = DynamicMessage::new(binding.descriptor().input());
        raw.fill(&mut message, asked.headers, asked.body.clone());
        return Ok(message);
    }
    let mut message = body::message(binding, asked.headers, &asked.body)?;
    let query = asked.query.unwrap_or_default();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        field::set(&mut message, &name, &text)?;
    }
    for (name, text) in &asked.path {
        field::set(&mut message, name, text)?;
    }
    headers::apply(&mut message, binding, asked.headers)?;
    Ok(message)
}
