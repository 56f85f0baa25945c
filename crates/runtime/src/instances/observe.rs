//! Reading what the Engine says of a container. Only the few fields that are needed, so that older and newer
//! Engines, and states that are not known yet, are read as well.

use super::singletons::Singleton;
use crate::{
    labels::{self, Labels},
    moment,
};
use domain::{
    ByteSize, CpuMillis, NodeName, ObservedInstance, Timestamp,
    observed::{Authenticity, End, ImageCheck, Origin, Phase, RestartPolicy},
    worker::Resources,
};
use ports::processes::ObservedRun;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One line of the list of containers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) names: Vec<String>,
    pub(super) state: String,
    /// For people: `Up 3 minutes (healthy)`, `Exited (1) 5 seconds ago`.
    pub(super) status: String,
}

/// All about one container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Inspected {
    pub(super) id: String,
    name: String,
    created: String,
    image: String,
    restart_count: u32,
    state: State,
    config: Config,
    host_config: HostConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    status: String,
    exit_code: i64,
    pid: u32,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    started_at: String,
    finished_at: String,
    health: Option<Health>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Health {
    status: String,
    log: Option<Vec<Check>>,
}

/// One run of the image's own check.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Check {
    exit_code: i64,
    output: String,
}

/// The most that is told of what a check printed, in characters.
const SAID_MAX: usize = 300;

impl Health {
    fn check(&self) -> Option<ImageCheck> {
        match self.status.as_str() {
            "starting" => Some(ImageCheck::Starting),
            "healthy" => Some(ImageCheck::Passing),
            "unhealthy" => Some(ImageCheck::Failing { said: self.said() }),
            _ => None,
        }
    }

    /// What the check printed when it failed last.
    fn said(&self) -> String {
        let mut runs = self.log.iter().flatten().rev();
        let failed = runs.find(|run| run.exit_code != 0);
        let words = failed.into_iter().flat_map(|run| {
            let is_between = |c: char| c.is_whitespace() || c.is_control();
            run.output.split(is_between).filter(|word| !word.is_empty())
        });
        let line = words.collect::<Vec<_>>().join(" ");
        line.chars().take(SAID_MAX).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    labels: Option<Labels>,
    cmd: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    restart_policy: Named,
    port_bindings: Option<BTreeMap<String, Option<Vec<Binding>>>>,
    /// Bytes. 0: no limit.
    memory: u64,
    /// Billionths of a core. 0: no limit.
    #[serde(rename = "NanoCpus")]
    nano_cpus: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_port: String,
}

impl State {
    fn end(&self) -> End {
        if self.oom_killed {
            End::OutOfMemory
        } else {
            End::Exit
        }
    }
}

impl Inspected {
    /// Its labels.
    pub(super) fn labels(&self) -> Labels {
        self.config.labels.clone().unwrap_or_default()
    }

    /// Where its life stands. A state that is not known counts as ended: it is not running.
    pub(super) fn phase(&self) -> Phase {
        let state = &self.state;
        match state.status.as_str() {
            "created" => Phase::Created,
            "paused" => Phase::Paused {
                since: time(&state.started_at),
                restarts: self.restart_count,
            },
            "running" | "stopping" => Phase::Running {
                since: time(&state.started_at),
                restarts: self.restart_count,
                check: state.health.as_ref().and_then(Health::check),
            },
            "restarting" => Phase::Restarting {
                restarts: self.restart_count,
                code: state.exit_code,
                end: state.end(),
            },
            _ => Phase::Exited {
                code: state.exit_code,
                end: state.end(),
                at: time(&state.finished_at),
            },
        }
    }

    /// Whether it is in this state, with the detail that the list of containers tells of it: what its own check says
    /// while it runs, or the code with which it ended.
    pub(super) fn agrees_with(&self, state: &str, detail: &str) -> bool {
        let health = self
            .state
            .health
            .as_ref()
            .map(|health| health.status.as_str());
        self.state.status == state
            && match state {
                "running" => {
                    health.unwrap_or("none") == if detail.is_empty() { "none" } else { detail }
                }
                "exited" => self.state.exit_code.to_string() == detail,
                _ => false,
            }
    }

