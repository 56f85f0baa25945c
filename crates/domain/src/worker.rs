//! Workers: the process types of an App.

mod bounds;
mod constraint;
mod ports;

pub use bounds::{BadResources, StuckRollout};
pub use constraint::{BadConstraint, CONSTRAINTS_MAX, Constraint};
pub use ports::{BadNamedPorts, BadPorts, NamedPorts, PORTS_MAX};

use crate::{AppId, ByteSize, CpuMillis, EnvironmentId, Node, Timestamp, WorkerId, WorkerName};
use std::time::Duration;

/// The port on which `web` listens unless it says otherwise.
pub const WEB_PORT: u16 = 8888;
/// The most instances of one Worker, unless the server is configured otherwise.
pub const SCALE_MAX: u16 = 100;
/// The most that a server can be configured to allow: far more than one machine runs.
pub const SCALE_MOST: u16 = 10_000;

/// One process type of an App in an Environment: what is stored, and what the next Release takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub id: WorkerId,
    pub app: AppId,
    pub environment: EnvironmentId,
    pub spec: WorkerSpec,
    /// Lives here alone: it is in no Release, and survives a rollback.
    pub scale: Scale,
    pub source: WorkerSource,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

crate::words! {
    /// Where a Worker's definition comes from. One made through the API is not changed by a commit's file.
    WorkerSource {
        /// Made or changed through the API.
        Api => "api",
        /// Declared by the commit's `jockey.toml`.
        Manifest => "jockey.toml",
        /// Declared by the commit's Procfile.
        Procfile => "procfile",
        /// Nobody declared one: `web` with the image's own command.
        Image => "image",
    }
}

/// What a Worker is: the part of it that a Release pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSpec {
    pub name: WorkerName,
    /// Left out: the image's own.
    pub command: Option<Command>,
    /// The port the process listens on inside its container, told to it as `PORT`. None: it listens nowhere.
    pub port: Option<u16>,
    /// What else it listens on inside its container. Only besides `port`, which is the first.
    pub ports: NamedPorts,
    pub check: Check,
    pub resources: Resources,
    pub timing: Timing,
    pub rollout: Rollout,
    /// Never two at once, not even for a moment (rule 9).
    pub singleton: bool,
    /// What a node's meta has to say for an instance to go there, all of it. At most `CONSTRAINTS_MAX`.
    pub constraints: Vec<Constraint>,
}

impl WorkerSpec {
    /// A Worker of this name with every default: `web` listens on 8888, others nowhere.
    #[must_use]
    pub fn named(name: WorkerName) -> Self {
        let port = (name.as_str() == "web").then_some(WEB_PORT);
        Self {
            name,
            command: None,
            port,
            ports: NamedPorts::default(),
            check: Check::default(),
            resources: Resources::default(),
            timing: Timing::default(),
            rollout: Rollout::default(),
            singleton: false,
            constraints: Vec::new(),
        }
    }

    /// The first of its constraints that a node does not meet.
    #[must_use]
    pub fn unmet(&self, node: &Node) -> Option<&Constraint> {
        self.constraints
            .iter()
            .find(|constraint| !constraint.allows(node))
    }
}

/// How many instances of a Worker are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scale(u16);

/// A scale that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scale of {asked} is not possible: it is 0 to {max}; the limit is a setting of the server, `jockeyd serve --scale-max`"
)]
pub struct BadScale {
    /// What was asked for.
    pub asked: i64,
    /// The most that is allowed.
    pub max: u16,
}

impl Scale {
    /// This many instances.
    ///
    /// # Errors
    /// `BadScale` below 0 or above `max`.
    pub fn new(asked: i64, max: u16) -> Result<Self, BadScale> {
        u16::try_from(asked)
            .ok()
            .filter(|scale| *scale <= max)
            .map(Self)
            .ok_or(BadScale { asked, max })
    }

    /// What a Worker gets that is met for the first time and whose file says nothing: `web` 1, others 0.
    #[must_use]
    pub fn first_of(name: &WorkerName) -> Self {
        Self(u16::from(name.as_str() == "web"))
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// What to run in the container, in place of the image's own command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// A line for `/bin/sh -c`.
    Shell(String),
    /// A program and its arguments, as they are.
    Exec(Vec<String>),
}

impl Command {
    /// The argument vector.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
            Self::Exec(argv) => argv.clone(),
        }
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shell(line) => f.pad(line),
            Self::Exec(argv) => f.pad(&argv.join(" ")),
        }
    }
}

