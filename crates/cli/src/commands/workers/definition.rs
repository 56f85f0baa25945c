//! What may be said of a worker on the command line.

use std::{collections::BTreeSet, time::Duration};

use clap::Args;
use prost_types::FieldMask;
use proto::v1::{
    Argv, Check, Command, HttpCheck, Resources, RolloutOrder, TcpCheck, Worker, check, command,
};

use crate::{
    exit::Error,
    values::{self, NamedPort},
};

/// What may be said of a worker.
#[derive(Debug, Args)]
pub(crate) struct Definition {
    /// Its name; to change one, name or id
    pub(super) worker: String,
    /// What it runs, as a line for a shell [default: the image's own command]
    #[arg(long, value_name = "LINE", conflicts_with = "argv")]
    command: Option<String>,
    /// What it runs, as a program and its arguments, after `--`
    #[arg(last = true, value_name = "PROGRAM")]
    argv: Vec<String>,
    /// The port on which it listens, 0 for none [default: 8888 for `web`, else none]
    #[arg(long)]
    port: Option<i32>,
    /// A further port on which it listens, such as `metrics=9100`; may be repeated, and replaces those
    /// it had; an empty one takes them away, those of the commit as well [default: none]
    #[arg(long, value_name = "NAME=PORT", value_parser = values::named_port)]
    named_port: Vec<NamedPort>,
    /// The path that answers 200 to 399 when it is ready [default: the image's HEALTHCHECK, else
    /// a connection to its port]
    #[arg(long, value_name = "PATH", conflicts_with = "check_tcp")]
    check_path: Option<String>,
    /// It is ready when its port accepts a connection
    #[arg(long)]
    check_tcp: bool,
    /// Memory for each instance, such as 64MiB; 6MiB to 4096GiB, and in a change also 0 for no limit
    /// [default: no reservation, no limit]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(super) memory: Option<i64>,
    /// Cores for each instance, such as 0.25; 0.01 to 1024, and in a change also 0 for no limit
    /// [default: no reservation, no limit]
    #[arg(long, value_name = "CORES", value_parser = values::cpu_millis)]
    pub(super) cpu: Option<i32>,
    /// How long it keeps running out of traffic before it is stopped [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    drain: Option<Duration>,
    /// How long it must run without a port to count as ready [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    settle: Option<Duration>,
    /// How long it may be starting or unhealthy before it is replaced [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    grace: Option<Duration>,
    /// How long it has between being asked to stop and being killed [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    stop_timeout: Option<Duration>,
    /// Whether two of its instances may never overlap [default: false]
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    singleton: Option<bool>,
    /// How many instances above its scale may run during a change [default: as many as its scale]
    #[arg(long, value_name = "NUMBER")]
    max_surge: Option<i32>,
    /// How many instances below its scale may be healthy during a change [default: 0]
    #[arg(long, value_name = "NUMBER")]
    max_unavailable: Option<i32>,
    /// What the meta of a node has to say, such as `disk == ssd` or `gpu != none`; may be repeated,
    /// and replaces those it had; an empty one takes them away [default: any node will do]
    #[arg(long, value_name = "CONSTRAINT")]
    constraint: Vec<String>,
    /// Old instances stop before new ones start
    #[arg(long)]
    stop_first: bool,
    /// How many instances run [default, for a new one: 1 for `web`, else 0]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    scale: Option<i32>,
    /// Does not wait for the deploy that follows
    #[arg(long)]
    pub(super) detach: bool,
}

impl Definition {
    /// The names of the fields that are given.
    pub(super) fn mask(&self) -> FieldMask {
        let has_command = self.command.is_some() || !self.argv.is_empty();
        let given = [
            ("command", has_command),
            ("port", self.port.is_some()),
            ("check", self.check_path.is_some() || self.check_tcp),
            ("resources", self.memory.is_some() || self.cpu.is_some()),
            ("drain", self.drain.is_some()),
            ("settle", self.settle.is_some()),
            ("grace", self.grace.is_some()),
            ("stop_timeout", self.stop_timeout.is_some()),
            ("singleton", self.singleton.is_some()),
            ("max_surge", self.max_surge.is_some()),
            ("max_unavailable", self.max_unavailable.is_some()),
            ("rollout_order", self.stop_first),
            ("scale", self.scale.is_some()),
            ("constraints", !self.constraint.is_empty()),
            ("ports", !self.named_port.is_empty()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        FieldMask {
            paths: given.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// Whether what may be repeated says each thing once.
    ///
    /// # Errors
    /// `BadValue` with what is said twice.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        let mut said = self.named_port.iter().filter_map(NamedPort::get);
        match said.find(|(name, _)| !names.insert(name.clone())) {
            Some((name, _)) => Err(Error::BadValue(format!(
                "--named-port says {name} twice; a name has one port"
            ))),
            None => Ok(()),
        }
    }

    /// Whether it can be that of a new worker: 0 takes a limit away, and a new one has none.
    ///
    /// # Errors
    /// `BadValue` with the bounds.
    pub(super) fn check_new(&self) -> Result<(), Error> {
        let problem = match (self.memory, self.cpu) {
            (Some(0), _) => "--memory is 6MiB to 4096GiB; leave it out for no limit",
            (_, Some(0)) => "--cpu is 0.01 to 1024; leave it out for no limit",
            _ => return Ok(()),
        };
        Err(Error::BadValue(problem.to_owned()))
    }

    /// What is given of the resources, over what they were.
    pub(super) fn resources_over(&self, before: Resources) -> Resources {
        Resources {
            memory_bytes: self.memory.unwrap_or(before.memory_bytes),
            cpu_millis: self.cpu.unwrap_or(before.cpu_millis),
        }
    }

    fn constraints(&self) -> Vec<String> {
        let said = self.constraint.iter();
        said.filter(|constraint| !constraint.trim().is_empty())
            .cloned()
            .collect()
    }

    pub(super) fn values(&self) -> Worker {
        let kind = match (&self.command, self.argv.is_empty()) {
            (Some(line), _) => Some(command::Kind::Shell(line.clone())),
            (None, false) => Some(command::Kind::Argv(Argv {
                args: self.argv.clone(),
            })),
            (None, true) => None,
        };
        let asked = match (&self.check_path, self.check_tcp) {
            (Some(path), _) => Some(check::Kind::Http(HttpCheck { path: path.clone() })),
            (None, true) => Some(check::Kind::Tcp(TcpCheck {})),
            (None, false) => None,
        };
        let resources = self.resources_over(Resources::default());
        let order = if self.stop_first {
            RolloutOrder::StopFirst
        } else {
            RolloutOrder::Unspecified
        };
        Worker {
            command: kind.map(|kind| Command { kind: Some(kind) }),
            port: self.port,
            check: asked.map(|kind| Check { kind: Some(kind) }),
            resources: (self.memory.is_some() || self.cpu.is_some()).then_some(resources),
            drain: self.drain.map(values::to_wire),
            settle: self.settle.map(values::to_wire),
            grace: self.grace.map(values::to_wire),
            stop_timeout: self.stop_timeout.map(values::to_wire),
            singleton: self.singleton.unwrap_or_default(),
            max_surge: self.max_surge,
            max_unavailable: self.max_unavailable,
            rollout_order: order.into(),
            scale: self.scale,
            constraints: self.constraints(),
            ports: self.named_port.iter().filter_map(NamedPort::get).collect(),
            ..Worker::default()
        }
    }
}
