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
    /// As [`Fault::HostLost`], of the host that builds.
    BuildsLost,
    /// That of the server that keeps the Environment: two hours ahead, and then back.
    ClockMoved,
    /// The same: two hours back, and then ahead.
    ClockSetBack,
}

/// What is left of a fault, until it is mended.
pub(super) enum Scar {
    Server(usize),
    Engine(&'static str),
    Host(&'static str),
    Agent(&'static str),
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
            Self::BuildsLost => "the host that builds is lost",
            Self::ClockMoved => "a server's clock jumps",
            Self::ClockSetBack => "a server's clock is set back",
        })
    }
}

impl Fault {
    pub(super) fn clocks(self) -> Clocks {
        match self {
            Self::ClockMoved | Self::ClockSetBack => Clocks::Movable,
            _ => Clocks::OfTheMachine,
        }
    }

    /// The host that it happens to, where it happens to one.
    pub(super) fn host(self) -> &'static str {
        match self {
            Self::ServerCutFromBuilds | Self::BuildsCutFromRegistry | Self::BuildsLost => BUILDS,
            _ => STRUCK,
        }
    }

    /// The host whose instances it takes: a dockerd that was killed stops them when it comes back.
    pub(super) fn takes(self) -> Option<&'static str> {
        match self {
            Self::EngineKilled | Self::HostLost | Self::BuildsLost => Some(self.host()),
            _ => None,
        }
    }

    pub(super) fn strike(self, world: &mut World) -> anyhow::Result<Scar> {
        let keeper = world.keeper()?;
        let (server, host) = (World::place_of(keeper), self.host());
        let cluster = &mut world.cluster;
        Ok(match self {
            Self::ServerKilled => {
                world.servers[keeper].kill()?;
                Scar::Server(keeper)
            }
            Self::EngineKilled => {
                cluster.host(host).engine.kill()?;
                Scar::Engine(host)
            }
            Self::HostLost | Self::BuildsLost => {
                cluster.cut(host)?;
                cluster.host(host).engine.kill()?;
                cluster.agent(host).kill()?;
                Scar::Host(host)
            }
            Self::AgentKilled => {
                cluster.agent(host).kill()?;
                Scar::Agent(host)
            }
            Self::DatabaseKilled => {
                world.postgres.kill()?;
                Scar::Database
            }
            Self::RegistryKilled => {
                cluster.kill_registry();
                Scar::Registry
            }
            Self::ServerCutFromNode | Self::ServerCutFromBuilds => {
                Scar::Cut(cluster.part(server, host)?)
            }
            Self::ServerCutFromDatabase => Scar::Cut(cluster.part(server, "database")?),
            Self::ServerCutFromConsul => Scar::Cut(cluster.part(server, "consul")?),
            Self::NodeCutFromConsul => Scar::Cut(cluster.part(host, "consul")?),
            Self::NodeCutFromRegistry | Self::BuildsCutFromRegistry => {
                Scar::Cut(cluster.part_from_registry(host)?)
            }
            Self::NodeCutFromNode => Scar::Cut(cluster.part(host, OTHER_HOST)?),
            Self::ClockMoved => {
                clock::set(&world.clock_of(keeper), "+2h")?;
                Scar::Clock(keeper)
            }
            Self::ClockSetBack => {
                clock::set(&world.clock_of(keeper), "-2h")?;
                Scar::Clock(keeper)
            }
        })
    }
}

impl Scar {
    pub(super) async fn heal(self, world: &mut World) -> anyhow::Result<()> {
        match self {
            Self::Server(at) => world.servers[at].resume_inside(),
            Self::Engine(host) => world.cluster.host(host).engine.resume(),
            Self::Host(host) => {
                world.cluster.mend(host)?;
                world.cluster.host(host).engine.resume()?;
                world.cluster.agent(host).resume()
            }
            Self::Agent(host) => world.cluster.agent(host).resume(),
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
