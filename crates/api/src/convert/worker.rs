//! Workers.

use super::{id, time, unknown_value};
use crate::{
    mask::{Mask, text},
    status::Refusal,
};
use controller::usecases::{Etag, workers::WorkerView};
use domain::{
    ByteSize, CpuMillis, PortName, WorkerName, WorkerSpec,
    worker::{
        Check, Command, Constraint, NamedPorts, Order, Resources, Rollout, Timing, WorkerSource,
    },
};
use proto::v1::{self, check, command};
use std::{collections::BTreeMap, time::Duration};

/// What an update may name.
const FIELDS: [&str; 16] = [
    "name",
    "command",
    "port",
    "check",
    "resources",
    "drain",
    "settle",
    "grace",
    "stop_timeout",
    "singleton",
    "max_surge",
    "max_unavailable",
    "rollout_order",
    "scale",
    "constraints",
    "ports",
];

pub(crate) fn wire(view: &WorkerView) -> v1::Worker {
    let worker = &view.worker;
    let source = match worker.source {
        WorkerSource::Api => v1::WorkerSource::Api,
        WorkerSource::Manifest => v1::WorkerSource::JockeyToml,
        WorkerSource::Procfile => v1::WorkerSource::Procfile,
        WorkerSource::Image => v1::WorkerSource::Default,
    };
    v1::Worker {
        id: id(worker.id, worker.id.number()),
        app: view.app.clone(),
        environment: view.environment.clone(),
        scale: Some(i32::from(worker.scale.get())),
        source: source.into(),
        create_time: Some(time::wire(worker.created_at)),
        update_time: Some(time::wire(worker.updated_at)),
        etag: Etag::changed_at(worker.updated_at).to_string(),
        ..definition(&worker.spec)
    }
}

/// The definition alone.
pub(crate) fn definition(spec: &WorkerSpec) -> v1::Worker {
    let kind = match &spec.check {
        Check::Default => None,
        Check::Http(path) => Some(check::Kind::Http(v1::HttpCheck { path: path.clone() })),
        Check::Tcp => Some(check::Kind::Tcp(v1::TcpCheck {})),
    };
    let order = match spec.rollout.order {
        Order::StartFirst => v1::RolloutOrder::StartFirst,
        Order::StopFirst => v1::RolloutOrder::StopFirst,
    };
    let memory = spec.resources.memory.map_or(0, ByteSize::as_bytes);
    let cpu = spec.resources.cpu.map_or(0, CpuMillis::get);
    v1::Worker {
        name: spec.name.to_string(),
        command: spec.command.as_ref().map(wire_command),
        port: Some(i32::from(spec.port.unwrap_or(0))),
        check: kind.map(|kind| v1::Check { kind: Some(kind) }),
        resources: Some(v1::Resources {
            memory_bytes: i64::try_from(memory).unwrap_or(i64::MAX),
            cpu_millis: i32::try_from(cpu).unwrap_or(i32::MAX),
        }),
        drain: Some(time::duration(spec.timing.drain)),
        settle: Some(time::duration(spec.timing.settle)),
        grace: Some(time::duration(spec.timing.grace)),
        stop_timeout: Some(time::duration(spec.timing.stop)),
        singleton: spec.singleton,
        max_surge: spec.rollout.max_surge.map(i32::from),
        max_unavailable: Some(i32::from(spec.rollout.max_unavailable)),
        rollout_order: order.into(),
        constraints: spec.constraints.iter().map(ToString::to_string).collect(),
        ports: spec
            .ports
            .iter()
            .map(|(name, port)| (name.to_string(), i32::from(port)))
            .collect(),
        ..v1::Worker::default()
    }
}

fn wire_command(command: &Command) -> v1::Command {
    let kind = match command {
        Command::Shell(line) => command::Kind::Shell(line.clone()),
        Command::Exec(argv) => command::Kind::Argv(v1::Argv { args: argv.clone() }),
    };
    v1::Command { kind: Some(kind) }
}

