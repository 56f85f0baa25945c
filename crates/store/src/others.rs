//! Hears of what other servers write into a database that is shared.
//!
//! It asks, four times a second: what the database would send by itself is lost with a connection, does not pass every
//! proxy, and would have to be asked after all the same. Events become visible in the order of their numbers
//! (`conn::begin_write`), so that whoever knows the newest has missed none before it.

use crate::{
    conn::{self, ANSWER, Conn, Manager},
    fault::{Fault, classify, repeated},
    news::{Bulletin, News},
    open::migrations,
    schema::events,
    tables::meta,
    thread::Thread,
    warrant::Warrant,
};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{AuditId, EnvironmentId, EventId, JobId};
use ports::store::Error;
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

/// Between two questions. A second is what another server's news may take.
const EVERY: Duration = Duration::from_millis(250);
/// Between two questions while the database is away.
const WHILE_AWAY: Duration = Duration::from_secs(1);
/// How many events are looked at one by one. Of more than these everybody is told.
const ONE_BY_ONE: i64 = 500;

/// How long the thread may take to end: a question under way is answered in less, or not at all.
const LAST: Duration = Duration::from_secs(5);

/// The thread that asks. Dropped: it ends.
pub(crate) struct Others {
    stop: Option<SyncSender<()>>,
    thread: Option<Thread>,
}

/// What the thread works with.
struct Listener {
    manager: Manager,
    asker: Option<Asker>,
    bulletin: Arc<Bulletin>,
    warrant: Arc<Warrant>,
    /// The newest event that was told of.
    told: EventId,
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = BigInt)]
    event: i64,
    #[diesel(sql_type = BigInt)]
    job: i64,
    #[diesel(sql_type = BigInt)]
    unsealed: i64,
    #[diesel(sql_type = Text)]
    least: String,
}

impl Others {
    /// Starts to ask over this connection, from this event on.
    pub(crate) fn start(
        conn: Conn,
        manager: Manager,
        bulletin: Arc<Bulletin>,
        warrant: Arc<Warrant>,
        told: EventId,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let asker = Asker::start(move || Ok(conn))?;
        let listener = Listener {
            manager,
            asker: Some(asker),
            bulletin,
            warrant,
            told,
        };
        let thread = Thread::start("store-others", move || listener.run(&stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.end(Some(LAST));
        }
    }
}

impl Listener {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut is_away = false;
        loop {
            let wait = match self.ask() {
                Ok(()) => EVERY,
                Err(Fault(error)) => {
                    if !is_away {
                        tracing::warn!(%error, "the database does not say what other servers write");
                    }
                    WHILE_AWAY
                }
            };
            is_away = wait == WHILE_AWAY;
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn ask(&mut self) -> Result<(), Fault> {
        let asker = match self.asker.take() {
            Some(asker) => asker,
            None => {
                let manager = self.manager.clone();
                let started = Asker::start(move || open(&manager));
                started.map_err(|error| Error::Unavailable(error.to_string()))?
            }
        };
        // Where it fails, the thread and its connection are left to themselves: it ends by itself, if it does.
        let (newest, mut news) = asker.ask(self.told)?;
        self.asker = Some(asker);
        if newest.unsealed > 0 {
            news.audited(AuditId::new(newest.unsealed));
        }
        if newest.job > 0 {
            news.add_job(JobId::new(newest.job));
        }
        self.told = self.told.max(EventId::new(newest.event));
        if !migrations::knows(&newest.least) {
            self.warrant.withdraw(&newest.least);
        }
        self.bulletin.publish(&news);
        Ok(())
    }
}

/// A thread with the connection, which may never come back from a question.
struct Asker {
    questions: SyncSender<EventId>,
    answers: Receiver<Result<(Newest, News), Fault>>,
}

impl Asker {
    fn start(open: impl FnOnce() -> Result<Conn, Error> + Send + 'static) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel::<EventId>(1);
        let (heard, answers) = sync_channel(1);
        let ask = move || {
            let mut conn = open();
            for told in asked {
                let answer = match &mut conn {
                    Ok(conn) => conn::read(conn, |conn| hear(conn, told)),
                    Err(error) => Err(repeated(error).into()),
                };
                if heard.send(answer).is_err() {
                    return;
                }
            }
        };
        Thread::start("store-asker", ask)?;
        Ok(Self { questions, answers })
    }

    fn ask(&self, told: EventId) -> Result<(Newest, News), Fault> {
        let silent = || Error::Unavailable("the database does not answer".to_owned());
        self.questions.send(told).map_err(|_| silent())?;
        self.answers
            .recv_timeout(ANSWER)
            .unwrap_or_else(|_| Err(silent().into()))
    }
}

/// Such a connection also says that the database is open here.
fn open(manager: &Manager) -> Result<Conn, Error> {
    let opened = manager.open();
    let mut conn = opened.map_err(|error| Error::Unavailable(error.to_string()))?;
    conn::hold_open(&mut conn).map_err(|error| classify(&error))?;
    Ok(conn)
}

fn hear(conn: &mut Conn, told: EventId) -> Result<(Newest, News), Fault> {
    let newest: Newest = sql_query(
        "SELECT (SELECT coalesce(max(id), 0) FROM events) AS event, (SELECT coalesce(max(id), 0) FROM jobs) AS job, \
         (SELECT coalesce(max(id), 0) FROM audit WHERE number IS NULL) AS unsealed, \
         coalesce((SELECT value FROM meta WHERE key = $1), '') AS least",
    )
    .bind::<Text, _>(meta::LEAST_MIGRATION)
    .get_result(conn)?;
    let mut news = News::default();
    let behind = newest.event - told.number();
    if behind > ONE_BY_ONE {
        news.add_all_up_to(EventId::new(newest.event));
    } else if behind > 0 {
        let rows: Vec<(i64, Option<i64>)> = events::table
            .filter(events::id.gt(told.number()))
            .order(events::id)
            .select((events::id, events::environment))
            .load(conn)?;
        for (id, environment) in rows {
            news.add(EventId::new(id), environment.map(EnvironmentId::new));
        }
    }
    Ok((newest, news))
}
