use std::time::Duration;

use clap::{Args, Subcommand};
use prost_types::FieldMask;
use proto::v1::{
    Argv, Check, Command as WireCommand, CreateWorkerRequest, CreateWorkerResponse,
    DeleteWorkerRequest, DeleteWorkerResponse, Deploy, GetWorkerRequest, HttpCheck,
    ListWorkersRequest, Resources, RolloutOrder, TcpCheck, UpdateWorkerRequest,
    UpdateWorkerResponse, Worker, check, command,
};

use crate::{
    client::{Mode, Planned},
    context::Context,
    exit::Error,
    follow, values,
};

/// Define, show and change workers
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey workers list -a sample -e development")]
pub(crate) enum Command {
    /// Defines a worker; the app is deployed with it if it runs in the environment
    #[command(
        after_help = "Example:\n  jockey workers create -a sample -e development mailer --command '/app/mailer'"
    )]
    Create(Definition),
    /// Lists workers; -a and -e narrow the list
    #[command(after_help = "Example:\n  jockey workers list -a sample -e development")]
    List,
    /// Shows one worker
    #[command(after_help = "Example:\n  jockey workers show -a sample -e development web")]
    Show {
        /// The worker, by name or id
        worker: String,
    },
    /// Changes a worker; its definition is then no longer the commit's
    #[command(
        after_help = "Example:\n  jockey workers update -a sample -e development web --memory 128MiB"
    )]
    Update(Definition),
    /// Deletes a worker; one that the commit declares comes back with the next deploy
    #[command(after_help = "Example:\n  jockey workers delete -a sample -e development mailer")]
    Delete {
        /// The worker, by name or id
        worker: String,
        /// Does not wait for the deploy that follows
        #[arg(long)]
        detach: bool,
    },
}

/// What may be said of a worker.
#[derive(Debug, Args)]
pub(crate) struct Definition {
    /// Its name; to change one, name or id
    worker: String,
    /// What it runs, as a line for a shell [default: the image's own command]
    #[arg(long, value_name = "LINE", conflicts_with = "argv")]
    command: Option<String>,
    /// What it runs, as a program and its arguments, after `--`
    #[arg(last = true, value_name = "PROGRAM")]
    argv: Vec<String>,
    /// The port on which it listens, 0 for none [default: 8888 for `web`, else none]
    #[arg(long)]
    port: Option<i32>,
    /// The path that answers 200 to 399 when it is ready
    #[arg(long, value_name = "PATH", conflicts_with = "check_tcp")]
    check_path: Option<String>,
    /// It is ready when its port accepts a connection
    #[arg(long)]
    check_tcp: bool,
    /// Memory for each instance, such as 64MiB
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    memory: Option<i64>,
    /// Cores for each instance, such as 0.25
    #[arg(long, value_name = "CORES", value_parser = values::cpu_millis)]
    cpu: Option<i32>,
    /// How long it keeps running out of traffic before it is stopped
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    drain: Option<Duration>,
    /// How long it must run without a port to count as ready
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    settle: Option<Duration>,
    /// How long it may be starting or unhealthy before it is replaced
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    grace: Option<Duration>,
    /// How long it has between being asked to stop and being killed
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    stop_timeout: Option<Duration>,
    /// Whether two of its instances may never overlap
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    singleton: Option<bool>,
    /// How many instances above its scale may run during a change
    #[arg(long, value_name = "NUMBER")]
    max_surge: Option<i32>,
    /// How many instances below its scale may be healthy during a change
    #[arg(long, value_name = "NUMBER")]
    max_unavailable: Option<i32>,
    /// Old instances stop before new ones start
    #[arg(long)]
    stop_first: bool,
    /// How many instances run
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    scale: Option<i32>,
    /// Does not wait for the deploy that follows
    #[arg(long)]
    detach: bool,
}

