//! The stream of events.

use super::{Store, lock, state::State};
use async_trait::async_trait;
use domain::{EnvironmentId, Event, EventId};
use ports::store::{Error, Events, events::EventFilter};
use std::{ops::Bound, sync::atomic::Ordering};
use tokio::sync::watch;

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[async_trait]
impl Events for Store {
    async fn events_after(
        &self,
        cursor: EventId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        self.reads_of_events.fetch_add(1, Ordering::Relaxed);
        Ok(self.read(|state| {
            let later = state
                .events
                .range((Bound::Excluded(cursor), Bound::Unbounded));
            let chosen = later
                .map(|(_, event)| event)
                .filter(|event| filter.passes(event));
            chosen.take(size(limit)).cloned().collect()
        }))
    }

    async fn latest_events(
        &self,
        before: Option<EventId>,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        Ok(self.read(|state| {
            let end = before.map_or(Bound::Unbounded, Bound::Excluded);
            let earlier = state.events.range((Bound::Unbounded, end)).rev();
            let chosen = earlier
                .map(|(_, event)| event)
                .filter(|event| filter.passes(event));
            chosen.take(size(limit)).cloned().collect()
        }))
    }

    fn newest_event(&self) -> watch::Receiver<EventId> {
        self.newest.subscribe(self.read(State::newest_event))
    }

    fn newest_event_of(&self, environment: EnvironmentId) -> watch::Receiver<EventId> {
        // Nothing is written between the look and the beginning of the watch.
        let state = lock(&self.state);
        let mut within = lock(&self.newest_within);
        let newest = state.newest_event_of(environment);
        within.entry(environment).or_default().subscribe(newest)
    }
}
