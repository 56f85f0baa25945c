//! Events, listed and followed.

use super::{Ctx, Error, names::Names};
use domain::{Event, EventId};
use ports::store::{Listed, Page, events::EventFilter};

/// How many events are read at once for a watcher.
const BATCH: u32 = 500;

/// An event with the names of what it concerns; empty where nothing.
#[derive(Debug, Clone)]
pub struct EventView {
    pub event: Event,
    pub app: String,
    pub environment: String,
}

/// Which events are wanted; an empty text is every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By name or id.
    pub app: String,
    /// By name or id.
    pub environment: String,
    /// `deploy.failed`, or `deploy` for all of `deploy.…`.
    pub kind: String,
    /// An id.
    pub subject: String,
}

async fn resolve(ctx: &Ctx, filter: &Filter) -> Result<EventFilter, Error> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(EventFilter {
        app: ctx.any_app(&filter.app).await?.map(|app| app.id),
        environment: ctx
            .any_environment(&filter.environment)
            .await?
            .map(|e| e.id),
        subject: some(&filter.subject),
        kind: some(&filter.kind),
    })
}

/// A page of events, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(ctx: &Ctx, filter: &Filter, page: Page) -> Result<Listed<EventView>, Error> {
    let filter = resolve(ctx, filter).await?;
    let before = page.after.map(EventId::new);
    let mut events = ctx
        .store()
        .latest_events(before, &filter, page.size + 1)
        .await?;
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let more = events.len() > size;
    events.truncate(size);
    let next = events
        .last()
        .map(|event| event.id.number())
        .filter(|_| more);
    Ok(Listed {
        items: views(ctx, events).await?,
        next,
    })
}

async fn views(ctx: &Ctx, events: Vec<Event>) -> Result<Vec<EventView>, Error> {
    let mut names = Names::new(ctx);
    let mut views = Vec::with_capacity(events.len());
    for event in events {
        views.push(EventView {
            app: match event.app {
                Some(app) => names.app(app).await?,
                None => String::new(),
            },
            environment: match event.environment {
                Some(environment) => names.environment(environment).await?,
                None => String::new(),
            },
            event,
        });
    }
    Ok(views)
}

/// A watcher's place in the stream of events. It reads at its own pace, always from the store: however far behind it
/// falls, it misses nothing that is kept.
pub struct Watch {
    ctx: Ctx,
    filter: EventFilter,
    cursor: EventId,
}

/// Begins after an event, or now.
///
/// # Errors
/// `Unknown`.
pub async fn watch(ctx: Ctx, filter: &Filter, after: Option<EventId>) -> Result<Watch, Error> {
    let filter = resolve(&ctx, filter).await?;
    let now = *ctx.deps.store.newest_event().borrow();
    Ok(Watch {
        filter,
        cursor: after.unwrap_or(now),
        ctx,
    })
}

impl Watch {
    /// The next events, at least one, in order. None: the store is closed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Option<Result<Vec<EventView>, Error>> {
        let mut newest = self.ctx.deps.store.newest_event();
        loop {
            let seen = *newest.borrow_and_update();
            let read = self
                .ctx
                .store()
                .events_after(self.cursor, &self.filter, BATCH)
                .await;
            let events = match read {
                Ok(events) => events,
                Err(error) => return Some(Err(error.into())),
            };
            if let Some(last) = events.last() {
                self.cursor = last.id;
                return Some(views(&self.ctx, events).await);
            }
            // Nothing up to there concerns this watcher: it need not be read again.
            self.cursor = self.cursor.max(seen);
            newest.changed().await.ok()?;
        }
    }
}
