//! What people and fate do to a node, and what only a simulation may see of it.

use super::{
    Node,
    behaviour::Behaviour,
    container::{Container, Ending, Life, Motion},
    machine::{Daemon, Disk, Hearing},
};
use crate::fake::lock;
use domain::{
    ByteSize, CpuMillis, ImageRef, InstallationId, ObservedInstance,
    observed::{Authenticity, End, RestartPolicy},
    worker::NamedPorts,
};
use ports::{Clock as _, runtime::InstanceSpec};
use std::time::Duration;
use tokio::time::Instant;

/// A container as it truly is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is. None: no Jockey's.
    pub installation: Option<InstallationId>,
    pub handle: String,
    pub name: String,
    /// As its node would list it, where it bears labels.
    pub observed: Option<ObservedInstance>,
    /// Whether it answers with success now.
    pub serves: bool,
    /// Whether it was signalled to stop.
    pub stopping: bool,
    /// Whether it will end by itself.
    pub ends: bool,
}

/// What whoever asks on a host port finds there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    /// Nobody listens.
    Nobody,
    /// A process that does what it is for.
    Well,
    /// A process that does not.
    Badly,
    /// A process that is paused: the kernel accepts connections, and nobody reads what is sent.
    KernelAlone,
}

/// Images and settings.
impl Node {
    /// Says how the containers of an image behave from their next start on, whether it is there yet or not.
    pub fn teach(&self, image: &ImageRef, behaviour: Behaviour) {
        self.change(|machine| machine.behaviours.insert(image.to_string(), behaviour));
    }

    /// Puts an image on the node, as this installation's own or as a stranger's.
    pub fn put_image(&self, image: &ImageRef, owner: Option<InstallationId>) {
        self.change(|machine| machine.put_image(image, owner));
    }

    /// Takes a name off whichever image has it.
    pub fn untag(&self, name: &str) {
        self.change(|machine| machine.untag(name));
    }

    /// Takes every image away that no container uses, as `docker image prune --all` would.
    pub fn lose_images(&self) {
        self.change(|machine| {
            let ids = machine.images.keys();
            let unused: Vec<String> = ids.filter(|id| !machine.uses(id)).cloned().collect();
            for id in unused {
                machine.images.remove(&id);
            }
        });
    }

    /// Says how long a container takes from being made to being started.
    pub fn starts_in(&self, time: Duration) {
        *lock(&self.shared.start_takes) = time;
    }

    /// Says what the node has in all.
    pub fn sized(&self, memory: ByteSize, cpu: CpuMillis) {
        self.change(|machine| (machine.memory, machine.cpu) = (memory, cpu));
    }

    /// Builds have left this much in the cache.
    pub fn cache(&self, left: ByteSize) {
        self.change(|machine| machine.build_cache = left);
    }

    /// Fills the disk.
    pub fn fill_disk(&self) {
        self.change(|machine| machine.disk = Disk::Full);
    }

    /// Makes room on the disk.
    pub fn clear_disk(&self) {
        self.change(|machine| machine.disk = Disk::Roomy);
    }

    /// Lets a process outside of any container listen on a port.
    pub fn take_port(&self, port: u16) {
        self.change(|machine| machine.foreign_ports.insert(port));
    }

    /// Ends every process outside of containers.
    pub fn free_ports(&self) {
        self.change(|machine| machine.foreign_ports.clear());
    }
}

/// What happens to the daemon.
impl Node {
    /// Ends the daemon and all processes of its containers.
    pub fn daemon_down(&self) {
        self.change(|machine| {
            machine.daemon = Daemon::Down;
            machine.generation += 1;
            let (now, at) = (Instant::now(), machine.clock.now());
            for container in machine.containers.values_mut() {
                let code = match container.life {
                    Life::Running { .. } => 143,
                    Life::Restarting { code, .. } => code,
                    Life::Created | Life::Exited { .. } => continue,
                };
                // Not a restart of its own: nothing is started while there is no daemon.
                let ending = Ending {
                    at: now,
                    code,
                    end: End::Exit,
                };
                container.life = Life::Exited {
                    code: ending.code,
                    end: ending.end,
                    at,
                };
            }
        });
    }

    /// Starts the daemon. It starts what its policy says, unless it was stopped on purpose.
    pub fn daemon_up(&self) {
        self.change(|machine| {
            machine.daemon = Daemon::Up;
            let (now, at) = (Instant::now(), machine.clock.now());
            let again = machine.containers.values().filter(|container| {
                container.restart == RestartPolicy::UnlessStopped
                    && !container.stopped_on_purpose
                    && matches!(container.life, Life::Exited { .. })
            });
            let again: Vec<String> = again.map(|container| container.handle.clone()).collect();
            for handle in again {
                let taken = machine
                    .containers
                    .get(&handle)
                    .and_then(|container| machine.taken_of(container));
                if taken.is_none() {
                    machine.run(&handle, now, at);
                }
            }
        });
    }

    /// Lets the daemon take calls and not answer.
    pub fn silence(&self) {
        self.change(|machine| {
            if machine.daemon == Daemon::Up {
                machine.daemon = Daemon::Silent;
            }
        });
    }

    /// Lets a silent daemon answer again.
    pub fn speak(&self) {
        self.change(|machine| {
            if machine.daemon == Daemon::Silent {
                machine.daemon = Daemon::Up;
            }
        });
    }

    /// Loses every event from now on, without a word to those who watch.
    pub fn lose_events(&self) {
        self.change(|machine| machine.deaf = Hearing::Lost);
    }

    /// Tells events again. Those that were lost stay so.
    pub fn keep_events(&self) {
        self.change(|machine| machine.deaf = Hearing::Good);
    }
}