/// How a Worker with a port shows that it is ready.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Check {
    /// The image's `HEALTHCHECK` where it has one, else a TCP connection that the process accepts.
    #[default]
    Default,
    /// `GET` of this path answers with a status of 200 to 399. Begins with `/`.
    Http(String),
    /// A TCP connection is accepted, and held open for a moment, whatever the image says.
    Tcp,
}

/// What an instance is given and held to. None: no reservation, no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Resources {
    /// Reserved on the node, and the limit above which the kernel kills. 6 MiB, Docker's own minimum, to 4 TiB.
    pub memory: Option<ByteSize>,
    /// Reserved on the node, and the limit to which the kernel throttles. 0.01 to 1024 cores.
    pub cpu: Option<CpuMillis>,
}

/// How long a Worker is given for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timing {
    /// Between leaving the ingress and the catalog, and the signal to stop. Default 1 s, 0 s to 1 h.
    pub drain: Duration,
    /// How long a Worker without a port has to run without a restart to count as healthy. Default 3 s, 0 s to 1 h.
    pub settle: Duration,
    /// How long an instance may be starting, or unhealthy, before it is replaced. Default 60 s, 1 s to 1 h.
    ///
    /// Counted from its last start, since a restart gives the process its whole warm-up again.
    pub grace: Duration,
    /// Between the signal to stop and the kill. Default 10 s, 0 s to 1 h.
    pub stop: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(1),
            settle: Duration::from_secs(3),
            grace: Duration::from_secs(60),
            stop: Duration::from_secs(10),
        }
    }
}

/// How far a Worker may stray from its scale while it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rollout {
    /// How many more than its scale may run. Default: as many again as its scale.
    pub max_surge: Option<u16>,
    /// How many fewer than its scale may be healthy. Default 0: start first.
    pub max_unavailable: u16,
    /// Which comes first.
    pub order: Order,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            max_surge: None,
            max_unavailable: 0,
            order: Order::StartFirst,
        }
    }
}

impl Rollout {
    /// The most instances that may run at this scale, the old ones included. A surge of nothing where at this scale
    /// nothing may be missing could never move, so it counts as one.
    #[must_use]
    pub fn ceiling(&self, scale: Scale) -> u16 {
        let stuck = self.floor(scale) == scale.get();
        let surge = match (self.max_surge, self.order) {
            (Some(0), Order::StartFirst) if stuck => 1,
            (Some(surge), _) => surge,
            (None, Order::StartFirst) => scale.get(),
            (None, Order::StopFirst) => 0,
        };
        scale.get().saturating_add(surge)
    }

    /// The fewest that must stay healthy at this scale while things change: never less than one, but for a scale of 0
    /// or the old one's going first.
    #[must_use]
    pub fn floor(&self, scale: Scale) -> u16 {
        match (self.order, scale.get()) {
            (Order::StopFirst, _) | (_, 0) => 0,
            (Order::StartFirst, scale) => scale.saturating_sub(self.max_unavailable).max(1),
        }
    }
}

crate::words! {
    /// Whether the new instance starts before the old one stops.
    Order {
        /// The new one is healthy before the old one is touched.
        StartFirst => "start-first",
        /// The old one is gone before the new one starts. Singletons always go this way.
        StopFirst => "stop-first",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_its_limits() {
        assert_eq!(Scale::new(100, SCALE_MAX).map(Scale::get), Ok(100));
        let error = Scale::new(-1, SCALE_MAX).unwrap_err().to_string();
        assert_eq!(
            error,
            "a scale of -1 is not possible: it is 0 to 100; the limit is a setting of the server, `jockeyd serve --scale-max`"
        );
        assert!(Scale::new(101, SCALE_MAX).is_err());
    }

    #[test]
    fn a_rollout_can_always_move() {
        let scale = Scale(2);
        let none = Rollout {
            max_surge: Some(0),
            ..Rollout::default()
        };
        assert_eq!(
            (
                Rollout::default().ceiling(scale),
                Rollout::default().floor(scale)
            ),
            (4, 2)
        );
        assert_eq!((none.ceiling(scale), none.floor(scale)), (3, 2));
        let last = Rollout {
            max_surge: Some(0),
            max_unavailable: 5,
            ..Rollout::default()
        };
        assert_eq!((last.ceiling(Scale(1)), last.floor(Scale(1))), (2, 1));
        assert_eq!((last.ceiling(scale), last.floor(scale)), (2, 1));
        let stop = Rollout {
            order: Order::StopFirst,
            ..Rollout::default()
        };
        assert_eq!((stop.ceiling(scale), stop.floor(scale)), (2, 0));
    }
}
