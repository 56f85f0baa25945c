//! Who may have left since they were confirmed, as any of the servers on the database was told.
//!
//! **Invariant:** what GitHub was asked before a departure that is known here counts no more for whom that is about,
//! whenever its answer came and whoever remembers it.

use super::{Authenticator, Caller, Who};
use crate::status::Refusal;
use domain::{Event, EventId, Person, Timestamp, access::Standing, webhook::Departure};
use ports::store::events::EventFilter;
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How many are read at once.
const PAGE: u32 = 100;
/// For how much longer a departure is known than what was confirmed before it could count: the clocks of servers differ.
const LEEWAY: Duration = Duration::from_secs(60);
/// How soon the database is asked again when it did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The departures of the last minutes.
pub(super) struct Departures {
    known: Mutex<Known>,
    /// Whoever reads them reads for all.
    turn: Semaphore,
    /// For how long each matters.
    lasts: Duration,
}

#[derive(Default)]
struct Known {
    /// All that events up to this one tell is known. None: nothing was read yet.
    read: Option<EventId>,
    told: BTreeMap<EventId, (Timestamp, Departure)>,
}

impl Departures {
    /// None yet. What was confirmed counts for so long.
    pub(super) fn new(counts: Duration) -> Self {
        Self {
            known: Mutex::default(),
            turn: Semaphore::new(1),
            lasts: counts + LEEWAY,
        }
    }

    /// Up to where departures are known: to be noted before GitHub is asked.
    pub(super) fn as_of(&self) -> EventId {
        self.known().read.unwrap_or(EventId::new(0))
    }

    /// Whether one of them, told since then, is about this person.
    pub(super) fn concern(&self, person: &Person, standing: &Standing, as_of: EventId) -> bool {
        let known = self.known();
        let since = (Bound::Excluded(as_of), Bound::Unbounded);
        let mut later = known.told.range(since);
        later.any(|(_, (_, departure))| departure.concerns(person, standing))
    }

    /// Whether they were known up to here.
    fn know(&self, newest: EventId) -> bool {
        self.known().read.is_some_and(|read| read >= newest)
    }

    fn learn(&self, events: Vec<Event>, newest: EventId, now: Timestamp) {
        let mut known = self.known();
        for event in events {
            if let Some(departure) = Departure::of_facts(&event.facts) {
                known.told.insert(event.id, (event.at, departure));
            }
        }
        known.read = known.read.max(Some(newest));
        known.told.retain(|_, (at, _)| now.since(*at) < self.lasts);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here can be left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authenticator {
    /// Reads what events since the last look tell of people. Without new events it costs nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn hear(&self, departures: &Departures) -> Result<(), Refusal> {
        let newest = *self.store.newest_event().borrow();
        if departures.know(newest) {
            return Ok(());
        }
        // The semaphore is never closed.
        let _turn = departures
            .turn
            .acquire()
            .await
            .map_err(|_| Refusal::Broken)?;
        if departures.know(newest) {
            return Ok(());
        }
        let now = self.clock.now();
        let read = departures.known().read;
        let events = match read {
            Some(read) => self.told_since(read).await?,
            None => self.told_lately(now - departures.lasts).await?,
        };
        departures.learn(events, newest, now);
        Ok(())
    }

    async fn told_since(&self, read: EventId) -> Result<Vec<Event>, Refusal> {
        let mut all: Vec<Event> = Vec::new();
        loop {
            let cursor = all.last().map_or(read, |event| event.id);
            let page = self.store.events_after(cursor, &of_people(), PAGE).await?;
            let is_last = page.len() < size(PAGE);
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn told_lately(&self, since: Timestamp) -> Result<Vec<Event>, Refusal> {
        let mut all: Vec<Event> = Vec::new();
        loop {
            let before = all.last().map(|event| event.id);
            let page = self.store.latest_events(before, &of_people(), PAGE).await?;
            let is_last = page.len() < size(PAGE) || page.iter().any(|event| event.at < since);
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Waits until what GitHub said of a caller counts no more, because they may have left. Never, of a token of ours.
    pub(crate) async fn departs(&self, caller: &Caller) {
        let (Some(people), Some((person, standing, as_of))) = (&self.people, caller.word()) else {
            return std::future::pending().await;
        };
        let mut newest = self.store.newest_event();
        loop {
            // Before the look, so that what comes during it wakes again.
            newest.borrow_and_update();
            if let Err(refusal) = self.hear(people.departures()).await {
                tracing::debug!(%refusal, "who may have left is not known");
                tokio::time::sleep(ASK_AGAIN).await;
                continue;
            }
            if people.departures().concern(person, standing, as_of) {
                return;
            }
            if newest.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl Caller {
    /// Of whom GitHub said what, and up to which event departures were known then. None: it was not asked.
    fn word(&self) -> Option<(&Person, &Standing, EventId)> {
        match &self.who {
            Who::Token(_) => None,
            Who::Person(them) => Some((&them.person, &them.standing, them.as_of)),
            Who::Session(them) => Some((&them.person, &them.standing, them.as_of)),
        }
    }
}

fn of_people() -> EventFilter {
    EventFilter {
        kind: Some(Departure::KIND.to_owned()),
        ..EventFilter::default()
    }
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
