//! What requests weigh: the bytes of all that are being read or answered are held to a bound, so that many large ones at
//! once are sent away before they take the memory.

use crate::{handlers::REQUEST_MAX, status::Refusal};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

/// The most that all requests of callers hold together, in pieces. What is made of their bytes takes about as much again.
const PIECES: usize = 96 << 10;
/// The same of those who show no token, so that whoever takes all of it shuts nobody else out.
const OPEN_PIECES: usize = 16 << 10;
/// How many bytes a piece has.
const PIECE: usize = 1 << 10;
/// The most bytes that one request has: its one message and what is around it. Whatever comes after that would be read for nothing.
const LOAD_MAX: usize = REQUEST_MAX + (64 << 10);
/// Calls whose requests go on, message after message. Each holds one of them at a time, and there are few: see `Streams`.
pub(super) const GOING_ON: [&str; 4] = [
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "jockey.v1.InstanceService/Exec",
    "jockey.v1.InstanceService/Run",
];

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where requests are weighed.
#[derive(Clone)]
pub(super) struct Scales(Arc<Semaphore>);

impl Scales {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PIECES)))
    }

    /// Those of callers who show no token.
    pub(super) fn open() -> Self {
        Self(Arc::new(Semaphore::new(OPEN_PIECES)))
    }

    /// For one request of this method.
    pub(super) fn load(&self, method: &str) -> Load {
        let scales = (!GOING_ON.contains(&method)).then(|| Arc::clone(&self.0));
        Load {
            scales,
            held: Arc::default(),
        }
    }
}

/// What one request weighs so far, until the last of these is dropped.
#[derive(Clone)]
pub(super) struct Load {
    /// None: it is not weighed.
    scales: Option<Arc<Semaphore>>,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    pieces: Option<OwnedSemaphorePermit>,
}

impl Load {
    /// # Errors
    /// `RequestTooLarge`; `TooManyCalls`, when there is no room for more.
    fn add(&self, bytes: usize) -> Result<(), Refusal> {
        let Some(scales) = &self.scales else {
            return Ok(());
        };
        // Nothing in here can be left half done.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += bytes;
        if held.bytes > LOAD_MAX {
            return Err(Refusal::RequestTooLarge(REQUEST_MAX));
        }
        // However small the frames are in which it comes.
        let has = held.pieces.as_ref().map_or(0, |it| it.num_permits());
        let more = held.bytes.div_ceil(PIECE).saturating_sub(has);
        let more =
            Arc::clone(scales).try_acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX));
        let more = more.map_err(|_| Refusal::TooManyCalls)?;
        match held.pieces.as_mut() {
            Some(pieces) => pieces.merge(more),
            None => held.pieces = Some(more),
        }
        Ok(())
    }
}

/// The body of a request, weighed as it is read.
pub(crate) struct Weighed<B> {
    body: B,
    load: Load,
}

impl<B> Weighed<B> {
    pub(super) const fn new(body: B, load: Load) -> Self {
        Self { body, load }
    }
}

impl<B> Body for Weighed<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(frame) => frame.map_err(Into::into)?,
        };
        if let Some(data) = frame.data_ref()
            && let Err(refusal) = self.load.add(data.len())
        {
            tracing::debug!(%refusal, "refused");
            return Poll::Ready(Some(Err(Status::from(refusal).into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};
    use prost::Message;
    use prost_types::FileDescriptorSet;

    fn body(load: &Load, bytes: usize) -> Weighed<Full<Bytes>> {
        Weighed::new(Full::new(Bytes::from(vec![0; bytes])), load.clone())
    }

    /// As many calls of callers as hold this much of the room.
    async fn filled(scales: &Scales, part: usize) -> Vec<Load> {
        let mut loads = Vec::new();
        for _ in 0..part / REQUEST_MAX {
            let load = scales.load("a");
            body(&load, REQUEST_MAX).collect().await.unwrap();
            loads.push(load);
        }
        loads
    }

    #[tokio::test]
    async fn what_weighs_too_much_with_the_others_is_refused_until_they_are_answered() {
        let scales = Scales::new();
        let mut others = filled(&scales, PIECES * PIECE).await;
        let third = scales.load("c");
        let error = body(&third, 1).collect().await.unwrap_err();
        let status = Status::from_error(error);
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        let going_on = scales.load(GOING_ON[3]);
        body(&going_on, 2 * LOAD_MAX).collect().await.unwrap();
        others.pop();
        body(&third, REQUEST_MAX - 1).collect().await.unwrap();
    }

    #[tokio::test]
    async fn whoever_shows_no_token_takes_no_room_of_those_who_do() {
        let (scales, open) = (Scales::new(), Scales::open());
        let _strangers = filled(&open, OPEN_PIECES * PIECE).await;
        assert!(body(&open.load("a"), 1).collect().await.is_err());
        body(&scales.load("a"), REQUEST_MAX)
            .collect()
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_request_is_held_by_its_bytes_and_not_by_its_frames_and_has_an_end() {
        let scales = Scales::new();
        let load = scales.load("a");
        for _ in 0..2 * PIECE {
            body(&load, 1).collect().await.unwrap();
        }
        assert_eq!(scales.0.available_permits(), PIECES - 2);
        body(&load, LOAD_MAX - 2 * PIECE).collect().await.unwrap();
        let error = body(&load, 1).collect().await.unwrap_err();
        assert_eq!(Status::from_error(error).code(), tonic::Code::OutOfRange);
    }

    #[test]
    fn every_call_whose_request_goes_on_is_known() {
        let ours = FileDescriptorSet::decode(proto::DESCRIPTOR).unwrap();
        let mut found: Vec<String> = Vec::new();
        for file in &ours.file {
            for service in &file.service {
                let methods = service.method.iter().filter(|it| it.client_streaming());
                found.extend(methods.map(|method| {
                    format!("{}.{}/{}", file.package(), service.name(), method.name())
                }));
            }
        }
        found.sort();
        let known = GOING_ON.iter().filter(|it| it.starts_with("jockey."));
        assert!(known.eq(found.iter()), "{found:?}");
    }
}
