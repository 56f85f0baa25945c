//! Ends the singletons of this host when its lease says so: by the Engine, and by their processes where that does not
//! answer. What bears no number of this Installation's is not touched.

use super::{boot, lease::Lease, processes::Process};
use domain::{InstallationId, NodeName, guard::Singletons};
use ports::Runtime;
use runtime::{Address, Docker};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often it is looked what runs, while all is well, and while something is to be ended.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_CLOSE: Duration = Duration::from_millis(200);
/// How long the Engine may take to say what runs, and to kill it.
const ANSWER: Duration = Duration::from_secs(2);

/// What ends singletons.
pub(super) struct Warden {
    lease: Lease,
    engine: PathBuf,
    node: NodeName,
    docker: Option<(InstallationId, Docker)>,
    /// What ran when the Engine has answered last, by the Engine's word for it.
    running: BTreeMap<String, Option<Process>>,
    /// Signalled to stop, and not to be signalled again.
    stopping: BTreeSet<String>,
    stops: JoinSet<()>,
}

impl Warden {
    pub(super) fn new(lease: Lease, engine: PathBuf, node: NodeName) -> Self {
        Self {
            lease,
            engine,
            node,
            docker: None,
            running: BTreeMap::new(),
            stopping: BTreeSet::new(),
            stops: JoinSet::new(),
        }
    }

    /// Looks after them until it is told to stop.
    pub(super) async fn keep(mut self, stop: CancellationToken) -> Self {
        loop {
            let wait = self.round().await;
            while self.stops.try_join_next().is_some() {}
            // Sleeping is given up at any point.
            tokio::select! {
                () = stop.cancelled() => return self,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Ends all there is, within this time.
    pub(super) async fn end_all(&mut self, grace: Duration) {
        let end = boot::now() + grace;
        tracing::warn!(
            "no server was told that this program ends: the singletons of this host end with it"
        );
        let known = self.look(ANSWER).await;
        self.signal(grace);
        while boot::now() < end {
            if self.look(ANSWER).await && self.running.is_empty() {
                return;
            }
            tokio::time::sleep(LOOK_CLOSE).await;
        }
        if !known || !self.running.is_empty() {
            self.kill().await;
        }
    }

    /// Does what is to be done now. Answers how soon to look again.
    async fn round(&mut self) -> Duration {
        let (before, installation) = {
            let known = self.lease.known();
            (known.guard.singletons(boot::now()), known.installation)
        };
        let Some(installation) = installation else {
            return LOOK;
        };
        self.connect(installation);
        match before {
            Singletons::Run => {
                self.stopping.clear();
                self.look(ANSWER).await;
                // It is not slept through what comes next.
                let now = boot::now();
                let next = self.lease.known().guard.next(now);
                next.saturating_sub(now).clamp(LOOK_CLOSE, LOOK)
            }
            Singletons::Stop(left) => {
                // An Engine that hangs puts off no kill.
                let known = self.look(left.min(ANSWER)).await;
                self.signal(left);
                if known {
                    self.note_clear(Singletons::Stop(left));
                }
                LOOK_CLOSE
            }
            Singletons::Kill => {
                self.kill().await;
                LOOK_CLOSE
            }
        }
    }

    fn connect(&mut self, installation: InstallationId) {
        if self
            .docker
            .as_ref()
            .is_some_and(|(of, _)| *of == installation)
        {
            return;
        }
        let settings = runtime::Settings::of(self.node.clone());
        let docker = Docker::connect(Address::Unix(self.engine.clone()), installation, settings);
        self.docker = docker.ok().map(|docker| (installation, docker));
    }

    /// Asks the Engine what runs, for so long at the most. Answers whether it has said so.
    async fn look(&mut self, within: Duration) -> bool {
        let Some((_, docker)) = &self.docker else {
            return false;
        };
        match tokio::time::timeout(within, docker.singletons()).await {
            Ok(Ok(running)) => {
                let with_process = running.into_iter().map(|one| {
                    let process = one.process.and_then(|it| Process::of(it, &one.handle));
                    (one.handle, process)
                });
                self.running = with_process.collect();
                true
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Signals what runs to stop, each once; after this time the Engine kills it by itself.
    fn signal(&mut self, grace: Duration) {
        let Some((_, docker)) = &self.docker else {
            return;
        };
        let grace = Duration::from_secs(grace.as_secs());
        for handle in self.running.keys() {
            if !self.stopping.insert(handle.clone()) {
                continue;
            }
            tracing::warn!(
                handle,
                grace_s = grace.as_secs(),
                "a singleton is stopped: the lease of this host was not prolonged in time"
            );
            let (docker, handle) = (docker.clone(), handle.clone());
            self.stops.spawn(async move {
                if let Err(error) = docker.stop(&handle, grace).await {
                    tracing::warn!(handle, %error, "the singleton is not stopped yet");
                }
            });
        }
    }

    /// Kills what is known to run, by its process, and then whatever the Engine says that runs.
    async fn kill(&mut self) {
        self.kill_processes();
        if !self.look(ANSWER).await {
            return;
        }
        self.kill_processes();
        if let Some((_, docker)) = &self.docker {
            let kills = self
                .running
                .keys()
                .map(|handle| docker.stop(handle, Duration::ZERO));
            let killed = futures_util::future::join_all(kills);
            tokio::time::timeout(ANSWER, killed).await.ok();
        }
        // Looked at again: only what was seen not to run is gone.
        if self.look(ANSWER).await {
            self.note_clear(Singletons::Kill);
        }
    }

    fn kill_processes(&self) {
        for (handle, process) in &self.running {
            let Some(process) = process.filter(|process| process.runs()) else {
                continue;
            };
            tracing::warn!(
                handle,
                "a singleton is killed: the lease of this host is over"
            );
            if let Err(error) = process.kill() {
                tracing::error!(handle, %error, "its process cannot be killed: give this program CAP_KILL");
            }
        }
    }

    /// Notes that nothing runs, where the lease is as it was when that was looked at.
    fn note_clear(&self, seen_in: Singletons) {
        let mut known = self.lease.known();
        let now = known.guard.singletons(boot::now());
        let is_over = matches!(
            (seen_in, now),
            (Singletons::Kill, Singletons::Kill) | (Singletons::Stop(_), Singletons::Stop(_))
        );
        if is_over {
            known.cleared = self.running.is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::guard::{Ends, Guard};
    use std::os::unix::net::UnixListener;

    #[tokio::test]
    async fn an_engine_that_hangs_is_not_waited_for_when_it_is_time_to_kill() {
        let directory = tempfile::tempdir().unwrap();
        let engine = directory.path().join("docker.sock");
        // It lets everybody in and says nothing.
        let _hangs = UnixListener::bind(&engine).unwrap();
        let mut rounds = Vec::new();
        // A busy machine may be late with some of them.
        while rounds.len() < 5 && rounds.iter().all(|took| *took >= ANSWER) {
            let lease = Lease::open(directory.path(), Some(InstallationId::from_bits(7)));
            let now = boot::now();
            let ends = Ends {
                stop_at: now,
                kill_at: now + ANSWER / 4,
            };
            lease.known().guard = Guard::resumed(now, ANSWER, ends);
            let mut warden = Warden::new(lease, engine.clone(), "host-1".parse().unwrap());
            warden.round().await;
            rounds.push(boot::now() - now);
        }
        assert!(rounds.iter().all(|took| *took >= ANSWER / 8), "{rounds:?}");
        assert!(rounds.iter().any(|took| *took < ANSWER), "{rounds:?}");
    }
}
