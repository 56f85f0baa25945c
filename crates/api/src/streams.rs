//! Answers that go on: each pulled at the pace of its reader, few enough at once, and ended when the server stops.

use crate::{
    auth::{Authenticator, Caller, Times},
    handlers::Answer,
    status::Refusal,
};
use domain::Timestamp;
use futures_util::{Stream, StreamExt, stream};
use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
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
    /// Whether and when each ends by itself.
    end: End,
}

/// When a stream ends though there is more to tell.
#[derive(Clone)]
enum End {
    Never,
    /// When its reader is to show again who they are.
    ShowAgain(Follower),
    /// So long after it began.
    After(Duration),
}

/// Whoever GitHub vouches for.
#[derive(Clone)]
struct Follower {
    auth: Arc<Authenticator>,
    caller: Caller,
    until: Instant,
}

impl Follower {
    /// Waits until GitHub's word is old. Where they may have left it is asked at once: who may what they might goes on.
    async fn ends(self) {
        let Self {
            auth,
            mut caller,
            until,
        } = self;
        let mut old = pin!(tokio::time::sleep_until(until));
        loop {
            // Both look at levels, and hold nothing.
            tokio::select! {
                () = &mut old => return,
                () = auth.departs(&caller) => {}
            }
            match auth.again(&caller).await {
                Ok(now) if now.grants == caller.grants => caller = now,
                Ok(_) => return,
                Err(refusal) => {
                    tracing::debug!(%refusal, caller = caller.actor(), "who follows is not let in again");
                    return;
                }
            }
        }
    }
}

impl End {
    /// Waits for it, and says why.
    async fn come(self) -> Refusal {
        match self {
            Self::Never => std::future::pending().await,
            Self::ShowAgain(follower) => {
                follower.ends().await;
                Refusal::ShowAgain
            }
            Self::After(time) => {
                tokio::time::sleep(time).await;
                Refusal::OpenLong(time.as_secs())
            }
        }
    }
}

impl Streams {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            open: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop,
            end: End::Never,
        }
    }

    /// Room of its own for those who show no token: so many at once, and each for so long.
    pub(crate) fn of_strangers(most: usize, time: Duration, stop: CancellationToken) -> Self {
        Self {
            open: Arc::new(Semaphore::new(most)),
            stop,
            end: End::After(time),
        }
    }

    /// The same room, for one caller: what they follow ends when they are to show again who they are.
    pub(crate) fn of(
        &self,
        caller: &Caller,
        now: Timestamp,
        times: Option<Times>,
        auth: &Arc<Authenticator>,
    ) -> Self {
        Self {
            end: match caller.good_for(now, times) {
                Some(time) => End::ShowAgain(Follower {
                    auth: Arc::clone(auth),
                    caller: caller.clone(),
                    until: Instant::now() + time,
                }),
                None => End::Never,
            },
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
        self.answer_until(self.end.clone().come(), items)
    }

    /// As `answer`, for a caller of whom something else says how long they count as who they are: it ends with its words.
    pub(crate) fn answer_until<T, E>(
        &self,
        over: impl Future<Output = Refusal> + Send + 'static,
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
        let stopped = stream::once(async move {
            // Both are levels, and hold nothing.
            tokio::select! {
                () = stop.cancelled() => Err(Status::from(Refusal::Stopping)),
                why = over => Err(Status::from(why)),
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
