//! The stream of events.

use super::Error;
use async_trait::async_trait;
use domain::{AppId, EnvironmentId, Event, EventId, Timestamp, event::is_of};
use std::collections::BTreeMap;
use tokio::sync::watch;

/// An event to write down. What it tells is in `domain::Event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub at: Timestamp,
    pub kind: String,
    pub actor: String,
    pub subject: String,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    pub message: String,
    pub facts: BTreeMap<String, String>,
}

/// Which events are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    pub subject: Option<String>,
    /// The kind, or the part of it before a dot: `deploy` stands for all of `deploy.…`.
    pub kind: Option<String>,
}

impl EventFilter {
    /// Whether an event is one of those that are read.
    #[must_use]
    pub fn passes(&self, event: &Event) -> bool {
        let of_kind = |kind: &String| is_of(&event.kind, kind);
        let of_subject = |subject: &String| event.subject == *subject;
        self.app.is_none_or(|app| event.app == Some(app))
            && self
                .environment
                .is_none_or(|environment| event.environment == Some(environment))
            && self.subject.as_ref().is_none_or(of_subject)
            && self.kind.as_ref().is_none_or(of_kind)
    }
}

/// Events. Their ids rise, without a gap in what is visible: whoever has read up to one misses none after it.
#[async_trait]
pub trait Events: Send + Sync {
    /// Events after a cursor, oldest first, at most `limit`.
    ///
    /// # Errors
    /// None but those of the database.
    async fn events_after(
        &self,
        cursor: EventId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error>;

    /// The newest events, newest first, before a cursor where one is given.
    ///
    /// # Errors
    /// None but those of the database.
    async fn latest_events(
        &self,
        before: Option<EventId>,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error>;

    /// The id of the newest event, as it rises. `EventId::new(0)` when there is none. Wakes loops and watchers.
    fn newest_event(&self) -> watch::Receiver<EventId>;

    /// The same of the events that concern one Environment: its own, and those that are of none. Wakes the loop of the
    /// Environment, which what happens in others is no reason for.
    fn newest_event_of(&self, environment: EnvironmentId) -> watch::Receiver<EventId>;
}
