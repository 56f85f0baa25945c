//! Headers that say what a field of the request says as well.

use super::field;
use crate::{annotations::Binding, refusal::Refusal};
use http::{HeaderMap, HeaderName, header};
use prost_reflect::{DynamicMessage, ReflectMessage};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The idempotency key, and the version of an entity that is to be changed.
const REQUEST_ID: &str = "request_id";
const ETAG: &str = "etag";

/// Fills the fields that the headers of `headers` stand for.
pub(super) fn apply(
    message: &mut DynamicMessage,
    binding: &Binding,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    // A call that changes nothing may be repeated without a key.
    if has(message, REQUEST_ID)
        && let Some(key) = text(headers, &IDEMPOTENCY_KEY)?
    {
        field::set(message, REQUEST_ID, unquoted(&key).unwrap_or(&key))?;
    }
    if let Some(tags) = text(headers, &header::IF_MATCH)? {
        if_match(message, tags.trim())?;
    }
    if let Some(resume) = &binding.resume
        && let Some(cursor) = text(headers, &LAST_EVENT_ID)?
    {
        // A browser that comes back asks for the address it had at first: what it has seen since counts.
        message.clear_field(&resume.request);
        field::set(message, resume.request.name(), &cursor)?;
    }
    Ok(())
}

fn if_match(message: &mut DynamicMessage, tags: &str) -> Result<(), Refusal> {
    // Whatever it has, as long as it is there: every call on an entity asks for that anyway.
    if tags == "*" {
        return Ok(());
    }
    if !has(message, ETAG) {
        return Err(Refusal::IfMatch {
            problem: "a condition that this call cannot keep",
        });
    }
    let tag = unquoted(tags).ok_or(Refusal::IfMatch {
        problem: "not one strong entity tag in quotes",
    })?;
    field::set(message, ETAG, tag)
}

/// The inside of a text in quotes that has none inside.
fn unquoted(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains('"')).then_some(inside)
}

fn has(message: &DynamicMessage, field: &str) -> bool {
    message.descriptor().get_field_by_name(field).is_some()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Refusal::field(
            name.as_str(),
            format!("the header {name} is not plain text"),
        )),
    }
}
