//! Responses: always a JSON object, never an empty body.

use super::{errors::Told, shown::Shapes};
use crate::call::Rpc;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use tonic::{Status, Streaming};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer that is there.
pub(super) fn whole(status: StatusCode, json: String) -> Response {
    response(status, Body::from(json))
}

/// The answer of a stream: one object, with the elements of all messages in one list. Nothing is kept back; what breaks
/// off breaks the response off.
///
/// # Errors
/// What the stream begins with, where that is an error.
pub(super) async fn streamed(
    shapes: &Shapes,
    rpc: Rpc,
    mut messages: Streaming<Bytes>,
) -> Result<Response, Told> {
    let first = messages.message().await?;
    let (name, first) = match first {
        Some(frame) => shapes.elements(&rpc.decoded(frame)?),
        None => (list_of(&rpc), Vec::new()),
    };
    let shapes = shapes.clone();
    let rest = messages.map(move |frame| {
        let message = rpc.decoded(frame?)?;
        Ok::<_, Status>(shapes.elements(&message).1)
    });
    let head = format!("{{{}:[", serde_json::Value::from(name));
    let elements = stream::iter([Ok(first)]).chain(rest);
    let separated = elements.scan(Place::First, |place, elements| {
        std::future::ready(Some(elements.map(|elements| joined(place, &elements))))
    });
    let body = stream::iter([Ok(head)])
        .chain(separated)
        .chain(stream::iter([Ok("]}".to_owned())]));
    let body = body.inspect_err(|error| tracing::warn!(%error, "a list broke off"));
    Ok(response(StatusCode::OK, Body::from_stream(body)))
}

/// Whether an element is the first one of its list.
#[derive(Debug, Clone, Copy)]
enum Place {
    First,
    Later,
}

fn joined(place: &mut Place, elements: &[String]) -> String {
    let mut text = String::new();
    for element in elements {
        match place {
            Place::First => *place = Place::Later,
            Place::Later => text.push(','),
        }
        text.push_str(element);
    }
    text
}

/// The name of the list that the messages of a stream hold.
fn list_of(rpc: &Rpc) -> String {
    let output = rpc.descriptor().output();
    let mut lists = output.fields().filter(|field| field.is_list());
    lists
        .next()
        .map_or_else(String::new, |field| field.name().to_owned())
}

fn response(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_commas_between_them_across_messages() {
        let mut place = Place::First;
        let mut text = String::new();
        for elements in [vec![], vec!["1", "2"], vec![], vec!["3"]] {
            let elements: Vec<String> = elements.into_iter().map(str::to_owned).collect();
            text.push_str(&joined(&mut place, &elements));
        }
        assert_eq!(text, "1,2,3");
    }
}
