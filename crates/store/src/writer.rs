//! The one writer: a thread that runs what waits in one transaction, a savepoint each, and answers after the commit.
//!
//! A commit costs one `fdatasync` however much is in it, so those who wait for one share the next. A caller's failure
//! takes its own savepoint back and nothing else, and so does what PostgreSQL says of one statement; another failure of
//! the database takes the batch back.
//!
//! Where servers share a database, each has such a thread, and their transactions take turns (`conn::begin_write`).

use crate::{
    conn::{ANSWER, Address, Conn, Manager, Transactions, begin_write},
    fault::{Fault, classify, is_of_the_database, repeated},
    keys::Keyring,
    news::{Bulletin, News},
    open::migrations,
    tables::meta,
    thread::Thread,
    tx::Tx,
    warrant::Warrant,
};
use diesel::{connection::TransactionManager, r2d2::R2D2Connection as _};
use ports::store::Error;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait. Beyond that, callers wait to be let in: 16 times the largest batch.
const QUEUE_MAX: usize = 1024;
/// How many writes share a commit at the most: enough that the commit is a small part of the cost of each.
const BATCH_MAX: usize = 64;

/// What a caller is told whose answer does not come. What it wrote may be kept all the same.
const SILENT: &str = "the database does not answer";

/// What becomes of what a caller wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Kept,
    /// It is answered as if it were kept.
    TakenBack,
}

/// How long the thread may take to end where the database may not answer: what waits is written within that, or was given
/// up by whoever waits for it.
const LAST: Duration = Duration::from_secs(15);

type Queue = mpsc::Sender<Box<dyn Job>>;

/// The queue of the writing thread. Dropped: what is in the queue is written, then the thread ends.
pub(crate) struct Writer {
    desk: Supplies,
    live: Mutex<Option<Live>>,
    /// How long an answer may take. None: the database is a file of this machine.
    patience: Option<Duration>,
}

/// A thread with its queue. Another one once a write was not answered: it may not come back from that.
struct Live {
    queue: Queue,
    thread: Thread,
}

