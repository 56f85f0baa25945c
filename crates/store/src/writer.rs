//! The one writer: a thread that runs what waits in one transaction, a savepoint each, and answers after the commit.
//!
//! A commit costs one `fdatasync` however much is in it, so those who wait for one share the next. A caller's failure
//! takes its own savepoint back and nothing else; a failure of the database takes the batch back.

use crate::{
    conn::{Conn, Manager, Transactions, begin_write},
    fault::{Fault, classify, is_of_the_database, repeated},
    keys::Keyring,
    news::{Bulletin, News},
    tx::Tx,
};
use diesel::connection::TransactionManager;
use ports::store::Error;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait. Beyond that, callers wait to be let in: 16 times the largest batch.
const QUEUE_MAX: usize = 1024;
/// How many writes share a commit at the most: enough that the commit is a small part of the cost of each.
const BATCH_MAX: usize = 64;

/// What becomes of what a caller wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Kept,
    /// It is answered as if it were kept.
    TakenBack,
}

/// The queue of the writing thread. Dropped: what is in the queue is written, then the thread ends.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        conn: Conn,
        manager: Manager,
        keys: Arc<Keyring>,
        bulletin: Arc<Bulletin>,
    ) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let desk = Desk {
            conn: Some(conn),
            manager,
            keys,
            bulletin,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.serve(waiting))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
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
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Box::new(call)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| {
            Err(Error::Unavailable(
                "the write panicked and was taken back".to_owned(),
            ))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
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

/// What the thread works with.
struct Desk {
    /// None: it broke, and is opened again for the next batch.
    conn: Option<Conn>,
    manager: Manager,
    keys: Arc<Keyring>,
    bulletin: Arc<Bulletin>,
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
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self
                .manager
                .open()
                .map_err(|error| Error::Unavailable(error.to_string()))?,
        };
        let news = transact(&mut conn, batch, &self.keys);
        if news.is_ok() || Transactions::rollback_transaction(&mut conn).is_ok() {
            self.conn = Some(conn);
        }
        // Before any answer: who reads the event of its own write finds the watch past it.
        self.bulletin.publish(&news?);
        Ok(())
    }
}

fn transact(conn: &mut Conn, batch: &mut [Box<dyn Job>], keys: &Keyring) -> Result<News, Error> {
    let failed = |error: diesel::result::Error| classify(&error);
    begin_write(conn).map_err(failed)?;
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
                // SQLite may have ended the whole transaction by itself: then there is no savepoint to go back to.
                drop(Transactions::rollback_transaction(conn));
                return Err(error);
            }
        }
    }
    Transactions::commit_transaction(conn).map_err(failed)?;
    Ok(news)
}

#[cfg(test)]
mod tests;
