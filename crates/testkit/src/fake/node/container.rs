//! One container, and the life of its process.

use super::behaviour::Behaviour;
use domain::{
    InstallationId, NodeName, ObservedInstance, Timestamp,
    observed::{Authenticity, End, ImageCheck, Origin, Phase, RestartPolicy},
    worker::NamedPorts,
};
use ports::{
    images::HasHealthcheck,
    runtime::{InstanceSpec, LogLine, PortBinding},
};
use std::time::Duration;
use tokio::time::Instant;

/// Docker waits 100 ms before the first restart, twice as long before each further one, at most a minute.
const RESTART_FIRST: Duration = Duration::from_millis(100);
const RESTART_MAX: Duration = Duration::from_secs(60);
/// A process that ran as long as this is restarted as if it had never failed.
const RESTART_FORGETS: Duration = Duration::from_secs(10);

/// One container.
pub(super) struct Container {
    /// What the daemon calls it.
    pub(super) handle: String,
    pub(super) name: String,
    /// Whose it is, and what it was started with. None: it bears no label of any Jockey.
    pub(super) labels: Option<(InstallationId, InstanceSpec)>,
    /// Known once: it is asked for at every look.
    pub(super) authenticity: Authenticity,
    pub(super) image: String,
    /// The host port that is bound while its process runs.
    pub(super) port: Option<u16>,
    /// Those bound besides.
    pub(super) ports: NamedPorts,
    pub(super) restart: RestartPolicy,
    pub(super) behaviour: Behaviour,
    pub(super) life: Life,
    pub(super) motion: Motion,
    pub(super) restarts: u32,
    backoff: Duration,
    /// Whether somebody stopped or killed it on purpose: then it is not restarted.
    pub(super) stopped_on_purpose: bool,
    pub(super) created_at: Timestamp,
    pub(super) log: Vec<LogLine>,
}

/// Where the life of a process stands.
#[derive(Debug, Clone)]
pub(super) enum Life {
    Created,
    Running {
        since: Instant,
        /// The same by the node's clock, as it was then.
        since_at: Timestamp,
        /// When it will end, unless something happens before.
        ends: Option<Ending>,
    },
    /// It ended, and is started again then.
    Restarting {
        at: Instant,
        code: i64,
        end: End,
    },
    Exited {
        code: i64,
        end: End,
        at: Timestamp,
    },
}

/// Whether a process that is there goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    Going,
    /// Paused: it does nothing, and the kernel accepts connections for it all the same.
    Frozen,
}

/// How and when a process ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) at: Instant,
    pub(super) code: i64,
    pub(super) end: End,
}

