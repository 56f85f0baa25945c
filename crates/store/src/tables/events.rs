//! The stream of events.

use super::{PAGE_MAX, fit};
use crate::{
    Store,
    conn::{Backend, Conn},
    fault::Fault,
    json,
    schema::events,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{AppId, EnvironmentId, Event, EventId, Timestamp};
use ports::store::{
    Error, Events,
    events::{EventFilter, NewEvent},
};
use std::cmp::Reverse;
use tokio::sync::watch;

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct EventRow {
    id: i64,
    at: i64,
    kind: String,
    actor: String,
    subject: String,
    app: Option<i64>,
    environment: Option<i64>,
    message: String,
    facts: String,
}

impl EventRow {
    fn event(self) -> Result<Event, Fault> {
        Ok(Event {
            id: EventId::new(self.id),
            at: Timestamp::from_micros(self.at),
            kind: self.kind,
            actor: self.actor,
            subject: self.subject,
            app: self.app.map(AppId::new),
            environment: self.environment.map(EnvironmentId::new),
            message: self.message,
            facts: json::unplain(&self.facts)?,
        })
    }
}

/// Writes one down. Ids become visible in their order: one transaction writes at a time (`conn::begin_write`).
pub(crate) fn insert(conn: &mut Conn, event: &NewEvent) -> Result<EventId, Fault> {
    let id: i64 = diesel::insert_into(events::table)
        .values((
            events::at.eq(event.at.micros()),
            events::kind.eq(&event.kind),
            events::actor.eq(&event.actor),
            events::subject.eq(&event.subject),
            events::app.eq(event.app.map(AppId::number)),
            events::environment.eq(event.environment.map(EnvironmentId::number)),
            events::message.eq(fit(&event.message)),
            events::facts.eq(json::plain(&event.facts)?),
        ))
        .returning(events::id)
        .get_result(conn)?;
    Ok(EventId::new(id))
}

/// The newest that is there.
pub(crate) fn newest(conn: &mut Conn) -> Result<EventId, Fault> {
    let newest: Option<i64> = events::table
        .select(diesel::dsl::max(events::id))
        .first(conn)?;
    Ok(EventId::new(newest.unwrap_or(0)))
}

type Chosen<'a> = diesel::dsl::IntoBoxed<'a, events::table, Backend>;

/// Those of one thing, of one App, or all, whatever their kind. What says less than another filter is written so that no
/// index is taken for it: without statistics SQLite may choose that of an Environment, which is half of all events.
fn chosen(filter: &EventFilter) -> Chosen<'_> {
    let mut query = events::table.into_boxed::<Backend>();
    let environment = filter.environment.map(EnvironmentId::number);
    match (&filter.subject, filter.app) {
        (Some(subject), app) => {
            query = query.filter(events::subject.eq(subject));
            if let Some(app) = app {
                query = query.filter((events::app + 0_i64).eq(app.number()));
            }
            if let Some(environment) = environment {
                query = query.filter((events::environment + 0_i64).eq(environment));
            }
        }
        (None, Some(app)) => {
            query = query.filter(events::app.eq(app.number()));
            if let Some(environment) = environment {
                query = query.filter(events::environment.eq(environment));
            }
        }
        (None, None) => {
            if let Some(environment) = environment {
                query = query.filter(events::environment.eq(environment));
            }
        }
    }
    if let Some(kind) = &filter.kind {
        // `/` follows `.`: all that begins with the word and a dot.
        let own = events::kind.concat("");
        let family = own.ge(format!("{kind}.")).and(own.lt(format!("{kind}/")));
        query = query.filter(own.eq(kind).or(family));
    }
    query
}

/// Which of many are wanted: so many in their order, after one or before it.
#[derive(Clone, Copy)]
enum Span {
    After(i64),
    Before(i64),
}

/// A page. Where the kind says more than anything else it is read kind by kind, of which there are a few, so that a rare
/// one is not looked for among all events, nor a frequent one sorted.
fn page(
    conn: &mut Conn,
    filter: &EventFilter,
    span: Span,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    // One more than a page may have tells that there is another.
    let limit = limit.min(PAGE_MAX + 1);
    let of_many = filter.subject.is_none() && filter.app.is_none();
    let Some(kind) = filter.kind.as_ref().filter(|_| of_many) else {
        return load(rows(conn, chosen(filter), span, limit)?);
    };
    let mut found = Vec::new();
    for kind in family(conn, kind)? {
        let mut query = events::table.into_boxed::<Backend>();
        query = query.filter(events::kind.eq(kind));
        if let Some(environment) = filter.environment {
            query = query.filter((events::environment + 0_i64).eq(environment.number()));
        }
        found.extend(rows(conn, query, span, limit)?);
    }
    match span {
        Span::After(_) => found.sort_by_key(|row| row.id),
        Span::Before(_) => found.sort_by_key(|row| Reverse(row.id)),
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    load(found)
}

/// The kinds there are that a word stands for, each found by one look into an index.
fn family(conn: &mut Conn, word: &str) -> Result<Vec<String>, Fault> {
    let (first, end) = (format!("{word}."), format!("{word}/"));
    let mut kinds = vec![word.to_owned()];
    let mut last = first;
    loop {
        let next: Option<String> = events::table
            .filter(events::kind.gt(&last).and(events::kind.lt(&end)))
            .select(diesel::dsl::min(events::kind))
            .first(conn)?;
        match next {
            Some(kind) => {
                last.clone_from(&kind);
                kinds.push(kind);
            }
            None => return Ok(kinds),
        }
    }
}

fn rows(
    conn: &mut Conn,
    query: Chosen<'_>,
    span: Span,
    limit: u32,
) -> Result<Vec<EventRow>, Fault> {
    let query = match span {
        Span::After(id) => query.filter(events::id.gt(id)).order(events::id.asc()),
        Span::Before(id) => query.filter(events::id.lt(id)).order(events::id.desc()),
    };
    let query = query.limit(limit.into());
    Ok(query.select(EventRow::as_select()).load(conn)?)
}

fn load(rows: Vec<EventRow>) -> Result<Vec<Event>, Fault> {
    rows.into_iter().map(EventRow::event).collect()
}

#[async_trait]
impl Events for Store {
    async fn events_after(
        &self,
        cursor: EventId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let filter = filter.clone();
        let span = Span::After(cursor.number());
        self.read(move |conn| page(conn, &filter, span, limit))
            .await
    }

    async fn latest_events(
        &self,
        before: Option<EventId>,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let filter = filter.clone();
        let span = Span::Before(before.map_or(i64::MAX, EventId::number));
        self.read(move |conn| page(conn, &filter, span, limit))
            .await
    }

    fn newest_event(&self) -> watch::Receiver<EventId> {
        self.bulletin.all()
    }

    fn newest_event_of(&self, environment: EnvironmentId) -> watch::Receiver<EventId> {
        self.bulletin.within(environment)
    }
}
