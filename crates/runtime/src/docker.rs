//! The adapter: one node's Engine, seen by one Installation.

use crate::{
    engine::Engine, failure::Failure, instances::Sightings, passes::NoPasses, transport::Address,
};
use domain::{ByteSize, CpuMillis, InstallationId, NodeName};
use ports::{
    Passes,
    runtime::{Capacity, Error},
};
use serde::Deserialize;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// One node's Docker Engine, as `ports::Runtime` and as `ports::Images`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Docker(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) installation: InstallationId,
    pub(crate) settings: Settings,
    pub(crate) sightings: Sightings,
    /// How many pulls may be under way on this node.
    pub(crate) pulls: Semaphore,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Docker").field(&self.settings.node).finish()
    }
}

/// How many images all nodes together pull at once.
const PULLS: usize = 8;
/// How many images one node pulls at once. Each has its layers pulled three at a time by the Engine itself.
const PULLS_PER_NODE: usize = 2;

/// How the adapter uses its Engine.
#[derive(Clone)]
pub struct Settings {
    /// What the node is called.
    pub node: NodeName,
    /// The address of the node on which instances publish their ports: a loopback address for one machine alone.
    pub bind: IpAddr,
    /// Which builder builds.
    pub builder: Builder,
    /// How long an ordinary call may take, in whole seconds, at least 1. Starts, stops, pulls, pushes and builds have
    /// longer ones, but for an Engine that answers nothing for twice this. A busy disk can hold an Engine up for 20 s; the
    /// default is 30 s.
    pub patience: Duration,
    /// What registries are shown.
    pub passes: Arc<dyn Passes>,
    /// How many pulls may be under way on all nodes that share this, so that a registry is not asked by all at once.
    pub pulls: Arc<Semaphore>,
}

impl Settings {
    /// The defaults, for this node: ports on 127.0.0.1, the best builder there is, 30 s, registries that ask for
    /// nothing, eight pulls at once.
    #[must_use]
    pub fn of(node: NodeName) -> Self {
        Self {
            node,
            bind: IpAddr::from([127, 0, 0, 1]),
            builder: Builder::Best,
            patience: Duration::from_secs(30),
            passes: Arc::new(NoPasses),
            pulls: Arc::new(Semaphore::new(PULLS)),
        }
    }
}

/// Which of the Engine's builders builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit when the Engine has it, else the classic one.
    Best,
    BuildKit,
    /// Takes no secrets.
    Classic,
}

/// What an Engine says of itself, for people and for `jockeyd check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// By which it knows itself. Empty: it does not tell. Engines on one machine may have it in common, as may machines
    /// that were copied.
    pub id: String,
    /// The Engine's version: `20.10.24`.
    pub version: String,
    /// The version of its API that is spoken: `1.41`.
    pub api: String,
    /// What the host calls itself.
    pub host: String,
    /// Where it keeps images and containers.
    pub root: String,
    pub capacity: Capacity,
    /// Whether an image can be built by BuildKit.
    pub buildkit: HasBuildKit,
    /// What it warns of itself, such as a missing limit on memory.
    pub warnings: Vec<String>,
}

/// Whether an Engine brings BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasBuildKit {
    Yes,
    No,
}

/// The part of `/info` that is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Info {
    #[serde(rename = "ID")]
    id: String,
    pub(crate) server_version: String,
    pub(crate) name: String,
    pub(crate) docker_root_dir: String,
    pub(crate) system_time: String,
    #[serde(rename = "OSType")]
    os_type: String,
    #[serde(rename = "NCPU")]
    ncpu: u32,
    mem_total: u64,
    warnings: Option<Vec<String>>,
}

impl Info {
    pub(crate) fn capacity(&self) -> Capacity {
        Capacity {
            memory: ByteSize::bytes(self.mem_total),
            cpu: CpuMillis::new(self.ncpu.saturating_mul(1000)),
        }
    }
}

impl Docker {
    /// The Engine at this address. Does not connect yet: one that is down answers `Unreachable`, and is used
    /// again once it is up.
    ///
    /// # Errors
    /// `Refused` when the client cannot be made.
    pub fn connect(
        address: Address,
        installation: InstallationId,
        settings: Settings,
    ) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            engine: Engine::new(address, settings.patience)?,
            installation,
            settings,
            sightings: Sightings::default(),
            pulls: Semaphore::new(PULLS_PER_NODE),
        })))
    }

    /// Whether the Engine answers.
    ///
    /// # Errors
    /// `Unreachable`, with what is wrong.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.0.ping().await?)
    }

    /// What the Engine says of itself.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn facts(&self) -> Result<Facts, Error> {
        let (major, minor) = self.0.engine.api_version().await?;
        let info = self.0.info().await?;
        Ok(Facts {
            capacity: info.capacity(),
            buildkit: info.buildkit((major, minor)),
            id: info.id,
            api: format!("{major}.{minor}"),
            version: info.server_version,
            host: info.name,
            root: info.docker_root_dir,
            warnings: info.warnings.unwrap_or_default(),
        })
    }
}

impl Inner {
    pub(crate) async fn ping(&self) -> Result<(), Failure> {
        let client = self.engine.client().await?;
        client.ping().await?;
        Ok(())
    }

    pub(crate) async fn info(&self) -> Result<Info, Failure> {
        self.engine.get("/info").await
    }
}

impl Info {
    /// Engines for Linux have it since 18.09, which speaks 1.39. Their answer to a ping names only what the `docker`
    /// command should take when it is not told.
    pub(crate) fn buildkit(&self, api: (usize, usize)) -> HasBuildKit {
        if api >= (1, 39) && self.os_type == "linux" {
            HasBuildKit::Yes
        } else {
            HasBuildKit::No
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HasBuildKit, Info};

    #[test]
    fn an_engine_has_buildkit_from_1_39_on_where_it_runs_linux() {
        use HasBuildKit::{No, Yes};
        for (api, system, wanted) in [
            ((1, 38), "linux", No),
            ((1, 39), "linux", Yes),
            ((1, 52), "linux", Yes),
            ((2, 0), "linux", Yes),
            ((1, 39), "windows", No),
            ((1, 52), "", No),
        ] {
            let info = Info {
                os_type: system.to_owned(),
                ..Info::default()
            };
            assert_eq!(info.buildkit(api), wanted, "{api:?} {system}");
        }
    }
}
