//! Threads that talk to a database, which may never answer.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

/// A thread. Dropped without `end`: it is left to itself.
pub(crate) struct Thread {
    name: &'static str,
    thread: JoinHandle<()>,
    /// Closed once it has ended. Locked by nobody but its owner: a lock makes it one that threads may share.
    ended: Mutex<Receiver<()>>,
}

impl Thread {
    pub(crate) fn start(
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (ends, ended): (SyncSender<()>, _) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _ends = ends;
                run();
            })?;
        Ok(Self {
            name,
            thread,
            ended: Mutex::new(ended),
        })
    }

    /// Waits until it has ended, for this long at the most. None: however long that takes.
    pub(crate) fn end(self, patience: Option<Duration>) {
        let name = self.name;
        let ended = self
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(patience) = patience
            && ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout)
        {
            tracing::warn!(
                name,
                "a thread is left behind: the database does not answer it"
            );
            return;
        }
        if self.thread.join().is_err() {
            tracing::error!(name, "a thread panicked");
        }
    }
}
