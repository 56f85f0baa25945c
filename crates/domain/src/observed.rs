//! What was seen of an instance on its node. Observed, never stored as truth.

use crate::{
    AppId, AppName, CommitSha, ConfigVersionId, DeployId, EnvironmentId, EnvironmentName, ImageRef,
    InstanceId, NodeName, Timestamp, WorkerName,
    worker::{NamedPorts, Resources},
};

/// One instance of this Installation, as its node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedInstance {
    pub instance: InstanceId,
    /// What the node calls it (Docker: the container's id). Tells a copy from the original.
    pub handle: String,
    /// Whether it bears the name that Jockey gives, or is a copy of its labels under another name.
    pub authenticity: Authenticity,
    pub node: NodeName,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub deploy: DeployId,
    pub worker: WorkerName,
    /// The newest of the config versions it was started with, as its label says.
    pub config: Option<ConfigVersionId>,
    pub image: Option<ImageRef>,
    /// The commit that its image was built from, as its label says.
    pub commit: Option<CommitSha>,
    pub phase: Phase,
    pub restart: RestartPolicy,
    /// The host port bound to the Worker's port.
    pub port: Option<u16>,
    /// Those bound to its named ports.
    pub ports: NamedPorts,
    pub created_at: Timestamp,
    pub origin: Origin,
}

impl ObservedInstance {
    /// Every host port that is bound to it.
    pub fn host_ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.port.into_iter().chain(self.ports.numbers())
    }
}

/// What an instance was started as, so that a database that does not know it can take it over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The name that its App had, as its label says.
    pub app: Option<AppName>,
    /// The name that its Environment had, as its label says.
    pub environment: Option<EnvironmentName>,
    /// The port inside of it that its host port leads to.
    pub listens_on: Option<u16>,
    /// Those that its named host ports lead to.
    pub named: NamedPorts,
    /// What it runs, behind its image's entrypoint. None: nothing.
    pub argv: Option<Vec<String>>,
    /// What it may use at most.
    pub resources: Resources,
}

crate::words! {
    /// Whether an instance is what its labels say.
    Authenticity {
        /// Its name is its instance id.
        Genuine => "genuine",
        /// It has the labels of an instance and another name.
        Copy => "copy",
    }
}

/// Where the life of a process stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Made, and never started.
    Created,
    /// Running.
    Running {
        /// Since its last start.
        since: Timestamp,
        /// How often its node restarted it, since it was created.
        restarts: u32,
        /// What the image's own HEALTHCHECK says; none where the image has none.
        check: Option<ImageCheck>,
    },
    /// Frozen on its node, by `docker pause`: its process is there and does nothing. The kernel goes on accepting
    /// connections for it.
    Paused { since: Timestamp, restarts: u32 },
    /// It ended, and its node is about to start it again.
    Restarting { restarts: u32, code: i64, end: End },
    /// It ended.
    Exited { code: i64, end: End, at: Timestamp },
}

impl Phase {
    /// Whether a process is there, and goes on.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// Whether it ended and stays so.
    #[must_use]
    pub const fn is_exited(&self) -> bool {
        matches!(self, Self::Exited { .. })
    }
}

/// What an image's own HEALTHCHECK says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageCheck {
    /// It has not passed yet, and not failed often enough.
    Starting,
    /// It passes.
    Passing,
    /// It fails.
    Failing {
        /// What it printed when it failed, on one line. Empty: nothing.
        said: String,
    },
}

crate::words! {
    /// What ended a process.
    End {
        /// It ended by itself, or by a signal.
        Exit => "exit",
        /// The kernel killed it for memory.
        OutOfMemory => "out_of_memory",
    }
}

/// How a process is said to have ended that the kernel killed for memory.
pub const KILLED_FOR_MEMORY: &str = "killed for memory: it took more than its limit";

/// With what the end of an instance begins that was replaced for being unhealthy. What was seen of it follows.
pub const WAS_NOT_HEALTHY: &str = "was not healthy: ";

impl End {
    /// How the process ended, in words, with its exit code where that says something.
    #[must_use]
    pub fn with_code(self, code: i64) -> String {
        match self {
            Self::OutOfMemory => KILLED_FOR_MEMORY.to_owned(),
            Self::Exit => format!("exited with code {code}"),
        }
    }
}

crate::words! {
    /// What the node does by itself when an instance ends.
    RestartPolicy {
        /// Nothing: until its Deploy is deployed, and for singletons for ever.
        No => "no",
        /// Starts it again, unless it was stopped on purpose: a host that reboots serves without waiting for a server.
        UnlessStopped => "unless-stopped",
    }
}

/// How an instance ended, with its last words. Kept after it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceEnd {
    pub instance: InstanceId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub deploy: DeployId,
    pub worker: WorkerName,
    pub node: NodeName,
    pub manner: Manner,
    /// None: it never ran, or vanished.
    pub exit_code: Option<i64>,
    /// A sentence: `exited with code 3`, `killed for memory`, `removed by somebody else`.
    pub what: String,
    /// Its last log lines, oldest first. At most 100.
    pub log_tail: Vec<String>,
    pub at: Timestamp,
}

crate::words! {
    /// Whether an end was wanted.
    Manner {
        /// Jockey stopped it because it was not wanted any more.
        Stopped => "stopped",
        /// It died, could not start, vanished, or was replaced for being unhealthy. Counts as a failure.
        Died => "died",
    }
}
