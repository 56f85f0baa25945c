//! The state of a node, and what happens on it by itself as time passes.

use super::{
    behaviour::Behaviour,
    container::{Container, Ending, Life},
    images::ImageRow,
    processes::RunContainer,
};
use crate::fake::Clock;
use bytes::Bytes;
use domain::{
    ByteSize, CpuMillis, InstallationId, NodeName, RunId, Timestamp, observed::End, run::Signal,
};
use ports::{
    Clock as _,
    runtime::{InstanceSpec, LogLine, LogStream, NodeChange},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::time::Instant;

/// Whether the daemon answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    Up,
    /// Nobody listens: a call fails at once.
    Down,
    /// It takes calls and does not answer. What runs goes on.
    Silent,
}

/// A node with its containers and images.
pub(super) struct Machine {
    pub(super) name: NodeName,
    pub(super) clock: Arc<Clock>,
    pub(super) daemon: Daemon,
    /// Rises with each restart of the daemon: streams of an earlier one have ended.
    pub(super) generation: u64,
    pub(super) containers: BTreeMap<String, Container>,
    /// One-off runs, by name.
    pub(super) runs: BTreeMap<String, RunContainer>,
    /// What the processes of an exec were signalled, and have not seen yet.
    pub(super) marked: BTreeMap<RunId, Signal>,
    pub(super) behaviours: BTreeMap<String, Behaviour>,
    pub(super) images: BTreeMap<String, ImageRow>,
    /// Ports that processes outside of containers listen on.
    pub(super) foreign_ports: BTreeSet<u16>,
    pub(super) disk: Disk,
    /// What builds have left, ours and others'.
    pub(super) build_cache: ByteSize,
    pub(super) memory: ByteSize,
    pub(super) cpu: CpuMillis,
    pub(super) events: Vec<(InstallationId, NodeChange)>,
    /// Whether events are lost for now.
    pub(super) deaf: Hearing,
    made: u64,
}

/// Whether there is room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    Roomy,
    Full,
}

/// Whether what happens becomes an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    Good,
    Lost,
}

impl Machine {
    pub(super) fn new(name: NodeName, clock: Arc<Clock>) -> Self {
        Self {
            name,
            clock,
            daemon: Daemon::Up,
            generation: 0,
            containers: BTreeMap::new(),
            runs: BTreeMap::new(),
            marked: BTreeMap::new(),
            behaviours: BTreeMap::new(),
            images: BTreeMap::new(),
            foreign_ports: BTreeSet::new(),
            disk: Disk::Roomy,
            build_cache: ByteSize::default(),
            memory: ByteSize::bytes(16 << 30),
            cpu: CpuMillis::new(8000),
            events: Vec::new(),
            deaf: Hearing::Good,
            made: 0,
        }
    }

    /// Lets happen what was due by now. In order of time, so that the events are.
    pub(super) fn advance(&mut self) {
        let now = Instant::now();
        while let Some((due, handle)) = self.first_due().filter(|(due, _)| *due <= now) {
            self.happen(&handle, due, now);
        }
    }

    /// When something happens next by itself.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.first_due().map(|(due, _)| due)
    }

    fn first_due(&self) -> Option<(Instant, String)> {
        let due = self
            .containers
            .values()
            .filter_map(|container| Some((container.next_due()?, container.handle.as_str())));
        due.min().map(|(due, handle)| (due, handle.to_owned()))
    }

    fn happen(&mut self, handle: &str, due: Instant, now: Instant) {
        let at = self.clock.now() - (now - due);
        let Some(container) = self.containers.get(handle) else {
            return;
        };
        match container.life {
            Life::Running {
                ends: Some(ending), ..
            } => self.die(handle, ending, at),
            Life::Restarting { code, end, .. } => {
                let free = self.taken_of(container).is_none();
                let Some(container) = self.containers.get_mut(handle) else {
                    return;
                };
                container.restarts += 1;
                if free {
                    self.run(handle, due, at);
                } else {
                    let ending = Ending { at: due, code, end };
                    container.die(ending, at);
                }
            }
            Life::Running { ends: None, .. } | Life::Created | Life::Exited { .. } => {}
        }
    }

    pub(super) fn run(&mut self, handle: &str, now: Instant, at: Timestamp) {
        if let Some(container) = self.containers.get_mut(handle) {
            if let Some(taught) = self.behaviours.get(&container.image) {
                container.behaviour = taught.clone();
            }
            container.run(now, at);
            let lines = container.behaviour.lines.iter().map(|line| LogLine {
                at,
                stream: LogStream::Out,
                text: Bytes::from(line.clone()),
            });
            container.log.extend(lines);
            self.tell(handle, "start", at);
        }
    }

    pub(super) fn die(&mut self, handle: &str, ending: Ending, at: Timestamp) {
        if let Some(container) = self.containers.get_mut(handle) {
            container.die(ending, at);
            if ending.end == End::OutOfMemory {
                self.tell(handle, "oom", at);
            }
            self.tell(handle, "die", at);
        }
    }

    pub(super) fn take_away(&mut self, handle: &str) {
        self.tell(handle, "destroy", self.clock.now());
        self.containers.remove(handle);
    }

    pub(super) fn tell(&mut self, handle: &str, what: &str, at: Timestamp) {
        let container = self.containers.get(handle);
        let Some((owner, spec)) = container.and_then(|container| container.labels.as_ref()) else {
            return;
        };
        if self.deaf == Hearing::Good {
            let change = NodeChange {
                instance: Some(spec.instance),
                what: what.to_owned(),
                at,
            };
            self.events.push((*owner, change));
        }
    }

    /// Who listens on a host port now.
    pub(super) fn holder(&self, port: u16) -> Option<String> {
        if self.foreign_ports.contains(&port) {
            return Some("a process outside of any container".to_owned());
        }
        let mut running = self
            .containers
            .values()
            .filter(|container| container.is_running());
        let holder = running.find(|container| container.host_ports().any(|held| held == port))?;
        Some(format!("container {}", holder.name))
    }

    /// The first of its host ports on which somebody listens now, and who.
    pub(super) fn taken_of(&self, container: &Container) -> Option<(u16, String)> {
        let mut ports = container.host_ports();
        ports.find_map(|port| Some((port, self.holder(port)?)))
    }

    /// The container of this installation that is called so, by the daemon or by its name.
    pub(super) fn find(&self, installation: InstallationId, handle: &str) -> Option<&Container> {
        let named = || {
            self.containers
                .values()
                .find(|container| container.name == handle)
        };
        let found = self.containers.get(handle).or_else(named);
        found.filter(|container| container.is_of(installation))
    }

    /// Makes a container, and answers what the daemon calls it.
    pub(super) fn create(
        &mut self,
        name: String,
        labels: Option<(InstallationId, InstanceSpec)>,
        behaviour: Behaviour,
    ) -> String {
        self.made += 1;
        let handle = format!("{}-container-{}", self.name, self.made);
        let at = self.clock.now();
        let container = Container::new(handle.clone(), name, labels, behaviour, at);
        self.containers.insert(handle.clone(), container);
        self.tell(&handle, "create", at);
        handle
    }

    /// How the containers of a spec behave: as the image was said to, else as the command reads.
    pub(super) fn behaviour(&self, spec: &InstanceSpec) -> Behaviour {
        let of_image = self.behaviours.get(spec.image.as_str()).cloned();
        let of_command = || spec.argv.as_deref().map(Behaviour::of_command);
        of_image.or_else(of_command).unwrap_or_default()
    }
}
