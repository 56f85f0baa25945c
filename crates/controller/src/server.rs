//! One server: it keeps the Environments whose leases it holds, runs Builds, and cleans up.

mod environments;
mod seat;

use crate::{
    builds,
    deps::Deps,
    housekeeping,
    jobs::{self, Workforce},
    runs, sealer,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Between the panic of a loop, which is a defect, and its next beginning.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// A server that is running. Dropping it ends everything at once, as a crash would; what was under way is on record.
pub struct Server {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Server {
    /// Starts the loops of a server that does nothing by jobs.
    #[must_use]
    pub fn start(deps: Deps) -> Self {
        Self::start_with(deps, Workforce::default())
    }

    /// Starts the loops.
    #[must_use]
    pub fn start_with(deps: Deps, workforce: Workforce) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let both = || (deps.clone(), stop.clone());
        tasks.spawn(unbroken("environments", both(), environments::keep));
        tasks.spawn(unbroken("builds", both(), builds::run));
        tasks.spawn(unbroken("housekeeping", both(), housekeeping::run));
        tasks.spawn(unbroken("sealer", both(), sealer::run));
        let by_jobs = || ((deps.clone(), workforce.clone()), stop.clone());
        tasks.spawn(unbroken("outbox", by_jobs(), jobs::follow));
        tasks.spawn(unbroken("jobs", by_jobs(), jobs::run));
        tasks.spawn(unbroken("runs", both(), runs::run));
        Self { stop, tasks }
    }

    /// Finishes the steps under way, gives every lease back, and ends.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Runs a loop until it ends by itself, and begins it anew when it panics. What it has at hand is read again from the
/// database; a lease that it leaves behind runs out.
async fn unbroken<D: Clone, F: Future<Output = ()>>(
    what: &'static str,
    (deps, stop): (D, CancellationToken),
    run: impl Fn(D, CancellationToken) -> F,
) {
    loop {
        // The call itself may panic as well.
        let running = async { run(deps.clone(), stop.clone()).await };
        if AssertUnwindSafe(running).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!(what, "a loop of the server broke off; it begins anew");
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AFTER_PANIC) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    };

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_begins_anew_until_the_server_stops() {
        let (begun, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let run = |begun: Arc<AtomicU32>, stop: CancellationToken| async move {
            assert!(begun.fetch_add(1, SeqCst) >= 2, "a defect");
            stop.cancelled().await;
        };
        let running = unbroken("test", (Arc::clone(&begun), stop.clone()), run);
        let stopping = async {
            tokio::time::sleep(AFTER_PANIC * 3).await;
            stop.cancel();
        };
        tokio::join!(running, stopping);
        assert_eq!(begun.load(SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_begins_nothing_anew() {
        let (begun, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        stop.cancel();
        let run = |begun: Arc<AtomicU32>, _| async move {
            begun.fetch_add(1, SeqCst);
            panic!("a defect");
        };
        unbroken("test", (Arc::clone(&begun), stop), run).await;
        assert_eq!(begun.load(SeqCst), 1);
    }
}