impl Container {
    pub(super) fn new(
        handle: String,
        name: String,
        labels: Option<(InstallationId, InstanceSpec)>,
        behaviour: Behaviour,
        created_at: Timestamp,
    ) -> Self {
        let spec = labels.as_ref().map(|(_, spec)| spec);
        let authenticity = match spec {
            Some(spec) if spec.instance.to_string() == name => Authenticity::Genuine,
            Some(_) | None => Authenticity::Copy,
        };
        Self {
            handle,
            name,
            authenticity,
            image: spec.map_or_else(String::new, |spec| spec.image.to_string()),
            port: spec.and_then(|spec| spec.port).map(|binding| binding.host),
            ports: spec
                .map(|spec| named(spec, |binding| binding.host))
                .unwrap_or_default(),
            restart: spec.map_or(RestartPolicy::No, |spec| spec.restart),
            labels,
            behaviour,
            life: Life::Created,
            motion: Motion::Going,
            restarts: 0,
            backoff: RESTART_FIRST,
            stopped_on_purpose: false,
            created_at,
            log: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, installation: InstallationId) -> bool {
        self.labels
            .as_ref()
            .is_some_and(|(owner, _)| *owner == installation)
    }

    /// Every host port that is bound while its process runs.
    pub(super) fn host_ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.port.into_iter().chain(self.ports.numbers())
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.life, Life::Running { .. })
    }

    /// Whether somebody paused it. What ended is not paused any more.
    pub(super) fn is_frozen(&self) -> bool {
        self.is_running() && self.motion == Motion::Frozen
    }

    /// Starts its process.
    pub(super) fn run(&mut self, now: Instant, at: Timestamp) {
        // As Docker: that somebody stopped it counts until it is started again.
        self.stopped_on_purpose = false;
        self.motion = Motion::Going;
        let ends = self.behaviour.end().map(|(after, code, end)| Ending {
            at: now + after,
            code,
            end,
        });
        self.life = Life::Running {
            since: now,
            since_at: at,
            ends,
        };
    }

    /// When something happens to it by itself.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match &self.life {
            Life::Running { ends, .. } if self.motion == Motion::Going => {
                ends.map(|ending| ending.at)
            }
            Life::Running { .. } => None,
            Life::Restarting { at, .. } => Some(*at),
            Life::Created | Life::Exited { .. } => None,
        }
    }

    /// Its process ended. The daemon restarts it where the policy says so.
    pub(super) fn die(&mut self, ending: Ending, at: Timestamp) {
        if let Life::Running { since, .. } = self.life
            && ending.at.duration_since(since) >= RESTART_FORGETS
        {
            self.backoff = RESTART_FIRST;
        }
        self.life = if self.restart == RestartPolicy::UnlessStopped && !self.stopped_on_purpose {
            let wait = self.backoff;
            self.backoff = (wait * 2).min(RESTART_MAX);
            Life::Restarting {
                at: ending.at + wait,
                code: ending.code,
                end: ending.end,
            }
        } else {
            Life::Exited {
                code: ending.code,
                end: ending.end,
                at,
            }
        };
    }

    /// Lets its process end earlier than it would.
    pub(super) fn end_at(&mut self, sooner: Ending) {
        if let Life::Running { ends, .. } = &mut self.life
            && ends.is_none_or(|ending| ending.at > sooner.at)
        {
            *ends = Some(sooner);
        }
    }

    /// Whether it answers with success on its port.
    pub(super) fn serves(&self, now: Instant) -> bool {
        match self.life {
            Life::Running { since, .. } => {
                !self.is_frozen() && self.behaviour.serves_after(now - since)
            }
            Life::Created | Life::Restarting { .. } | Life::Exited { .. } => false,
        }
    }

    /// As `Runtime::list` tells it. None: it bears no label of any Jockey.
    pub(super) fn observed(&self, node: &NodeName, now: Instant) -> Option<ObservedInstance> {
        let (_, spec) = self.labels.as_ref()?;
        Some(ObservedInstance {
            instance: spec.instance,
            handle: self.handle.clone(),
            authenticity: self.authenticity,
            node: node.clone(),
            app: spec.app,
            environment: spec.environment,
            deploy: spec.deploy,
            worker: spec.worker.clone(),
            config: spec.config,
            image: Some(spec.image.clone()),
            commit: Some(spec.commit.clone()),
            phase: self.phase(now),
            restart: self.restart,
            port: self.port,
            ports: self.ports.clone(),
            created_at: self.created_at,
            origin: Origin {
                app: Some(spec.app_name.clone()),
                environment: Some(spec.environment_name.clone()),
                listens_on: spec.port.map(|port| port.container),
                named: named(spec, |binding| binding.container),
                argv: spec.argv.clone(),
                resources: spec.resources,
            },
        })
    }

    /// Whether it does what it is for: one without a port has only to run.
    pub(super) fn does_its_work(&self, now: Instant) -> bool {
        match self.port {
            Some(_) => self.serves(now),
            None => self.phase(now).is_running(),
        }
    }

    fn phase(&self, now: Instant) -> Phase {
        match self.life {
            Life::Created => Phase::Created,
            Life::Running { since_at, .. } if self.is_frozen() => Phase::Paused {
                since: since_at,
                restarts: self.restarts,
            },
            Life::Running {
                since, since_at, ..
            } => Phase::Running {
                since: since_at,
                restarts: self.restarts,
                check: self.image_check(now - since),
            },
            Life::Restarting { code, end, .. } => Phase::Restarting {
                restarts: self.restarts,
                code,
                end,
            },
            Life::Exited { code, end, at } => Phase::Exited { code, end, at },
        }
    }

    fn image_check(&self, running: Duration) -> Option<ImageCheck> {
        match self.behaviour.healthcheck {
            HasHealthcheck::No => None,
            HasHealthcheck::Yes if self.behaviour.serves_after(running) => {
                Some(ImageCheck::Passing)
            }
            HasHealthcheck::Yes => Some(ImageCheck::Starting),
        }
    }
}

/// One side of its named ports.
fn named(spec: &InstanceSpec, side: impl Fn(&PortBinding) -> u16) -> NamedPorts {
    let ports = spec.ports.iter();
    ports
        .map(|(name, binding)| (name.clone(), side(binding)))
        .collect()
}
