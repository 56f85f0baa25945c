//! The file as it is written, and how it becomes Workers.

use super::duration;
use crate::{
    ByteSize, CpuMillis, PortName, Scale, WorkerName, WorkerSpec,
    build::DeclaredWorker,
    names::BadName,
    worker::{
        BadConstraint, Check, Command, Constraint, NamedPorts, Order, Resources, Rollout,
        SCALE_MOST, StuckRollout, Timing, WorkerSource,
    },
};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) workers: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    command: Option<Line>,
    port: Option<Port>,
    #[serde(default)]
    ports: BTreeMap<String, i64>,
    scale: Option<i64>,
    check: Option<Probe>,
    drain: Option<String>,
    settle: Option<String>,
    grace: Option<String>,
    stop: Option<String>,
    #[serde(default)]
    resources: Limits,
    #[serde(default)]
    strategy: Strategy,
    #[serde(default)]
    singleton: bool,
    #[serde(default)]
    constraints: Vec<String>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a command is a line for the shell or a list of words"
)]
enum Line {
    Shell(String),
    Exec(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a port is a number, or false for none")]
enum Port {
    Number(i64),
    Switch(bool),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a check is { path = \"/…\" } or \"tcp\"")]
enum Probe {
    Word(String),
    Http(HttpProbe),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpProbe {
    path: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Limits {
    memory: Option<String>,
    cpu: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Strategy {
    max_surge: Option<i64>,
    max_unavailable: Option<i64>,
    order: Option<String>,
}

/// The key, and what is wrong with its value.
type Fault = (&'static str, String);

const HOUR: Duration = Duration::from_secs(3600);

impl Table {
    pub(super) fn into_worker(self, name: WorkerName) -> Result<DeclaredWorker, Fault> {
        let defaults = WorkerSpec::named(name.clone());
        let timing = times(&self, defaults.timing)?;
        let port = match self.port {
            None => defaults.port,
            Some(port) => port.check()?,
        };
        // Which server reads it is not known here: each has a limit of its own, and says so when it deploys.
        let first_scale = match self.scale {
            None => Scale::first_of(&name),
            Some(asked) => {
                Scale::new(asked, SCALE_MOST).map_err(|error| ("scale", error.to_string()))?
            }
        };
        let check = match self.check {
            None => Check::Default,
            Some(_) if port.is_none() => {
                let what = "a worker without a port cannot be asked; give it a port".to_owned();
                return Err(("check", what));
            }
            Some(probe) => probe.check()?,
        };
        let usual = match self.singleton {
            true => Order::StopFirst,
            false => Order::StartFirst,
        };
        let rollout = self.strategy.check(usual)?;
        if self.singleton && rollout.order == Order::StartFirst {
            let what = "a singleton never overlaps itself: it goes stop-first".to_owned();
            return Err(("strategy.order", what));
        }
        let spec = WorkerSpec {
            command: self.command.map(Line::check).transpose()?,
            port,
            ports: ports(&self.ports)?,
            check,
            resources: self.resources.check()?,
            timing,
            rollout,
            singleton: self.singleton,
            constraints: constraints(&self.constraints)?,
            ..defaults
        };
        spec.check_ports()
            .map_err(|error| ("ports", error.to_string()))?;
        Ok(DeclaredWorker {
            spec,
            first_scale,
            source: WorkerSource::Manifest,
        })
    }
}

fn times(said: &Table, usual: Timing) -> Result<Timing, Fault> {
    let second = Duration::from_secs(1);
    Ok(Timing {
        drain: time("drain", said.drain.as_deref(), usual.drain, Duration::ZERO)?,
        settle: time(
            "settle",
            said.settle.as_deref(),
            usual.settle,
            Duration::ZERO,
        )?,
        grace: time("grace", said.grace.as_deref(), usual.grace, second)?,
        stop: time("stop", said.stop.as_deref(), usual.stop, Duration::ZERO)?,
    })
}

fn ports(said: &BTreeMap<String, i64>) -> Result<NamedPorts, Fault> {
    let read = said.iter().map(|(name, number)| {
        let bad = |error: &dyn std::fmt::Display| ("ports", error.to_string());
        let name: PortName = name.parse().map_err(|error: BadName| bad(&error))?;
        let port = name.port(*number).map_err(|error| bad(&error))?;
        Ok((name, port))
    });
    read.collect()
}

fn constraints(said: &[String]) -> Result<Vec<Constraint>, Fault> {
    let bad = |error: BadConstraint| ("constraints", error.to_string());
    let read = said.iter().map(|text| text.parse::<Constraint>());
    let read = read.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    Constraint::check_number(&read).map_err(bad)?;
    Ok(read)
}

impl Line {
    fn check(self) -> Result<Command, Fault> {
        let empty = || {
            (
                "command",
                "it is empty; leave it out for the image's own".to_owned(),
            )
        };
        let nul = || {
            (
                "command",
                "it holds a NUL byte, which no argument can".to_owned(),
            )
        };
        let has_nul = match &self {
            Self::Shell(line) => line.contains('\0'),
            Self::Exec(argv) => argv.iter().any(|argument| argument.contains('\0')),
        };
        match self {
            Self::Shell(_) | Self::Exec(_) if has_nul => Err(nul()),
            Self::Shell(line) if line.trim().is_empty() => Err(empty()),
            Self::Exec(argv) if argv.first().is_none_or(String::is_empty) => Err(empty()),
            Self::Shell(line) => Ok(Command::Shell(line)),
            Self::Exec(argv) => Ok(Command::Exec(argv)),
        }
    }
}

impl Port {
    fn check(self) -> Result<Option<u16>, Fault> {
        match self {
            Self::Switch(false) => Ok(None),
            Self::Number(number) => match u16::try_from(number) {
                Ok(port) if port > 0 => Ok(Some(port)),
                _ => Err((
                    "port",
                    format!("{number} is no port; it is 1 to 65535, or false for none"),
                )),
            },
            Self::Switch(true) => Err((
                "port",
                "true is no port; it is 1 to 65535, or false for none".to_owned(),
            )),
        }
    }
}

impl Probe {
    fn check(self) -> Result<Check, Fault> {
        match self {
            Self::Word(word) if word == "tcp" => Ok(Check::Tcp),
            Self::Word(word) => {
                let what = format!("`{word}` is no check; it is \"tcp\" or {{ path = \"/…\" }}");
                Err(("check", what))
            }
            Self::Http(HttpProbe { path }) => {
                let plain = path.bytes().all(|byte| byte.is_ascii_graphic());
                match path.starts_with('/') && plain {
                    true => Ok(Check::Http(path)),
                    false => Err((
                        "check.path",
                        format!("`{path}` is no path; it begins with `/` and has no spaces"),
                    )),
                }
            }
        }
    }
}

impl Limits {
    fn check(self) -> Result<Resources, Fault> {
        let memory = self
            .memory
            .map(|text| text.parse::<ByteSize>())
            .transpose()
            .map_err(|error| ("resources.memory", error.to_string()))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what is no number of thousandths becomes one that is refused: 0, or the largest"
        )]
        let cpu = self
            .cpu
            .map(|cores| CpuMillis::new((cores * 1000.0).round() as u32));
        let resources = Resources { memory, cpu };
        match resources.check() {
            Ok(()) => Ok(resources),
            Err(error) if error.is_of_memory() => Err(("resources.memory", error.to_string())),
            Err(error) => Err(("resources.cpu", error.to_string())),
        }
    }
}

impl Strategy {
    fn check(self, usual: Order) -> Result<Rollout, Fault> {
        let defaults = Rollout::default();
        let order = match self.order {
            None => usual,
            Some(word) => word
                .parse()
                .map_err(|error: crate::UnknownWord| ("strategy.order", error.to_string()))?,
        };
        let max_unavailable = number("strategy.max_unavailable", self.max_unavailable)?;
        let rollout = Rollout {
            max_surge: number("strategy.max_surge", self.max_surge)?,
            max_unavailable: max_unavailable.unwrap_or(defaults.max_unavailable),
            order,
        };
        let stuck = |error: StuckRollout| ("strategy", error.to_string());
        rollout.check().map_err(stuck)?;
        Ok(rollout)
    }
}

fn number(key: &'static str, asked: Option<i64>) -> Result<Option<u16>, Fault> {
    asked
        .map(|asked| match u16::try_from(asked) {
            Ok(number) if number <= SCALE_MOST => Ok(number),
            _ => Err((
                key,
                format!("{asked} is not possible; it is 0 to {SCALE_MOST}"),
            )),
        })
        .transpose()
}

fn time(
    key: &'static str,
    text: Option<&str>,
    default: Duration,
    least: Duration,
) -> Result<Duration, Fault> {
    let Some(text) = text else {
        return Ok(default);
    };
    match duration::parse(text) {
        Some(time) if time >= least && time <= HOUR => Ok(time),
        Some(_) => Err((
            key,
            format!("`{text}` is not possible; it is {}s to 1h", least.as_secs()),
        )),
        None => Err((
            key,
            format!(
                "`{text}` is no duration; write a number and a unit, as in `500ms`, `1s` or `2m`"
            ),
        )),
    }
}
