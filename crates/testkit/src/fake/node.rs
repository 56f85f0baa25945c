//! A simulated Docker host: containers with processes, host ports, images, a daemon that can fall silent or restart.
//!
//! As strict as the Docker Engine: what runs is not removed, what ended is not started, a name and a port have one
//! holder. `Node` itself is what people and fate do to it; `runtime` and `images` are what a server sees.

mod behaviour;
mod container;
mod hand;
mod images;
mod machine;
mod processes;
mod runtime;

pub use behaviour::{Behaviour, Course};
pub use hand::{Answering, DoesItsWork, Standing};
pub(in crate::fake) use images::content_id;

use super::{Clock, lock};
use domain::{ImageRef, InstallationId, NodeName};
use machine::{Daemon, Machine};
use ports::{Images, Runtime, runtime::NodeChange};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// A simulated Docker host. Clones are the same host.
#[derive(Clone)]
pub struct Node {
    name: NodeName,
    shared: Arc<Shared>,
}

struct Shared {
    machine: Mutex<Machine>,
    /// Told of whatever is done to the node.
    changes: Notify,
    registry: Registry,
    start_takes: Mutex<Duration>,
    /// How often its instances were listed.
    lists: AtomicU64,
    /// Whether a start panics.
    breaks: AtomicBool,
}

/// The images that every node can pull. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry(Arc<Kept>);

#[derive(Default)]
struct Kept {
    images: Mutex<BTreeSet<ImageRef>>,
    is_down: AtomicBool,
}

impl Registry {
    /// Keeps an image.
    pub fn put(&self, image: &ImageRef) {
        lock(&self.0.images).insert(image.clone());
    }

    /// Forgets every image, as one does whose disk was lost.
    pub fn clear(&self) {
        lock(&self.0.images).clear();
    }

    /// Whether it keeps an image.
    #[must_use]
    pub fn has(&self, image: &ImageRef) -> bool {
        lock(&self.0.images).contains(image)
    }

    /// Lets every push and pull fail.
    pub fn down(&self) {
        self.0.is_down.store(true, Ordering::Relaxed);
    }

    /// Lets pushes and pulls succeed again.
    pub fn up(&self) {
        self.0.is_down.store(false, Ordering::Relaxed);
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// `RegistryDown`.
    pub(in crate::fake) fn answers(&self) -> Result<(), ports::images::Error> {
        match self.0.is_down.load(Ordering::Relaxed) {
            true => Err(ports::images::Error::RegistryDown(
                "connection refused".to_owned(),
            )),
            false => Ok(()),
        }
    }
}

/// Why there is no event to tell.
enum Stop {
    /// The daemon that was watched is gone.
    Ended,
    /// Nothing has happened since.
    Nothing,
}

impl Node {
    /// A host without containers and images, that pulls from this registry.
    #[must_use]
    pub fn new(name: NodeName, clock: Arc<Clock>, registry: Registry) -> Self {
        let shared = Shared {
            machine: Mutex::new(Machine::new(name.clone(), clock)),
            changes: Notify::new(),
            registry,
            start_takes: Mutex::new(Duration::from_millis(20)),
            lists: AtomicU64::new(0),
            breaks: AtomicBool::new(false),
        };
        Self {
            name,
            shared: Arc::new(shared),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &NodeName {
        &self.name
    }

    /// How often somebody has listed its instances.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.shared.lists.load(Ordering::Relaxed)
    }

    /// From now on a start panics, and says all that it was given: as a defect might.
    pub fn break_off(&self) {
        self.shared.breaks.store(true, Ordering::Relaxed);
    }

    /// Its instances, as a server of this installation sees them.
    #[must_use]
    pub fn runtime(&self, installation: InstallationId) -> Arc<dyn Runtime> {
        Arc::new(runtime::OfInstallation {
            node: self.clone(),
            installation,
        })
    }

    /// Its images, as a server of this installation sees them.
    #[must_use]
    pub fn images(&self, installation: InstallationId) -> Arc<dyn Images> {
        Arc::new(images::ImagesOf {
            node: self.clone(),
            installation,
        })
    }

    fn registry(&self) -> Registry {
        self.shared.registry.clone()
    }

    fn start_takes(&self) -> Duration {
        *lock(&self.shared.start_takes)
    }

    /// Does something to the machine as it is now, and wakes whoever watches it.
    fn change<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = lock(&self.shared.machine);
        machine.advance();
        let before = (machine.events.len(), machine.generation, machine.daemon);
        let result = act(&mut machine);
        machine.advance();
        let due = machine.next_due();
        let changed = before != (machine.events.len(), machine.generation, machine.daemon);
        drop(machine);
        if changed || due.is_some() {
            self.shared.changes.notify_waiters();
        }
        result
    }

    fn look<T>(&self, look: impl FnOnce(&Machine) -> T) -> T {
        let mut machine = lock(&self.shared.machine);
        machine.advance();
        look(&machine)
    }

    /// Waits while the daemon is silent.
    ///
    /// # Errors
    /// What a client says when nobody listens.
    async fn enter(&self) -> Result<(), String> {
        loop {
            let change = self.shared.changes.notified();
            match self.look(|machine| machine.daemon) {
                Daemon::Up => return Ok(()),
                Daemon::Down => return Err("connection refused".to_owned()),
                Daemon::Silent => change.await,
            }
        }
    }

    /// Waits until something is done to the node, or happens on it by itself.
    async fn something(&self) {
        let due = self.look(Machine::next_due);
        let never = Instant::now() + Duration::from_secs(24 * 3600);
        // Either may be dropped: both are only reasons to look again.
        tokio::select! {
            biased;
            () = self.shared.changes.notified() => {}
            () = sleep_until(due.unwrap_or(never)) => {}
        }
    }

    fn next_event(
        &self,
        installation: InstallationId,
        generation: u64,
        at: &mut usize,
    ) -> Result<NodeChange, Stop> {
        self.look(|machine| {
            if machine.generation != generation || machine.daemon == Daemon::Down {
                return Err(Stop::Ended);
            }
            if machine.daemon == Daemon::Silent {
                return Err(Stop::Nothing);
            }
            while let Some((owner, change)) = machine.events.get(*at) {
                *at += 1;
                if *owner == installation {
                    return Ok(change.clone());
                }
            }
            Err(Stop::Nothing)
        })
    }
}
