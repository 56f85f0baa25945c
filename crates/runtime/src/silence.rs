//! Long work on an Engine whose host may be gone: a connection of which nothing comes says nothing of that.

use crate::docker::Inner;
use ports::images::Error;
use std::{future::Future, pin::pin, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How often an Engine is asked whether it is there while it works.
const ASK: Duration = Duration::from_secs(5);

impl Inner {
    /// Does something that may take long, for as long as the Engine answers when it is asked whether it is there: every few seconds.
    /// Given up, it is dropped.
    ///
    /// # Errors
    /// Its own; `Unreachable` when the Engine has not answered that for twice the time that an ordinary call may take.
    pub(crate) async fn while_it_answers<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let patience = 2 * self.settings.patience;
        let mut work = pin!(work);
        let mut silence = pin!(self.silence(patience));
        tokio::select! {
            biased;
            done = &mut work => done,
            () = &mut silence => Err(Error::Unreachable(format!(
                "it has not answered for {} s, in the middle of this",
                patience.as_secs()
            ))),
        }
    }

    /// Ends when the Engine has not answered for so long.
    async fn silence(&self, patience: Duration) {
        let ask = ASK.min(patience / 4);
        let mut answered = Instant::now();
        while answered.elapsed() < patience {
            sleep(ask).await;
            let pinged = timeout(patience - answered.elapsed().min(patience), self.ping()).await;
            if matches!(pinged, Ok(Ok(()))) {
                answered = Instant::now();
            }
        }
    }
}
