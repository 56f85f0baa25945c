//! Readers: a few connections that only look, each at a snapshot of its own.

use crate::{
    conn::{self, ANSWER, Address, Conn, Manager},
    fault::Fault,
};
use diesel::r2d2::{Builder, Pool};
use ports::store::Error;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How many reads of a file run at once. They are short: more of them only queue for the disk.
const READERS: u32 = 4;
/// How many connections of one server to PostgreSQL read at once. With the writer's and the one that hears of other
/// servers, ten: ten servers fit into the hundred that PostgreSQL has by default.
const SHARED_READERS: u32 = 8;
/// How long a read waits for its turn. None takes longer than milliseconds.
const TURN: Duration = Duration::from_secs(10);
/// The same where the database may be away: callers are told of that before they give up by themselves.
const SHARED_TURN: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(crate) struct Reader {
    manager: Manager,
    /// Another one once a connection of this one has not answered: that stays in use for as long as it does not.
    pool: Arc<Mutex<Arc<Pool<Manager>>>>,
    /// How long an answer may take. None: the database is a file of this machine.
    patience: Option<Duration>,
}

impl Reader {
    pub(crate) fn open(manager: Manager) -> Result<Self, Error> {
        let pool = builder(&manager).build(manager.clone());
        let pool = pool.map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            patience: is_shared(&manager).then_some(ANSWER),
            manager,
            pool: Arc::new(Mutex::new(Arc::new(pool))),
        })
    }

    /// One transaction that only looks, on the blocking pool.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let pool = Arc::clone(&self.lock());
        let used = Arc::clone(&pool);
        let seen = tokio::task::spawn_blocking(move || {
            let mut conn = used
                .get()
                .map_err(|error| Error::Unavailable(error.to_string()))?;
            conn::read(&mut conn, look).map_err(|Fault(error)| error)
        });
        let seen = match self.patience {
            None => seen.await,
            Some(patience) => match tokio::time::timeout(patience, seen).await {
                Ok(seen) => seen,
                Err(_) => {
                    self.give_up(&pool);
                    let silent = "the database does not answer".to_owned();
                    return Err(Error::Unavailable(silent));
                }
            },
        };
        seen.unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
    }

    /// Reads over other connections from now on.
    fn give_up(&self, silent: &Arc<Pool<Manager>>) {
        let mut pool = self.lock();
        if Arc::ptr_eq(&pool, silent) {
            tracing::warn!(
                "the database does not answer: what is read next is read over new connections"
            );
            *pool = Arc::new(builder(&self.manager).build_unchecked(self.manager.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Pool<Manager>>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn is_shared(manager: &Manager) -> bool {
    matches!(manager.address, Address::Postgres(_))
}

fn builder(manager: &Manager) -> Builder<Manager> {
    let (size, turn) = match manager.address {
        Address::Sqlite(_) => (READERS, TURN),
        Address::Postgres(_) => (SHARED_READERS, SHARED_TURN),
    };
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .connection_timeout(turn)
        // A connection may have ended with the server that it was to.
        .test_on_check_out(is_shared(manager))
}