/// What happens to containers. A handle that is not there: nothing happens.
impl Node {
    /// `docker kill`.
    pub fn kill(&self, handle: &str) {
        self.end(handle, 137, End::Exit, Purpose::Yes);
    }

    /// The process ends by itself.
    pub fn crash(&self, handle: &str, code: i64) {
        self.end(handle, code, End::Exit, Purpose::No);
    }

    /// The kernel kills the process for memory.
    pub fn run_out_of_memory(&self, handle: &str) {
        self.end(handle, 137, End::OutOfMemory, Purpose::No);
    }

    fn end(&self, handle: &str, code: i64, end: End, purpose: Purpose) {
        self.change(|machine| {
            let at = machine.clock.now();
            let Some(container) = machine.containers.get_mut(handle) else {
                return;
            };
            container.stopped_on_purpose |= purpose == Purpose::Yes;
            if container.is_running() {
                let ending = Ending {
                    at: Instant::now(),
                    code,
                    end,
                };
                machine.die(handle, ending, at);
            }
        });
    }

    /// `docker pause`, of what the daemon calls so or what has this name. What does not run is left as it is.
    pub fn pause(&self, handle: &str) {
        self.set_motion(handle, Motion::Frozen, "pause");
    }

    /// `docker unpause`.
    pub fn unpause(&self, handle: &str) {
        self.set_motion(handle, Motion::Going, "unpause");
    }

    fn set_motion(&self, called: &str, motion: Motion, word: &str) {
        self.change(|machine| {
            let at = machine.clock.now();
            let mut all = machine.containers.values_mut();
            let found =
                all.find(|container| container.handle == called || container.name == called);
            let Some(container) = found.filter(|container| container.is_running()) else {
                return;
            };
            container.motion = motion;
            let handle = container.handle.clone();
            machine.tell(&handle, word, at);
        });
    }

    /// `docker rm -f`.
    pub fn remove_by_hand(&self, handle: &str) {
        self.kill(handle);
        self.change(|machine| machine.take_away(handle));
    }

    /// Starts a second container with the labels of one that is there, under another name and without its ports.
    pub fn copy(&self, handle: &str) {
        self.change(|machine| {
            let Some(original) = machine.containers.get(handle) else {
                return;
            };
            let labels = original.labels.clone();
            let behaviour = original.behaviour.clone();
            let name = format!("copy-of-{}-{}", original.name, machine.containers.len());
            let copy = machine.create(name, labels, behaviour);
            if let Some(container) = machine.containers.get_mut(&copy) {
                container.port = None;
                container.ports = NamedPorts::default();
            }
            let at = machine.clock.now();
            machine.run(&copy, Instant::now(), at);
        });
    }

    /// Starts a container that is no Jockey's, or another installation's, and answers what the daemon calls it.
    pub fn stranger(&self, name: &str, labels: Option<(InstallationId, InstanceSpec)>) -> String {
        self.change(|machine| {
            let handle = machine.create(name.to_owned(), labels, Behaviour::default());
            let at = machine.clock.now();
            machine.run(&handle, Instant::now(), at);
            handle
        })
    }

    /// Every container as it truly is, whether the daemon answers or not.
    #[must_use]
    pub fn standing(&self) -> Vec<Standing> {
        self.look(|machine| {
            let now = Instant::now();
            let all = machine.containers.values();
            all.map(|container| Standing {
                installation: container.labels.as_ref().map(|(owner, _)| *owner),
                handle: container.handle.clone(),
                name: container.name.clone(),
                observed: container.observed(&machine.name, now),
                serves: container.serves(now),
                stopping: container.stopped_on_purpose,
                ends: container.behaviour.end().is_some(),
            })
            .collect()
        })
    }

    /// Shows every instance of an Installation that is no copy, with what the daemon calls it and whether it truly does
    /// its work: what is asked for far too often to make a `Standing` of each.
    pub fn glance(
        &self,
        of: InstallationId,
        mut show: impl FnMut(&InstanceSpec, &str, DoesItsWork),
    ) {
        self.look(|machine| {
            let now = Instant::now();
            for container in machine.containers.values() {
                match &container.labels {
                    Some((owner, spec))
                        if *owner == of && container.authenticity == Authenticity::Genuine =>
                    {
                        let works = match container.does_its_work(now) {
                            true => DoesItsWork::Yes,
                            false => DoesItsWork::No,
                        };
                        show(spec, &container.handle, works);
                    }
                    Some(_) | None => {}
                }
            }
        });
    }

    /// Shows every instance of an Installation's singletons whose process is there, going or paused, whether the daemon
    /// answers or not. A copy is none.
    pub fn singletons(&self, of: InstallationId, mut show: impl FnMut(&InstanceSpec, &str)) {
        self.look(|machine| {
            for container in machine.containers.values() {
                if let Some((owner, spec)) = &container.labels
                    && *owner == of
                    && spec.fence.is_some()
                    && container.authenticity == Authenticity::Genuine
                    && container.is_running()
                {
                    show(spec, &container.handle);
                }
            }
        });
    }

    /// What whoever asks on a host port finds there.
    #[must_use]
    pub fn answers_on(&self, port: u16) -> Answering {
        self.look(|machine| {
            let mut running = machine.containers.values().filter(|c| c.is_running());
            let holds = |container: &&Container| container.host_ports().any(|held| held == port);
            match running.find(holds) {
                None => Answering::Nobody,
                Some(holder) if holder.is_frozen() => Answering::KernelAlone,
                Some(holder) if holder.serves(Instant::now()) => Answering::Well,
                Some(_) => Answering::Badly,
            }
        })
    }
}

/// Whether an instance does what it is for: one without a port has only to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoesItsWork {
    Yes,
    No,
}

/// Whether somebody meant it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Yes,
    No,
}
