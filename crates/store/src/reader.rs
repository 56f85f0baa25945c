//! Readers: a few connections that only look, each at a snapshot of its own.

use crate::{
    conn::{self, Conn, Manager},
    fault::Fault,
};
use diesel::r2d2::Pool;
use ports::store::Error;
use std::time::Duration;

/// How many reads run at once. They are short and of one file: more of them only queue for the disk.
const READERS: u32 = 4;
/// How long a read waits for its turn. None takes longer than milliseconds.
const TURN: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Reader(Pool<Manager>);

impl Reader {
    pub(crate) fn open(manager: Manager) -> Result<Self, Error> {
        let pool = Pool::builder()
            .max_size(READERS)
            .min_idle(Some(1))
            .connection_timeout(TURN)
            .test_on_check_out(false)
            .build(manager);
        pool.map(Self)
            .map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// One transaction that only looks, on the blocking pool.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let pool = self.0.clone();
        let seen = tokio::task::spawn_blocking(move || {
            let mut conn = pool
                .get()
                .map_err(|error| Error::Unavailable(error.to_string()))?;
            conn::read(&mut conn, look).map_err(|Fault(error)| error)
        });
        seen.await
            .unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
    }
}
