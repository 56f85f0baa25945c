//! The lease by which the singletons of this host run, as this program has it: asked for in time, and on the disk for the
//! next program, should this one be ended.

use super::{
    boot,
    server::{Refusal, Server},
    state::State,
};
use crate::state;
use domain::{
    InstallationId,
    guard::{Ends, Guard, Singletons, Wish},
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const FILE: &str = "lease.json";
/// What a lease is taken for before a server has said how long one lasts.
const LIFE: Duration = Duration::from_secs(30);
/// How often it is looked at whether there is something to do, at the least: a host that was suspended has slept longer
/// than it knows.
const LOOK: Duration = Duration::from_secs(1);

/// What is known of the lease. Clones are the same.
#[derive(Clone)]
pub(super) struct Lease(Arc<Mutex<Known>>);

pub(super) struct Known {
    pub(super) guard: Guard,
    /// Whose singletons they are. None: nobody's, for the host has not joined.
    pub(super) installation: Option<InstallationId>,
    /// Whether none was seen to run since the lease has run out.
    pub(super) cleared: bool,
    /// Why this host is a node no more.
    gone: Option<String>,
}

/// What is on the disk. Times are microseconds since the host was started.
#[derive(Serialize, Deserialize)]
struct Kept {
    boot: String,
    life: u64,
    stop_at: u64,
    kill_at: u64,
}

impl Lease {
    /// As the program before this one has left it, of this Installation.
    pub(super) fn open(directory: &Path, installation: Option<InstallationId>) -> Self {
        let now = boot::now();
        let kept = fs::read(directory.join(FILE)).ok();
        let kept: Option<Kept> = kept.and_then(|text| serde_json::from_slice(&text).ok());
        let guard = match kept {
            Some(kept) if kept.boot == boot::id() && !kept.boot.is_empty() => {
                let [life, stop_at, kill_at] =
                    [kept.life, kept.stop_at, kept.kill_at].map(Duration::from_micros);
                Guard::resumed(now, life, Ends { stop_at, kill_at })
            }
            Some(_) | None => Guard::starting(now, LIFE),
        };
        Self(Arc::new(Mutex::new(Known {
            guard,
            installation,
            cleared: false,
            gone: None,
        })))
    }

    /// This host is a node no more.
    pub(super) fn remove(&self) {
        self.known().guard.removed(boot::now());
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What asks for the lease.
pub(super) struct Asking {
    lease: Lease,
    state: Arc<Mutex<State>>,
    server: Server,
    directory: PathBuf,
    /// What is being written.
    writing: Option<JoinHandle<()>>,
}

impl Asking {
    pub(super) fn new(
        lease: Lease,
        state: Arc<Mutex<State>>,
        server: Server,
        directory: PathBuf,
    ) -> Self {
        Self {
            lease,
            state,
            server,
            directory,
            writing: None,
        }
    }

    /// Asks whenever it is time, until it is told to stop, or this host is a node no more and nothing runs.
    ///
    /// # Errors
    /// Why it is a node no more.
    pub(super) async fn keep(mut self, stop: &CancellationToken) -> Result<Self, String> {
        loop {
            let now = boot::now();
            let (is_due, wait) = {
                let known = self.lease.known();
                if let (Some(gone), true) = (&known.gone, known.is_clear()) {
                    return Err(gone.clone());
                }
                let next = known.guard.next(now).saturating_sub(now);
                (known.may_ask(now), next.min(LOOK))
            };
            if is_due {
                // An answer that is not heard is as none: it is asked for again.
                tokio::select! {
                    () = stop.cancelled() => return Ok(self),
                    () = self.ask(now) => continue,
                }
            }
            // Sleeping is given up at any point.
            tokio::select! {
                () = stop.cancelled() => return Ok(self),
                () = tokio::time::sleep(wait.max(Duration::from_millis(50))) => {}
            }
        }
    }

    async fn ask(&mut self, now: Duration) {
        let (wish, patience) = {
            let known = self.lease.known();
            (known.guard.wish(), known.guard.patience())
        };
        let answer = tokio::time::timeout(patience, self.say(wish)).await;
        let late = || Refusal::passing("no server has answered in time");
        let answer = answer.unwrap_or_else(|_| Err(late()));
        let mut known = self.lease.known();
        match answer {
            Ok((life, installation)) => {
                if self.writing.is_none() || wish == Wish::Begin {
                    tracing::info!(life_s = life.as_secs(), "has a lease for singletons");
                }
                known.guard.granted(now, life);
                known.installation = Some(installation);
                known.cleared = false;
                drop(known);
                self.write(life);
            }
            Err(Refusal::Over(why)) => {
                tracing::warn!(why, "has no lease for singletons; they are ended");
                known.guard.ran_out(boot::now());
                // What was seen before may not be so any more.
                known.cleared = false;
            }
            Err(Refusal::Gone(why)) => {
                known.guard.removed(boot::now());
                known.guard.missed(now);
                known.gone = Some(why);
            }
            Err(Refusal::Final(why) | Refusal::Passing(why)) => {
                tracing::debug!(why, "the lease for singletons is not prolonged yet");
                known.guard.missed(now);
                drop(known);
                // What was cut off may be stuck in a connection that nobody answers any more.
                self.server = self.server.again();
            }
        }
    }

    async fn say(&self, wish: Wish) -> Result<(Duration, InstallationId), Refusal> {
        let request = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.hold(wish).map_err(Refusal::passing)?
        };
        self.server.hold(request).await
    }

    /// Puts it on the disk. One that hangs keeps nothing up: an older word only ends the lease sooner.
    fn write(&mut self, life: Duration) {
        if self.writing.as_ref().is_some_and(|one| !one.is_finished()) {
            return;
        }
        let Ends { stop_at, kill_at } = self.lease.known().guard.ends();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let kept = Kept {
            boot: boot::id(),
            life: micros(life),
            stop_at: micros(stop_at),
            kill_at: micros(kill_at),
        };
        let directory = self.directory.clone();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let text = serde_json::to_string(&kept).unwrap_or_default();
            if let Err(error) = state::write_private(&directory, FILE, &text) {
                tracing::warn!(%error, "the next program will not know of its lease");
            }
        }));
    }

    /// Gives the lease back, within this time: from here on nobody stops the singletons of this host, and nobody is to rely
    /// upon that. Answers whether that was heard. One that may have run out is not given back: others rely upon its end.
    pub(super) async fn give_back(&mut self, within: Duration) -> GivenBack {
        let patience = {
            let known = self.lease.known();
            if known.installation.is_none() {
                return GivenBack::Yes;
            }
            match known.guard.singletons(boot::now()) {
                Singletons::Run => known.guard.patience().min(within),
                Singletons::Stop(_) | Singletons::Kill => return GivenBack::No,
            }
        };
        let told = tokio::time::timeout(patience, self.say(Wish::End)).await;
        if !matches!(told, Ok(Ok(_))) {
            return GivenBack::No;
        }
        if let Some(writing) = self.writing.take() {
            writing.await.ok();
        }
        // Where it stays the next program ends what it finds too early, and no later.
        fs::remove_file(self.directory.join(FILE)).ok();
        GivenBack::Yes
    }
}

/// Whether the servers know that there is no lease any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenBack {
    Yes,
    No,
}

impl Known {
    /// A new one is asked for once nothing runs.
    fn may_ask(&self, now: Duration) -> bool {
        let wish = self.guard.wish();
        self.gone.is_none() && self.guard.is_due(now) && (wish != Wish::Begin || self.cleared)
    }

    /// Whether nothing runs that a lease would be needed for.
    pub(super) fn is_clear(&self) -> bool {
        self.cleared || self.installation.is_none()
    }
}
