//! The stream of events.

use super::PAGE_MAX;
use crate::{
    Store,
    conn::{Backend, Conn},
    fault::Fault,
    json,
    schema::events,
};
use async_trait::async_trait;
use diesel::{prelude::*, sql_query};
use domain::{AppId, EnvironmentId, Event, EventId, Timestamp};
use ports::store::{
    Error, Events,
    events::{EventFilter, NewEvent},
};
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

/// Writes one down. Ids become visible in their order: SQLite has one writer, and on PostgreSQL those that write events
/// commit one after the other.
pub(crate) fn insert(conn: &mut Conn, event: &NewEvent) -> Result<EventId, Fault> {
    if let Conn::Postgres(conn) = conn {
        sql_query("SELECT pg_advisory_xact_lock(7001)").execute(conn)?;
    }
    let id: i64 = diesel::insert_into(events::table)
        .values((
            events::at.eq(event.at.micros()),
            events::kind.eq(&event.kind),
            events::actor.eq(&event.actor),
            events::subject.eq(&event.subject),
            events::app.eq(event.app.map(AppId::number)),
            events::environment.eq(event.environment.map(EnvironmentId::number)),
            events::message.eq(&event.message),
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

fn chosen(filter: &EventFilter) -> Chosen<'_> {
    let mut query = events::table.into_boxed::<Backend>();
    if let Some(app) = filter.app {
        query = query.filter(events::app.eq(app.number()));
    }
    if let Some(environment) = filter.environment {
        query = query.filter(events::environment.eq(environment.number()));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(events::subject.eq(subject));
    }
    if let Some(kind) = &filter.kind {
        // `/` follows `.`: all that begins with the word and a dot.
        let family = events::kind
            .ge(format!("{kind}."))
            .and(events::kind.lt(format!("{kind}/")));
        query = query.filter(events::kind.eq(kind).or(family));
    }
    query
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
        self.read(move |conn| {
            let query = chosen(&filter)
                .filter(events::id.gt(cursor.number()))
                .order(events::id.asc())
                .limit(limit.min(PAGE_MAX).into());
            load(query.select(EventRow::as_select()).load(conn)?)
        })
        .await
    }

    async fn latest_events(
        &self,
        before: Option<EventId>,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let before = before.map_or(i64::MAX, EventId::number);
            let query = chosen(&filter)
                .filter(events::id.lt(before))
                .order(events::id.desc())
                .limit(limit.min(PAGE_MAX).into());
            load(query.select(EventRow::as_select()).load(conn)?)
        })
        .await
    }

    fn newest_event(&self) -> watch::Receiver<EventId> {
        self.bulletin.all()
    }

    fn newest_event_of(&self, environment: EnvironmentId) -> watch::Receiver<EventId> {
        self.bulletin.within(environment)
    }
}