impl Live {
    fn start(desk: Desk) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let thread = Thread::start("store-writer", move || desk.serve(waiting))?;
        Ok(Self { queue, thread })
    }
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(conn: Conn, desk: Supplies) -> std::io::Result<Self> {
        let patience = match desk.manager.address {
            Address::Sqlite(_) => None,
            Address::Postgres(_) => Some(ANSWER),
        };
        let live = Live::start(Desk {
            conn: Some(conn),
            with: desk.clone(),
        })?;
        Ok(Self {
            desk,
            live: Mutex::new(Some(live)),
            patience,
        })
    }

    /// Runs `act` in a transaction, and answers once that is committed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        effect: Effect,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            act: Some(act),
            effect,
            outcome: None,
            reply,
        };
        let closed = || Error::Unavailable("the store is being closed".to_owned());
        let queue = self.lock().as_ref().map(|live| live.queue.clone());
        let queue = queue.ok_or_else(closed)?;
        let asked = async {
            queue.send(Box::new(call)).await.map_err(|_| closed())?;
            answer.await.unwrap_or_else(|_| {
                Err(Error::Unavailable(
                    "the write panicked and was taken back".to_owned(),
                ))
            })
        };
        match self.patience {
            None => asked.await,
            Some(patience) => match tokio::time::timeout(patience, asked).await {
                Ok(answered) => answered,
                Err(_) => {
                    self.give_up(&queue);
                    Err(Error::Unavailable(SILENT.to_owned()))
                }
            },
        }
    }

    /// Writes by another thread over another connection from now on. What is in the queue of this one is written if it
    /// goes on while somebody waits for it.
    fn give_up(&self, silent: &Queue) {
        let mut live = self.lock();
        if live
            .as_ref()
            .is_none_or(|live| !live.queue.same_channel(silent))
        {
            return;
        }
        let desk = Desk {
            conn: None,
            with: self.desk.clone(),
        };
        match Live::start(desk) {
            Ok(next) => {
                tracing::warn!(
                    "the database does not answer: what is written next is written over a new connection"
                );
                *live = Some(next);
            }
            Err(error) => tracing::error!(%error, "there is no other thread to write by"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let live = self.lock().take();
        if let Some(Live { queue, thread }) = live {
            drop(queue);
            thread.end(self.patience.map(|_| LAST));
        }
    }
}

/// One caller's write.
trait Job: Send {
    /// Does it. An error is the caller's own: the others go on.
    fn act(&mut self, tx: &mut Tx<'_>) -> Result<(), Refused>;
    /// Tells the caller how it went, given how the commit went.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// What one caller did is taken back.
enum Refused {
    /// By its own doing, or because it asked for that.
    Alone,
    /// With the whole transaction.
    WithAll(Error),
}

struct Call<F, T> {
    act: Option<F>,
    effect: Effect,
    outcome: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Job for Call<F, T>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send,
    T: Send,
{
    fn act(&mut self, tx: &mut Tx<'_>) -> Result<(), Refused> {
        let Some(act) = self.act.take() else {
            return Ok(());
        };
        // Also where nobody waits for it any more: what was asked for is done, whoever hung up.
        // The savepoint takes back whatever a panic leaves half done.
        match catch_unwind(AssertUnwindSafe(|| act(tx))) {
            Ok(Ok(value)) => {
                self.outcome = Some(Ok(value));
                match self.effect {
                    Effect::Kept => Ok(()),
                    Effect::TakenBack => Err(Refused::Alone),
                }
            }
            Ok(Err(Fault(error))) => {
                let refused = if is_of_the_database(&error) {
                    Refused::WithAll(repeated(&error))
                } else {
                    Refused::Alone
                };
                self.outcome = Some(Err(error));
                Err(refused)
            }
            Err(_) => Err(Refused::Alone),
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match (self.outcome, committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            // It panicked: the dropped sender says so.
            (None, Ok(())) => return,
        };
        // A caller that went away does not want to know.
        drop(self.reply.send(answer));
    }
}

/// What each thread works with.
#[derive(Clone)]
pub(crate) struct Supplies {
    pub(crate) manager: Manager,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) bulletin: Arc<Bulletin>,
    pub(crate) warrant: Arc<Warrant>,
}

struct Desk {
    /// None: it broke, and is opened again for the next batch.
    conn: Option<Conn>,
    with: Supplies,
}

impl Desk {
    fn serve(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(job) = waiting.try_recv()
            {
                batch.push(job);
            }
            let committed = self.commit(&mut batch);
            for job in batch {
                job.answer(committed.as_ref().map_err(repeated).copied());
            }
        }
    }

    /// One transaction for all of them.
    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
        self.with.warrant.may_write()?;
        let mut conn = self.begin()?;
        if matches!(conn, Conn::Postgres(_)) {
            self.expect_known(&mut conn)?;
        }
        let news = transact(&mut conn, batch, &self.with.keys);
        // A connection to another machine, over which something went wrong, is not trusted with the next.
        let is_whole = news.is_ok()
            || (matches!(conn, Conn::Sqlite(_))
                && Transactions::rollback_transaction(&mut conn).is_ok());
        if is_whole {
            self.conn = Some(conn);
        }
        // Before any answer: who reads the event of its own write finds the watch past it.
        self.with.bulletin.publish(&news?);
        Ok(())
    }

    /// Refuses to write into tables that a newer version has changed. They do not change while the transaction lasts:
    /// who changes them keeps writers away.
    fn expect_known(&self, conn: &mut Conn) -> Result<(), Error> {
        let least = meta::least_migration(conn).map_err(|error| classify(&error))?;
        if !migrations::knows(&least) {
            self.with.warrant.withdraw(&least);
        }
        self.with.warrant.may_write()
    }

    /// A connection with a transaction begun. One that broke while nothing was written over it is made anew.
    fn begin(&mut self) -> Result<Conn, Error> {
        if let Some(mut conn) = self.conn.take() {
            match begin_write(&mut conn) {
                Ok(()) => return Ok(conn),
                Err(_) if matches!(conn, Conn::Postgres(_)) && conn.is_broken() => {}
                Err(error) => {
                    if matches!(conn, Conn::Sqlite(_)) {
                        self.conn = Some(conn);
                    }
                    return Err(classify(&error));
                }
            }
        }
        let opened = self.with.manager.open();
        let mut conn = opened.map_err(|error| Error::Unavailable(error.to_string()))?;
        begin_write(&mut conn).map_err(|error| classify(&error))?;
        Ok(conn)
    }
}

fn transact(conn: &mut Conn, batch: &mut [Box<dyn Job>], keys: &Keyring) -> Result<News, Error> {
    let failed = |error: diesel::result::Error| classify(&error);
    let mut news = News::default();
    for job in batch {
        Transactions::begin_transaction(conn).map_err(failed)?;
        let mut tx = Tx::new(conn, keys);
        match job.act(&mut tx) {
            Ok(()) => {
                news.extend(tx.into_news());
                Transactions::commit_transaction(conn).map_err(failed)?;
            }
            Err(Refused::Alone) => {
                Transactions::rollback_transaction(conn).map_err(failed)?;
            }
            Err(Refused::WithAll(error)) => {
                let taken_back = Transactions::rollback_transaction(conn);
                // PostgreSQL ends one statement that takes too long, or waits for one that waits for it: where its
                // savepoint is still there, the others' are as well. SQLite may have ended the whole transaction by
                // itself, and what it says of a disk or a lock is of the next write as well.
                if taken_back.is_err() || matches!(conn, Conn::Sqlite(_)) {
                    return Err(error);
                }
            }
        }
    }
    Transactions::commit_transaction(conn).map_err(failed)?;
    Ok(news)
}

#[cfg(test)]
mod tests;