impl Definition {
    /// The names of the fields that are given.
    fn mask(&self) -> FieldMask {
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
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        FieldMask {
            paths: given.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// What is given of the resources, over what they were.
    fn resources_over(&self, before: Resources) -> Resources {
        Resources {
            memory_bytes: self.memory.unwrap_or(before.memory_bytes),
            cpu_millis: self.cpu.unwrap_or(before.cpu_millis),
        }
    }

    fn values(&self) -> Worker {
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
            command: kind.map(|kind| WireCommand { kind: Some(kind) }),
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
            ..Worker::default()
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let client = &context.client;
    match command {
        Command::Create(definition) => create(context, &definition).await,
        Command::List => {
            let request = ListWorkersRequest {
                app: context.given_app.clone().unwrap_or_default(),
                environment: context.given_environment.clone().unwrap_or_default(),
                ..ListWorkersRequest::default()
            };
            context.out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { worker } => {
            let (app, environment) = whose(context, &worker).await?;
            let request = GetWorkerRequest {
                worker,
                app,
                environment,
            };
            context
                .out
                .show(client.call(request).await?.worker.as_ref())
        }
        Command::Update(definition) => update(context, &definition).await,
        Command::Delete { worker, detach } => {
            let (app, environment) = whose(context, &worker).await?;
            let request = DeleteWorkerRequest {
                worker,
                app,
                environment,
                ..DeleteWorkerRequest::default()
            };
            let ending = Ending {
                verb: "deleted",
                detach,
            };
            finish(context, client.call(request).await?, &ending).await
        }
    }
}

async fn create(context: &Context, definition: &Definition) -> Result<(), Error> {
    let place = context.place().await?;
    let worker = Worker {
        app: place.app,
        environment: place.environment,
        name: definition.worker.clone(),
        ..definition.values()
    };
    let request = CreateWorkerRequest {
        worker: Some(worker),
        ..CreateWorkerRequest::default()
    };
    let answer = context.client.call(request).await?;
    finish(context, answer, &definition.ending("defined")).await
}

/// Sends what is given and nothing else. Memory and cores are one value: who gives one of them keeps
/// the other.
async fn update(context: &Context, definition: &Definition) -> Result<(), Error> {
    let (app, environment) = whose(context, &definition.worker).await?;
    let mut values = definition.values();
    let mut etag = String::new();
    if definition.memory.is_some() != definition.cpu.is_some() {
        let request = GetWorkerRequest {
            worker: definition.worker.clone(),
            app: app.clone(),
            environment: environment.clone(),
        };
        let answer = context.client.call(request).await?;
        let before = answer.worker.unwrap_or_default();
        values.resources = Some(definition.resources_over(before.resources.unwrap_or_default()));
        etag = before.etag;
    }
    let request = UpdateWorkerRequest {
        worker: definition.worker.clone(),
        app,
        environment,
        values: Some(values),
        update_mask: Some(definition.mask()),
        etag,
        ..UpdateWorkerRequest::default()
    };
    let answer = context.client.call(request).await?;
    finish(context, answer, &definition.ending("changed")).await
}

/// App and environment of a worker that is given by name; nothing for one that is given by id.
async fn whose(context: &Context, worker: &str) -> Result<(String, String), Error> {
    const ID: &str = "wrk-";
    if worker.starts_with(ID) {
        return Ok((String::new(), String::new()));
    }
    let place = context.place().await?;
    Ok((place.app, place.environment))
}

/// What is said in the end, and whether the deploy that follows is waited for.
struct Ending {
    verb: &'static str,
    detach: bool,
}

impl Definition {
    fn ending(&self, verb: &'static str) -> Ending {
        Ending {
            verb,
            detach: self.detach,
        }
    }
}

/// The answers that carry a worker and a deploy that may follow.
trait Changed: Planned {
    fn name(&self) -> String;
    fn deploy(&mut self) -> &mut Option<Deploy>;
}

macro_rules! changed {
    ($($answer:ident),*) => {$(
        impl Changed for $answer {
            fn name(&self) -> String {
                self.worker.clone().unwrap_or_default().name
            }

            fn deploy(&mut self) -> &mut Option<Deploy> {
                &mut self.deploy
            }
        }
    )*};
}

changed!(
    CreateWorkerResponse,
    UpdateWorkerResponse,
    DeleteWorkerResponse
);

async fn finish<A: Changed>(
    context: &Context,
    mut answer: A,
    ending: &Ending,
) -> Result<(), Error> {
    let mode = context.client.mode();
    let mut outcome = Ok(());
    if let Some(begun) = answer.deploy().clone()
        && mode == Mode::Run
        && !ending.detach
    {
        let ended = follow::deploy(context, &begun.id).await?;
        outcome = follow::check(&ended);
        *answer.deploy() = Some(ended);
    }
    let follows = match answer.deploy() {
        Some(deploy) => format!(", with {}", deploy.id),
        None => String::new(),
    };
    context.out.changed(mode, &answer, |answer| {
        format!("{} worker {}{follows}", ending.verb, answer.name())
    })?;
    outcome
}
