//! The body of a request: canonical proto JSON, of which every field must be known.

use super::duplicates;
use crate::{
    annotations::{self, Binding},
    refusal::Refusal,
};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest body, as the services have it for a message.
pub(crate) const BODY_MAX: usize = 4 << 20;
/// How long a body may take to arrive.
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// How long a body waits until fewer others are under way.
const ROOM_DEADLINE: Duration = Duration::from_secs(5);

/// The bodies that are under way. They are read into memory, so that only so many are at once.
pub(crate) struct Bodies(Semaphore);

impl Bodies {
    pub(crate) fn at_most(many: usize) -> Self {
        Self(Semaphore::new(many))
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// When it is too large or too slow, or breaks off, or too many others are under way.
    pub(crate) async fn read(&self, body: axum::body::Body) -> Result<Bytes, Refusal> {
        if http_body::Body::is_end_stream(&body) {
            return Ok(Bytes::new());
        }
        let too_large = || Refusal::BodyTooLarge { most: BODY_MAX };
        // What says beforehand that it is too large is not read at all.
        if http_body::Body::size_hint(&body).lower() > BODY_MAX as u64 {
            return Err(too_large());
        }
        let room = tokio::time::timeout(ROOM_DEADLINE, self.0.acquire()).await;
        let Ok(Ok(_room)) = room else {
            return Err(Refusal::TooManyBodies);
        };
        let reading = Limited::new(body, BODY_MAX).collect();
        match tokio::time::timeout(BODY_DEADLINE, reading).await {
            Ok(Ok(read)) => Ok(read.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Refusal::BodyBroken),
            Err(_) => Err(Refusal::BodyTooSlow {
                seconds: BODY_DEADLINE.as_secs(),
            }),
        }
    }
}

/// The message with what the body holds.
pub(super) fn message(
    binding: &Binding,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<DynamicMessage, Refusal> {
    let input = binding.descriptor().input();
    let mut message = DynamicMessage::new(input.clone());
    if body.is_empty() {
        return Ok(message);
    }
    if matches!(binding.body, annotations::Body::None) {
        return Err(Refusal::BodyNotTaken);
    }
    json_only(headers)?;
    match &binding.body {
        annotations::Body::None => {}
        annotations::Body::Whole => message = parsed(input, body)?,
        annotations::Body::Field(field) => {
            let kind = field.kind();
            let inner = kind.as_message().ok_or_else(|| Refusal::Json {
                problem: format!("{} is no message", field.full_name()),
            })?;
            message.set_field(field, Value::Message(parsed(inner.clone(), body)?));
        }
    }
    Ok(message)
}

/// A body that says that it is something else is not guessed at.
fn json_only(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = given.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Refusal::NotJson {
        given: text.to_owned(),
    })
}

fn parsed(kind: MessageDescriptor, body: &[u8]) -> Result<DynamicMessage, Refusal> {
    if let Some(field) = duplicates::first(&kind, body) {
        let problem = format!("`{field}` is given twice; give it once");
        return Err(Refusal::field(field, problem));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let message = DynamicMessage::deserialize(kind, tracked);
    let message = message.map_err(|error| refused(&error, &track.path().to_string()))?;
    json.end().map_err(|error| refused(&error, ""))?;
    Ok(message)
}

/// Names the field where the body is not as it should be, as far as that is known.
fn refused(error: &serde_json::Error, path: &str) -> Refusal {
    let problem = error.to_string();
    if !error.is_data() {
        return Refusal::Json { problem };
    }
    let path = if path == "." { "" } else { path };
    // What prost-reflect says of a name that it does not know. The path leads to what holds it.
    let unknown = problem
        .strip_prefix("unrecognized field name '")
        .and_then(|rest| rest.split('\'').next());
    match unknown {
        Some(name) => {
            let field = match path {
                "" => name.to_owned(),
                path if path.ends_with(name) => path.to_owned(),
                path => format!("{path}.{name}"),
            };
            Refusal::field(field, format!("there is no field `{name}` here"))
        }
        None if path.is_empty() => Refusal::Json { problem },
        None => Refusal::field(path, format!("{path}: {problem}")),
    }
}