/// What shall change of a definition. Outer none: it stays; inner none: its default again.
pub(crate) struct Edit {
    name: Option<WorkerName>,
    command: Option<Option<Command>>,
    port: Option<Option<Option<u16>>>,
    check: Option<Check>,
    resources: Option<Resources>,
    drain: Option<Duration>,
    settle: Option<Duration>,
    grace: Option<Duration>,
    stop: Option<Duration>,
    singleton: Option<bool>,
    max_surge: Option<Option<u16>>,
    max_unavailable: Option<u16>,
    order: Option<Order>,
    constraints: Option<Vec<Constraint>>,
    ports: Option<NamedPorts>,
}

/// The definition of a new Worker, and its scale where one is given.
pub(crate) fn wanted(worker: v1::Worker) -> Result<(WorkerSpec, Option<i64>), Refusal> {
    let mut spec = WorkerSpec::named(super::parse("worker.name", &worker.name)?);
    let (edit, scale) = read(worker, &Mask::of_create())?;
    edit.apply(&mut spec);
    Ok((spec, scale))
}

/// What an update changes: the definition, and the scale where that is meant.
pub(crate) fn edit(
    values: Option<v1::Worker>,
    mask: Option<&prost_types::FieldMask>,
) -> Result<(Edit, Option<i64>), Refusal> {
    let mask = Mask::read(mask, &FIELDS)?;
    read(values.unwrap_or_default(), &mask)
}

fn read(values: v1::Worker, mask: &Mask<'_>) -> Result<(Edit, Option<i64>), Refusal> {
    let timing = Timing::default();
    let duration = |field: &str, value, default: Duration| {
        let value = time::parse_duration(field, value)?;
        Ok::<_, Refusal>(mask.pick(field, value).map(|time| time.unwrap_or(default)))
    };
    let order = parse_order(values.rollout_order)?;
    let constraints = parse_constraints(&values.constraints)?;
    let ports = parse_ports(&values.ports)?;
    let scale = mask.pick("scale", values.scale).flatten();
    let name = mask.pick("name", text(values.name));
    let name = name.map(|name| super::parse("name", &name.unwrap_or_default()));
    let edit = Edit {
        name: name.transpose()?,
        command: mask.pick("command", values.command.map(parse_command).transpose()?),
        port: mask.pick("port", values.port.map(parse_port).transpose()?),
        check: mask
            .pick("check", values.check.map(parse_check))
            .map(Option::unwrap_or_default),
        resources: mask
            .pick(
                "resources",
                values.resources.map(parse_resources).transpose()?,
            )
            .map(Option::unwrap_or_default),
        drain: duration("drain", values.drain, timing.drain)?,
        settle: duration("settle", values.settle, timing.settle)?,
        grace: duration("grace", values.grace, timing.grace)?,
        stop: duration("stop_timeout", values.stop_timeout, timing.stop)?,
        singleton: mask
            .pick("singleton", values.singleton.then_some(true))
            .map(Option::unwrap_or_default),
        max_surge: mask.pick("max_surge", count("max_surge", values.max_surge)?),
        max_unavailable: mask
            .pick(
                "max_unavailable",
                count("max_unavailable", values.max_unavailable)?,
            )
            .map(Option::unwrap_or_default),
        order: mask
            .pick("rollout_order", order)
            .map(|order| order.unwrap_or(Rollout::default().order)),
        constraints: mask
            .pick("constraints", constraints)
            .map(Option::unwrap_or_default),
        ports: mask.pick("ports", ports).map(Option::unwrap_or_default),
    };
    Ok((edit, scale.map(i64::from)))
}

