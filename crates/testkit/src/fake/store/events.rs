//! The stream of events.

use super::{Store, state::State};
use async_trait::async_trait;
use domain::{Event, EventId};
use ports::store::{Error, Events, events::EventFilter};
use std::ops::Bound;
use tokio::sync::watch;

fn passes(filter: &EventFilter, event: &Event) -> bool {
    let of_kind = |kind: &String| {
        let rest = event.kind.strip_prefix(kind.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    filter.app.is_none_or(|app| event.app == Some(app))
        && filter
            .environment
            .is_none_or(|env| event.environment == Some(env))
        && filter
            .subject
            .as_ref()
            .is_none_or(|subject| event.subject == *subject)
        && filter.kind.as_ref().is_none_or(of_kind)
}

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
        Ok(self.read(|state| {
            let later = state
                .events
                .range((Bound::Excluded(cursor), Bound::Unbounded));
            let chosen = later
                .map(|(_, event)| event)
                .filter(|event| passes(filter, event));
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
                .filter(|event| passes(filter, event));
            chosen.take(size(limit)).cloned().collect()
        }))
    }

    fn newest_event(&self) -> watch::Receiver<EventId> {
        self.newest.subscribe(self.read(State::newest_event))
    }
}
