//! The newest events, read from the database once for all who watch them.
//!
//! The reader keeps the last of what was written in memory, with the names of what it concerns; watchers take from there at
//! their own pace. **Invariant:** nobody waits for a watcher. One that is further behind than memory reaches reads the
//! database for itself, and misses nothing that is kept there.

mod ring;

use crate::usecases::names::Names;
use domain::{Event, EventId};
use ports::{Store, store::events::EventFilter};
use ring::Ring;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How many events are read at once.
pub(crate) const BATCH: u32 = 500;
/// How many names the reader remembers. Beyond that it looks them up again.
const NAMES_MAX: usize = 10_000;

/// An event with the names of what it concerns; empty where nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    pub event: Event,
    pub app: String,
    pub environment: String,
}

/// The newest events of one server. Nothing is read before somebody watches. Dropping it ends the reader.
pub struct Feed {
    store: Arc<dyn Store>,
    ring: Arc<Mutex<Ring>>,
    reader: Mutex<Option<Reader>>,
}

/// The reader, and how far it has come.
struct Reader {
    task: AbortOnDropHandle<()>,
    /// Closed when the reader has ended.
    tip: watch::Receiver<EventId>,
}

/// Events for a watcher, and up to which one it has seen all that concern it.
pub(crate) struct Taken {
    pub(crate) events: Vec<Arc<EventView>>,
    pub(crate) up_to: EventId,
}

impl Feed {
    /// The events of a database.
    #[must_use]
    pub fn of(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            ring: Arc::default(),
            reader: Mutex::default(),
        }
    }

    /// How far the reader has come, as it goes on; it begins with the first who asks.
    pub(crate) fn tip(&self) -> watch::Receiver<EventId> {
        let mut reader = lock(&self.reader);
        let running = reader
            .as_ref()
            .filter(|reader| !reader.task.is_finished())
            .map(|reader| reader.tip.clone());
        running.unwrap_or_else(|| {
            let begun = self.begin();
            let tip = begun.tip.clone();
            *reader = Some(begun);
            tip
        })
    }

    fn begin(&self) -> Reader {
        let newest = self.store.newest_event();
        let from = *newest.borrow();
        lock(&self.ring).skip_to(from);
        let (sender, tip) = watch::channel(from);
        let reading = read(
            Arc::clone(&self.store),
            Arc::clone(&self.ring),
            newest,
            sender,
        );
        Reader {
            task: AbortOnDropHandle::new(tokio::spawn(reading)),
            tip,
        }
    }

    /// Events after a cursor. None: they are not in memory (any more).
    pub(crate) fn after(&self, cursor: EventId, filter: &EventFilter) -> Option<Taken> {
        lock(&self.ring).after(cursor, filter, BATCH as usize)
    }
}

/// Reads what is written, as soon as it is, until the store is closed.
async fn read(
    store: Arc<dyn Store>,
    ring: Arc<Mutex<Ring>>,
    mut newest: watch::Receiver<EventId>,
    tip: watch::Sender<EventId>,
) {
    let mut names = Names::of(&*store);
    loop {
        let seen = *newest.borrow_and_update();
        if let Err(error) = catch_up(&*store, &ring, &mut names, seen).await {
            // As if it had run out of memory: each watcher reads for itself, and is told what is wrong.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "events cannot be read"
            );
            lock(&ring).skip_to(seen);
        }
        if names.len() > NAMES_MAX {
            names = Names::of(&*store);
        }
        tip.send_replace(lock(&ring).tip());
        if newest.changed().await.is_err() {
            return;
        }
    }
}

async fn catch_up(
    store: &dyn Store,
    ring: &Mutex<Ring>,
    names: &mut Names<'_>,
    seen: EventId,
) -> Result<(), crate::usecases::Error> {
    loop {
        let from = lock(ring).tip();
        if from >= seen {
            return Ok(());
        }
        let events = store
            .events_after(from, &EventFilter::default(), BATCH)
            .await?;
        let tip = reached(&events, seen);
        let mut views = Vec::with_capacity(events.len());
        for event in events {
            forget_changed(names, &event);
            views.push(Arc::new(view(names, event).await?));
        }
        lock(ring).push(views, tip);
    }
}

/// Up to which event nothing is left to be read, once these were: events become visible in their order, so that a batch
/// that is not full reaches to the newest that was known before it was read.
pub(crate) fn reached(read: &[Event], newest: EventId) -> EventId {
    let last = read.last().map_or(newest, |event| event.id);
    if read.len() < BATCH as usize {
        last.max(newest)
    } else {
        last
    }
}

/// What an event tells of has another name from now on, or none.
fn forget_changed(names: &mut Names<'_>, event: &Event) {
    match (event.kind.split('.').next(), event.app, event.environment) {
        (Some("app"), Some(app), _) => names.forget_app(app),
        (Some("environment"), _, Some(environment)) => names.forget_environment(environment),
        _ => {}
    }
}

/// An event with the names of what it concerns.
///
/// # Errors
/// Those of the database.
pub(crate) async fn view(
    names: &mut Names<'_>,
    event: Event,
) -> Result<EventView, crate::usecases::Error> {
    Ok(EventView {
        app: match event.app {
            Some(app) => names.app(app).await?,
            None => String::new(),
        },
        environment: match event.environment {
            Some(environment) => names.environment(environment).await?,
            None => String::new(),
        },
        event,
    })
}

/// What a panic of another holder left behind is whole: each change of it is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
