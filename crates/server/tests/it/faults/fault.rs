//! What fails, and how it is mended.

use super::{
    clock::{self, Clocks},
    world::{BUILDS, OTHER_HOST, STRUCK, World},
};
use std::{
    fmt,
    time::{Duration, Instant},
};
use testkit::cluster::Cut;

/// How long a database of which the first process was killed may refuse to start.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The one that keeps the Environment.
    ServerKilled,
    EngineKilled,
    /// Its dockerd, its agent and its link.
    HostLost,
    AgentKilled,
    DatabaseKilled,
    RegistryKilled,
    ServerCutFromNode,
    ServerCutFromDatabase,
    ServerCutFromConsul,
    NodeCutFromConsul,
    NodeCutFromRegistry,
    NodeCutFromNode,
    ServerCutFromBuilds,
    BuildsCutFromRegistry,
    /// That of the server that keeps the Environment: two hours ahead, and then back.
    ClockMoved,
}

/// What is left of a fault, until it is mended.
pub(super) enum Scar {
    Server(usize),
    Engine,
    Host,
    Agent,
    Database,
    Registry,
    Cut(Cut),
    Clock(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerKilled => "a server is killed",
            Self::EngineKilled => "a host's dockerd is killed",
            Self::HostLost => "a whole host is lost",
            Self::AgentKilled => "a host's Consul agent is killed",
            Self::DatabaseKilled => "the database is killed",
            Self::RegistryKilled => "the registry is killed",
            Self::ServerCutFromNode => "a server and a host are cut off",
            Self::ServerCutFromDatabase => "a server and the database are cut off",
            Self::ServerCutFromConsul => "a server and Consul are cut off",
            Self::NodeCutFromConsul => "a host and Consul's server are cut off",
            Self::NodeCutFromRegistry => "a host and the registry are cut off",
            Self::NodeCutFromNode => "two hosts are cut off",
            Self::ServerCutFromBuilds => "a server and the host that builds are cut off",
            Self::BuildsCutFromRegistry => "the host that builds and the registry are cut off",
            Self::ClockMoved => "a server's clock jumps",
        })
    }
}

impl Fault {
    pub(super) fn clocks(self) -> Clocks {
        match self {
            Self::ClockMoved => Clocks::Movable,
            _ => Clocks::OfTheMachine,
        }
    }

    /// The host whose instances it takes: a dockerd that was killed stops them when it comes back.
    pub(super) fn takes(self) -> Option<&'static str> {
        matches!(self, Self::EngineKilled | Self::HostLost).then_some(STRUCK)
    }

    pub(super) fn strike(self, world: &mut World) -> anyhow::Result<Scar> {
        let keeper = world.keeper()?;
        let server = World::place_of(keeper);
        let cluster = &mut world.cluster;
        Ok(match self {
            Self::ServerKilled => {
                world.servers[keeper].kill()?;
                Scar::Server(keeper)
            }
            Self::EngineKilled => {
                cluster.host(STRUCK).engine.kill()?;
                Scar::Engine
            }
            Self::HostLost => {
                cluster.cut(STRUCK)?;
                cluster.host(STRUCK).engine.kill()?;
                cluster.agent(STRUCK).kill()?;
                Scar::Host
            }
            Self::AgentKilled => {
                cluster.agent(STRUCK).kill()?;
                Scar::Agent
            }
            Self::DatabaseKilled => {
                world.postgres.kill()?;
                Scar::Database
            }
            Self::RegistryKilled => {
                cluster.kill_registry();
                Scar::Registry
            }
            Self::ServerCutFromNode => Scar::Cut(cluster.part(server, STRUCK)?),
            Self::ServerCutFromDatabase => Scar::Cut(cluster.part(server, "database")?),
            Self::ServerCutFromConsul => Scar::Cut(cluster.part(server, "consul")?),
            Self::NodeCutFromConsul => Scar::Cut(cluster.part(STRUCK, "consul")?),
            Self::NodeCutFromRegistry => Scar::Cut(cluster.part_from_registry(STRUCK)?),
            Self::NodeCutFromNode => Scar::Cut(cluster.part(STRUCK, OTHER_HOST)?),
            Self::ServerCutFromBuilds => Scar::Cut(cluster.part(server, BUILDS)?),
            Self::BuildsCutFromRegistry => Scar::Cut(cluster.part_from_registry(BUILDS)?),
            Self::ClockMoved => {
                clock::set(&world.clock_of(keeper), "+2h")?;
                Scar::Clock(keeper)
            }
        })
    }
}

impl Scar {
    pub(super) async fn heal(self, world: &mut World) -> anyhow::Result<()> {
        match self {
            Self::Server(at) => world.servers[at].resume_inside(),
            Self::Engine => world.cluster.host(STRUCK).engine.resume(),
            Self::Host => {
                world.cluster.mend(STRUCK)?;
                world.cluster.host(STRUCK).engine.resume()?;
                world.cluster.agent(STRUCK).resume()
            }
            Self::Agent => world.cluster.agent(STRUCK).resume(),
            Self::Database => start_database(world).await,
            Self::Registry => world.cluster.resume_registry(),
            Self::Cut(cut) => world.cluster.rejoin(&cut),
            Self::Clock(at) => clock::set(&world.clock_of(at), "+0"),
        }
    }
}

/// It does not start before the last process of the one before has ended.
async fn start_database(world: &World) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match world.postgres.start_again() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