impl Edit {
    pub(crate) fn apply(self, spec: &mut WorkerSpec) {
        let default = WorkerSpec::named(spec.name.clone());
        spec.name = self.name.unwrap_or_else(|| spec.name.clone());
        if let Some(command) = self.command {
            spec.command = command;
        }
        if let Some(port) = self.port {
            spec.port = port.unwrap_or(default.port);
        }
        let timing = &mut spec.timing;
        timing.drain = self.drain.unwrap_or(timing.drain);
        timing.settle = self.settle.unwrap_or(timing.settle);
        timing.grace = self.grace.unwrap_or(timing.grace);
        timing.stop = self.stop.unwrap_or(timing.stop);
        let rollout = &mut spec.rollout;
        rollout.max_surge = self.max_surge.unwrap_or(rollout.max_surge);
        rollout.max_unavailable = self.max_unavailable.unwrap_or(rollout.max_unavailable);
        rollout.order = self.order.unwrap_or(rollout.order);
        spec.resources = self.resources.unwrap_or(spec.resources);
        spec.singleton = self.singleton.unwrap_or(spec.singleton);
        if let Some(constraints) = self.constraints {
            spec.constraints = constraints;
        }
        if let Some(ports) = self.ports {
            spec.ports = ports;
        }
        if let Some(check) = self.check {
            spec.check = check;
        }
    }
}

fn parse_command(command: v1::Command) -> Result<Command, Refusal> {
    match command.kind {
        Some(command::Kind::Shell(line)) => Ok(Command::Shell(line)),
        Some(command::Kind::Argv(argv)) => Ok(Command::Exec(argv.args)),
        None => Err(Refusal::field(
            "command",
            "the command is neither a shell line nor a program with its arguments; leave it out to run the image's own",
        )),
    }
}

/// 0 is none.
fn parse_port(port: i32) -> Result<Option<u16>, Refusal> {
    match u16::try_from(port) {
        Ok(0) => Ok(None),
        Ok(port) => Ok(Some(port)),
        Err(_) => Err(Refusal::field(
            "port",
            format!("{port} is no port: it is 1 to 65535, or 0 for none"),
        )),
    }
}

fn parse_check(check: v1::Check) -> Check {
    match check.kind {
        Some(check::Kind::Http(http)) => Check::Http(http.path),
        Some(check::Kind::Tcp(v1::TcpCheck {})) => Check::Tcp,
        None => Check::Default,
    }
}

fn parse_resources(resources: v1::Resources) -> Result<Resources, Refusal> {
    let negative =
        |field: &str| Refusal::field(format!("resources.{field}"), "a size is not negative");
    let memory = u64::try_from(resources.memory_bytes).map_err(|_| negative("memory_bytes"))?;
    let cpu = u32::try_from(resources.cpu_millis).map_err(|_| negative("cpu_millis"))?;
    Ok(Resources {
        memory: (memory > 0).then_some(ByteSize::bytes(memory)),
        cpu: (cpu > 0).then_some(CpuMillis::new(cpu)),
    })
}

/// None where none is said.
fn parse_constraints(said: &[String]) -> Result<Option<Vec<Constraint>>, Refusal> {
    let read = said.iter().map(|text| super::parse("constraints", text));
    let read = read.collect::<Result<Vec<Constraint>, Refusal>>()?;
    Ok((!read.is_empty()).then_some(read))
}

/// None where none is said.
fn parse_ports(said: &BTreeMap<String, i32>) -> Result<Option<NamedPorts>, Refusal> {
    let one = |(name, number): (&String, &i32)| {
        let name: PortName = super::parse("ports", name)?;
        let port = name.port((*number).into());
        let port = port.map_err(|error| Refusal::field("ports", error.to_string()))?;
        Ok::<_, Refusal>((name, port))
    };
    let read: NamedPorts = said.iter().map(one).collect::<Result<_, _>>()?;
    Ok((!read.is_empty()).then_some(read))
}

fn count(field: &str, count: Option<i32>) -> Result<Option<u16>, Refusal> {
    let bad = |count| Refusal::field(field, format!("{count} is not possible: it is 0 to 65535"));
    count
        .map(|count| u16::try_from(count).map_err(|_| bad(count)))
        .transpose()
}

fn parse_order(number: i32) -> Result<Option<Order>, Refusal> {
    match v1::RolloutOrder::try_from(number) {
        Ok(v1::RolloutOrder::Unspecified) => Ok(None),
        Ok(v1::RolloutOrder::StartFirst) => Ok(Some(Order::StartFirst)),
        Ok(v1::RolloutOrder::StopFirst) => Ok(Some(Order::StopFirst)),
        Err(_) => Err(unknown_value("rollout_order", number)),
    }
}
