//! Answers that go on: each pulled at the pace of its reader, few enough at once, and ended when the server stops.

use crate::{
    auth::{Caller, Times},
    handlers::Answer,
    status::Refusal,
};
use domain::Timestamp;
use futures_util::{Stream, StreamExt, stream};
use std::{pin::Pin, sync::Arc};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

/// The most streams that are open at once.
const STREAMS_MAX: usize = 256;

/// An answer that goes on.
pub(crate) type Flow<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The room for streams.
#[derive(Clone)]
pub(crate) struct Streams {
    open: Arc<Semaphore>,
    stop: CancellationToken,
    /// When its reader is to show again who they are. None: never.
    until: Option<Instant>,
}

impl Streams {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            open: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop,
            until: None,
        }
    }

    /// The same room, for one caller: what they follow ends when they are to show again who they are.
    pub(crate) fn of(&self, caller: &Caller, now: Timestamp, times: Option<Times>) -> Self {
        Self {
            until: caller
                .good_for(now, times)
                .map(|time| Instant::now() + time),
            ..self.clone()
        }
    }

    /// Answers with a stream. Nothing runs while its reader does not read.
    pub(crate) fn answer<T, E>(
        &self,
        items: impl Stream<Item = Result<T, E>> + Send + 'static,
    ) -> Answer<Flow<T>>
    where
        T: Send + 'static,
        E: Into<Status> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.open).try_acquire_owned() else {
            return Err(Refusal::TooManyStreams.into());
        };
        let stop = self.stop.clone();
        let until = self.until;
        let over = async move {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let stopped = stream::once(async move {
            // Both are levels, and hold nothing.
            tokio::select! {
                () = stop.cancelled() => Err(Status::from(Refusal::Stopping)),
                () = over => Err(Status::from(Refusal::ShowAgain)),
            }
        });
        let items = items.map(|item| item.map_err(Into::into));
        let ended = items.map(Some).chain(stream::iter([None]));
        let flow = stream::select(ended, stopped.map(Some))
            // The first error is the last item; so is the end of what there was to tell.
            .scan(permit, |_permit, item| std::future::ready(item))
            .scan(Going::On, |going, item| {
                let was = *going;
                *going = if item.is_ok() { Going::On } else { Going::Over };
                std::future::ready((was == Going::On).then_some(item))
            });
        Ok(Response::new(Box::pin(flow)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Over,
}
