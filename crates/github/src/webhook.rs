//! Deliveries of GitHub's webhooks: whether one is genuine, and what it says, in the words of the domain.
//!
//! Every documented event is read, the most of them as `Other`: what GitHub adds tomorrow is no error. Only the fields
//! that are used are wanted.

mod events;
mod signature;

pub use events::parse;
pub use signature::{Accepted, BadSignature, Signatures, check};

use percent_encoding::percent_decode;
use std::borrow::Cow;

/// A delivery that GitHub would not have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPayload {
    #[error("the body is not JSON, nor a form with `payload`")]
    NotJson,
    /// A field of this event is missing, or holds what it never does.
    #[error("the body of `{event}` is not as GitHub documents it: {field}")]
    Field { event: String, field: String },
}

/// The JSON of a delivery, by its `Content-Type`: the body itself, or the field `payload` of a form. The signature is
/// always that of the body itself.
///
/// # Errors
/// `NotJson` for a form without it.
pub fn json<'a>(content_type: &str, body: &'a [u8]) -> Result<Cow<'a, [u8]>, BadPayload> {
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Ok(Cow::Borrowed(body));
    }
    let mut fields = body.split(|byte| *byte == b'&');
    let field = fields.find_map(|field| field.strip_prefix(b"payload="));
    let field = field.ok_or(BadPayload::NotJson)?;
    let spaced: Vec<u8> = field
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Ok(Cow::Owned(percent_decode(&spaced).collect()))
}