    /// What the node does by itself when it ends.
    pub(super) fn restart_policy(&self) -> RestartPolicy {
        match self.host_config.restart_policy.name.as_str() {
            "unless-stopped" | "always" => RestartPolicy::UnlessStopped,
            _ => RestartPolicy::No,
        }
    }

    /// The instance that it is. None when its labels are not those of an instance.
    pub(super) fn instance(&self, node: &NodeName) -> Option<ObservedInstance> {
        let identity = labels::identity(self.config.labels.as_ref()?)?;
        let named = self.name.trim_start_matches('/');
        let inside = labels::named_ports(&self.labels());
        let (firsts, others): (Vec<_>, Vec<_>) = self
            .published()
            .partition(|(port, _)| !inside.numbers().any(|named| named == *port));
        let (listens_on, port) = firsts.first().copied().unzip();
        let bound = |named: u16| others.iter().find(|(port, _)| *port == named);
        let ports = inside
            .iter()
            .filter_map(|(name, port)| Some((name.clone(), bound(port)?.1)))
            .collect();
        Some(ObservedInstance {
            instance: identity.instance,
            handle: self.id.clone(),
            authenticity: if named == identity.instance.to_string() {
                Authenticity::Genuine
            } else {
                Authenticity::Copy
            },
            node: node.clone(),
            app: identity.app,
            environment: identity.environment,
            deploy: identity.deploy,
            worker: identity.worker,
            config: identity.config,
            image: self.image.parse().ok(),
            commit: identity.commit,
            phase: self.phase(),
            restart: self.restart_policy(),
            port,
            ports,
            created_at: time(&self.created),
            origin: Origin {
                app: identity.app_name,
                environment: identity.environment_name,
                listens_on,
                named: inside,
                argv: self.config.cmd.clone().filter(|argv| !argv.is_empty()),
                resources: self.resources(),
            },
        })
    }

    /// What runs of a singleton, as the host's own processes have it. None when it is none, or does not run.
    pub(super) fn singleton(self) -> Option<Singleton> {
        let labels = self.config.labels.as_ref()?;
        let is_one = labels.contains_key(labels::FENCE) && self.is_active();
        is_one.then_some(Singleton {
            process: (self.state.pid > 0).then_some(self.state.pid),
            handle: self.id,
        })
    }

    /// The one-off run that it is. None when its labels are not those of one, or it is a copy of one.
    pub(super) fn run(&self) -> Option<ObservedRun> {
        let identity = labels::run_identity(self.config.labels.as_ref()?)?;
        let genuine = self.name.trim_start_matches('/') == identity.run.to_string();
        genuine.then(|| ObservedRun {
            run: identity.run,
            app: identity.app,
            environment: identity.environment,
            attendance: identity.attendance,
            image: self.image.parse().ok(),
            until: identity.until,
            phase: self.phase(),
        })
    }

    /// Ports inside and the host ports that lead there, as they were asked for: they are there also when the container is
    /// not running.
    fn published(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        let number = |text: &str| text.parse().ok().filter(|port: &u16| *port > 0);
        let bindings = self.host_config.port_bindings.iter().flatten();
        bindings.filter_map(move |(inside, bound)| {
            let inside = number(inside.strip_suffix("/tcp")?)?;
            let host = |binding: &Binding| number(&binding.host_port);
            Some((inside, bound.iter().flatten().find_map(host)?))
        })
    }

    fn resources(&self) -> Resources {
        let HostConfig {
            memory, nano_cpus, ..
        } = self.host_config;
        let cpu = u32::try_from(nano_cpus / 1_000_000).unwrap_or(u32::MAX);
        Resources {
            memory: (memory > 0).then(|| ByteSize::bytes(memory)),
            cpu: (cpu > 0).then(|| CpuMillis::new(cpu)),
        }
    }
}

/// A time that cannot be read is one long ago: nothing is young for it.
fn time(text: &str) -> Timestamp {
    moment::from_text(text).unwrap_or(Timestamp::EPOCH)
}

#[cfg(test)]
mod tests;
