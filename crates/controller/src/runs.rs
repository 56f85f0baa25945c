//! Runs that people have started: those that this server attends, and the loop that ends and takes away whatever nobody
//! attends any more.

mod attend;
mod fate;
mod inward;
mod keep;

pub use attend::{Asked, Prepared, Told, What, attend};
pub(crate) use keep::{run, tail};

use domain::RunId;
use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The runs that this server attends. Owns the tasks that do.
#[derive(Debug, Default)]
pub struct Runs {
    tasks: TaskTracker,
    stop: CancellationToken,
    here: Mutex<BTreeSet<RunId>>,
    /// Something was left to the loop.
    left: Notify,
}

/// A run is attended here as long as this lives.
struct Held {
    runs: Arc<Runs>,
    run: RunId,
}

impl Runs {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    fn hold(self: &Arc<Self>, run: RunId) -> Held {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        here.insert(run);
        Held {
            runs: Arc::clone(self),
            run,
        }
    }

    fn attends(&self, run: RunId) -> bool {
        let here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        here.contains(&run)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let here = self.runs.here.lock();
        here.unwrap_or_else(PoisonError::into_inner)
            .remove(&self.run);
        self.runs.left.notify_one();
    }
}

/// The lease under which a run is attended: no two servers ever are at one.
fn lease(run: RunId) -> String {
    format!("run/{run}")
}
