//! Streams as server-sent events.

use super::{cursor, json};
use crate::{annotations::Binding, problem::Problem};
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::{convert::Infallible, time::Duration};
use tonic::Streaming;

pub(crate) const CONTENT_TYPE: &str = "text/event-stream";

/// How long a stream is silent at most: proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A message an event, whose id is its cursor where it has one. The last event is `end`, or `error` with a problem: a
/// browser comes back by itself after anything else.
pub(crate) fn events(binding: Binding, stream: Streaming<Bytes>) -> Response {
    let events =
        stream
            .map(Some)
            .chain(stream::iter([None]))
            .scan(Story::GoesOn, move |story, item| {
                let told = match (*story, item) {
                    (Story::IsOver, _) => None,
                    (Story::GoesOn, None) => Some(Event::default().event("end").data("{}")),
                    (Story::GoesOn, Some(frame)) => {
                        match frame.and_then(|frame| binding.rpc.decoded(frame)) {
                            Ok(message) => Some(event(&binding, &message)),
                            Err(status) => {
                                *story = Story::IsOver;
                                let problem = Problem::from(&status).to_json();
                                Some(Event::default().event("error").data(problem))
                            }
                        }
                    }
                };
                std::future::ready(told.map(Ok::<_, Infallible>))
            });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

#[derive(Clone, Copy)]
enum Story {
    GoesOn,
    IsOver,
}

fn event(binding: &Binding, message: &prost_reflect::DynamicMessage) -> Event {
    let event = Event::default().data(json(message));
    let path = binding.resume.as_ref().map(|resume| &resume.cursor[..]);
    // A line break, which no cursor has, would be another line of the protocol.
    match cursor(message, path.unwrap_or_default()) {
        Some(id) if !id.contains(['\r', '\n', '\0']) => event.id(id),
        Some(_) | None => event,
    }
}
