//! The outbox: jobs follow from events. Events are written in the transaction of what they tell, and a cursor on record
//! says up to which of them jobs were derived: so no event is missed, and none is followed twice.

use super::Workforce;
use crate::deps::Deps;
use async_trait::async_trait;
use domain::{Event, EventId};
use ports::store::{self, events::EventFilter, jobs::NewJob};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many events are read at once.
const EVENTS_MAX: u32 = 500;
/// How far the cursor on record may be behind, in events and in time, while nothing follows from them: a write for each
/// event would cost as much as the event.
const BEHIND_MAX: i64 = 2000;
const BEHIND_FOR: Duration = Duration::from_secs(60);

/// What jobs follow from events.
#[async_trait]
pub trait Follow: Send + Sync {
    /// The jobs that follow from these events, which come in their order. Repeated when the server ends before they are
    /// on record.
    ///
    /// # Errors
    /// Those of the database, which is asked again later.
    async fn follow(&self, events: &[Event]) -> Result<Vec<NewJob>, store::Error>;
}

/// Derives jobs until it is told to stop.
pub(crate) async fn follow((deps, workforce): (Deps, Workforce), stop: CancellationToken) {
    let mut newest = deps.store.newest_event();
    let mut outbox = Outbox {
        deps,
        follows: workforce.follows,
        place: None,
    };
    loop {
        let to = *newest.borrow_and_update();
        let wait = match outbox.advance(to).await {
            Ok(()) => BEHIND_FOR,
            Err(store::Error::Stale { .. }) => {
                outbox.place = None;
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "could not look which jobs follow from events");
                outbox.deps.settings.tick
            }
        };
        // Every branch may be dropped: each is only a reason to look again.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = newest.changed(), if !outbox.follows.is_empty() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    // What is not remembered is looked at again.
    if let Err(error) = outbox.remember().await {
        tracing::debug!(%error, "the cursor of the outbox is left behind");
    }
}

struct Outbox {
    deps: Deps,
    follows: Vec<Arc<dyn Follow>>,
    place: Option<Place>,
}

/// How far this server has come.
#[derive(Clone, Copy)]
struct Place {
    on_record: EventId,
    seen: EventId,
    since: Instant,
}

impl Outbox {
    /// Goes on to the newest event.
    async fn advance(&mut self, newest: EventId) -> Result<(), store::Error> {
        let mut place = self.place().await?;
        self.place = Some(place);
        if self.follows.is_empty() {
            place.seen = place.seen.max(newest);
            self.place = Some(place);
            return self.remember().await;
        }
        loop {
            let any = EventFilter::default();
            let events = self.deps.store.events_after(place.seen, &any, EVENTS_MAX);
            let events = events.await?;
            let Some(last) = events.last() else {
                break;
            };
            let mut jobs = Vec::new();
            for follow in &self.follows {
                jobs.extend(follow.follow(&events).await?);
            }
            place.seen = last.id;
            let behind = place.seen.number() - place.on_record.number();
            if jobs.is_empty() && behind < BEHIND_MAX {
                self.place = Some(place);
                continue;
            }
            self.deps
                .store
                .derive_jobs(place.on_record, place.seen, jobs)
                .await?;
            place = Place::at(place.seen);
            self.place = Some(place);
        }
        if place.since.elapsed() >= BEHIND_FOR {
            self.remember().await?;
        }
        Ok(())
    }

    async fn place(&mut self) -> Result<Place, store::Error> {
        match self.place {
            Some(place) => Ok(place),
            None => Ok(Place::at(self.deps.store.outbox().await?)),
        }
    }

    /// Puts the place on record.
    async fn remember(&mut self) -> Result<(), store::Error> {
        let Some(place) = self.place else {
            return Ok(());
        };
        if place.seen > place.on_record {
            let store = &self.deps.store;
            store
                .derive_jobs(place.on_record, place.seen, Vec::new())
                .await?;
        }
        self.place = Some(Place::at(place.seen));
        Ok(())
    }
}

impl Place {
    fn at(cursor: EventId) -> Self {
        Self {
            on_record: cursor,
            seen: cursor,
            since: Instant::now(),
        }
    }
}
