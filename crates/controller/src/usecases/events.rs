//! Events, listed and followed.

use super::{Ctx, Error, names::Names};
use crate::feed::{self, BATCH, Taken};
use domain::{Event, EventId, event::expect_kind};
use ports::store::{Listed, Page, events::EventFilter};
use std::sync::Arc;
use tokio::sync::watch as level;

pub use crate::feed::EventView;

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
    let kind = some(&filter.kind);
    if let Some(kind) = &kind {
        expect_kind(kind).map_err(|unknown| Error::invalid("kind", unknown))?;
    }
    Ok(EventFilter {
        app: ctx.any_app(&filter.app).await?.map(|app| app.id),
        environment: ctx
            .any_environment(&filter.environment)
            .await?
            .map(|e| e.id),
        subject: some(&filter.subject),
        kind,
    })
}

/// A page of events, newest first.
///
/// # Errors
/// `Unknown`; `Invalid` for a kind that there is not.
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
    let (apps, environments) = (
        events.iter().filter_map(|event| event.app),
        events.iter().filter_map(|event| event.environment),
    );
    names.know(apps, environments).await?;
    let mut views = Vec::with_capacity(events.len());
    for event in events {
        views.push(feed::view(&mut names, event).await?);
    }
    Ok(views)
}

/// A watcher's place in the stream of events. It reads at its own pace, from memory, or from the database where it has
/// fallen behind that: it misses nothing that is kept, and is told nothing twice.
pub struct Watch {
    ctx: Ctx,
    filter: EventFilter,
    cursor: EventId,
    /// How far memory reaches.
    tip: level::Receiver<EventId>,
}

/// Begins after an event, or now. After none, `EventId::new(0)`: with the oldest that is kept.
///
/// # Errors
/// `Unknown`; `Invalid` for a kind that there is not; `EventAhead` and `EventsForgotten` when what follows the event cannot
/// be told whole.
pub async fn watch(ctx: Ctx, filter: &Filter, after: Option<EventId>) -> Result<Watch, Error> {
    let filter = resolve(&ctx, filter).await?;
    let now = *ctx.deps.store.newest_event().borrow();
    if let Some(after) = after {
        goes_on_after(&ctx, after, now).await?;
    }
    Ok(Watch {
        filter,
        cursor: after.unwrap_or(now),
        tip: ctx.deps.feed.tip(),
        ctx,
    })
}

/// Refuses a cursor from which a watcher would miss something, or hear nothing for ever.
async fn goes_on_after(ctx: &Ctx, after: EventId, now: EventId) -> Result<(), Error> {
    let (store, every) = (ctx.store(), EventFilter::default());
    if after > now {
        // What is written may be read before it is made known.
        let newest = store.latest_events(None, &every, 1).await?;
        let newest = newest.first().map_or(now, |event| event.id.max(now));
        if after > newest {
            return Err(Error::EventAhead { after, newest });
        }
    }
    let oldest = store.events_after(EventId::new(0), &every, 1).await?;
    match oldest.first().map(|event| event.id) {
        Some(oldest) if after.number() > 0 && after.number() + 1 < oldest.number() => {
            Err(Error::EventsForgotten { after, oldest })
        }
        Some(_) | None => Ok(()),
    }
}

impl Watch {
    /// The next events, at least one, in order. None: the store is closed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Option<Result<Vec<Arc<EventView>>, Error>> {
        loop {
            self.tip.mark_unchanged();
            let taken = match self.ctx.deps.feed.after(self.cursor, &self.filter) {
                Some(taken) => taken,
                None => match self.read().await {
                    Ok(taken) => taken,
                    Err(error) => return Some(Err(error)),
                },
            };
            // Nothing up to there concerns this watcher any more: it need not be looked at again.
            let stands = self.cursor == taken.up_to;
            self.cursor = taken.up_to;
            if !taken.events.is_empty() {
                return Some(Ok(taken.events));
            }
            if stands {
                self.tip.changed().await.ok()?;
            }
        }
    }

    /// What memory does not have any more.
    async fn read(&self) -> Result<Taken, Error> {
        let newest = *self.ctx.deps.store.newest_event().borrow();
        let store = self.ctx.store();
        let events = store.events_after(self.cursor, &self.filter, BATCH).await?;
        let up_to = feed::reached(&events, newest).max(self.cursor);
        let views = views(&self.ctx, events).await?;
        Ok(Taken {
            events: views.into_iter().map(Arc::new).collect(),
            up_to,
        })
    }
}
