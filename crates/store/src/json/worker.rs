//! What a Worker is, and what a commit declares of it.

use super::Stored;
use crate::fault::{Fault, corrupt, parse};
use domain::{
    ByteSize, CpuMillis, Scale, WorkerSpec,
    build::DeclaredWorker,
    worker::{Check, Command, Resources, Rollout, Timing},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Serialize, Deserialize)]
pub(crate) struct SpecJson {
    name: String,
    command: Option<CommandJson>,
    port: Option<u16>,
    /// Written where there are some. No server of an earlier version writes from then on: it would leave them out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ports: String,
    check: CheckJson,
    memory_bytes: Option<u64>,
    cpu_millis: Option<u32>,
    drain_us: u64,
    settle_us: u64,
    grace_us: u64,
    stop_us: u64,
    max_surge: Option<u16>,
    max_unavailable: u16,
    order: String,
    singleton: bool,
    /// Written by none before it could be said, and read by none that is older.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    constraints: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CommandJson {
    Shell(String),
    Exec(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CheckJson {
    Default,
    Http(String),
    Tcp,
}

impl Stored for WorkerSpec {
    type Mirror = SpecJson;

    fn mirror(&self) -> SpecJson {
        let Self {
            name,
            command,
            port,
            ports,
            check,
            resources: Resources { memory, cpu },
            timing:
                Timing {
                    drain,
                    settle,
                    grace,
                    stop,
                },
            rollout:
                Rollout {
                    max_surge,
                    max_unavailable,
                    order,
                },
            singleton,
            constraints,
        } = self;
        SpecJson {
            name: name.to_string(),
            command: command.as_ref().map(|command| match command {
                Command::Shell(line) => CommandJson::Shell(line.clone()),
                Command::Exec(argv) => CommandJson::Exec(argv.clone()),
            }),
            port: *port,
            ports: ports.to_string(),
            check: match check {
                Check::Default => CheckJson::Default,
                Check::Http(path) => CheckJson::Http(path.clone()),
                Check::Tcp => CheckJson::Tcp,
            },
            memory_bytes: memory.map(ByteSize::as_bytes),
            cpu_millis: cpu.map(CpuMillis::get),
            drain_us: micros(*drain),
            settle_us: micros(*settle),
            grace_us: micros(*grace),
            stop_us: micros(*stop),
            max_surge: *max_surge,
            max_unavailable: *max_unavailable,
            order: order.to_string(),
            singleton: *singleton,
            constraints: constraints.iter().map(ToString::to_string).collect(),
        }
    }

    fn restore(mirror: SpecJson) -> Result<Self, Fault> {
        Ok(Self {
            name: parse(&mirror.name)?,
            command: mirror.command.map(|command| match command {
                CommandJson::Shell(line) => Command::Shell(line),
                CommandJson::Exec(argv) => Command::Exec(argv),
            }),
            port: mirror.port,
            ports: parse(&mirror.ports)?,
            check: match mirror.check {
                CheckJson::Default => Check::Default,
                CheckJson::Http(path) => Check::Http(path),
                CheckJson::Tcp => Check::Tcp,
            },
            resources: Resources {
                memory: mirror.memory_bytes.map(ByteSize::bytes),
                cpu: mirror.cpu_millis.map(CpuMillis::new),
            },
            timing: Timing {
                drain: Duration::from_micros(mirror.drain_us),
                settle: Duration::from_micros(mirror.settle_us),
                grace: Duration::from_micros(mirror.grace_us),
                stop: Duration::from_micros(mirror.stop_us),
            },
            rollout: Rollout {
                max_surge: mirror.max_surge,
                max_unavailable: mirror.max_unavailable,
                order: parse(&mirror.order)?,
            },
            singleton: mirror.singleton,
            constraints: mirror
                .constraints
                .iter()
                .map(|text| parse(text))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DeclaredJson {
    spec: SpecJson,
    first_scale: u16,
    source: String,
}

impl Stored for DeclaredWorker {
    type Mirror = DeclaredJson;

    fn mirror(&self) -> DeclaredJson {
        let Self {
            spec,
            first_scale,
            source,
        } = self;
        DeclaredJson {
            spec: spec.mirror(),
            first_scale: first_scale.get(),
            source: source.to_string(),
        }
    }

    fn restore(mirror: DeclaredJson) -> Result<Self, Fault> {
        Ok(Self {
            spec: WorkerSpec::restore(mirror.spec)?,
            first_scale: scale(mirror.first_scale.into())?,
            source: parse(&mirror.source)?,
        })
    }
}

/// A stored scale. It was within the limit of its time, which may have been lowered since.
pub(crate) fn scale(stored: i64) -> Result<Scale, Fault> {
    Scale::new(stored, u16::MAX).map_err(corrupt)
}
