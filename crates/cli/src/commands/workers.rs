mod definition;

use clap::Subcommand;
use proto::v1::{
    CreateWorkerRequest, CreateWorkerResponse, DeleteWorkerRequest, DeleteWorkerResponse, Deploy,
    GetWorkerRequest, ListWorkersRequest, PlanAction, PlanStep, UpdateWorkerRequest,
    UpdateWorkerResponse, Worker,
};

use crate::{
    client::{Mode, Planned},
    context::Context,
    exit::Error,
    follow,
};

use definition::Definition;

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
    Update {
        #[command(flatten)]
        definition: Definition,
        /// Its new name: of one that no commit declares and of which nothing runs. What has its old
        /// name in a release stays there
        #[arg(long, value_name = "NAME", conflicts_with = "scale")]
        rename: Option<String>,
    },
    /// Deletes a worker; of one that the commit declares, what the API has defined
    #[command(after_help = "Example:\n  jockey workers delete -a sample -e development mailer")]
    Delete {
        /// The worker, by name or id
        worker: String,
        /// Does not wait for the deploy that follows
        #[arg(long)]
        detach: bool,
    },
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
        Command::Update { definition, rename } => update(context, &definition, rename).await,
        Command::Delete { worker, detach } => {
            let (app, environment) = whose(context, &worker).await?;
            let request = DeleteWorkerRequest {
                worker,
                app,
                environment,
                ..DeleteWorkerRequest::default()
            };
            let answer = client.call(request).await?;
            let steps = answer.plan.iter().flat_map(|plan| &plan.steps);
            let mut actions = steps.map(PlanStep::action);
            let verb = match actions.any(|action| action == PlanAction::Update) {
                true => "handed back to its commit:",
                false => "deleted",
            };
            finish(context, answer, &Ending { verb, detach }).await
        }
    }
}

async fn create(context: &Context, definition: &Definition) -> Result<(), Error> {
    definition.check()?;
    definition.check_new()?;
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
async fn update(
    context: &Context,
    definition: &Definition,
    rename: Option<String>,
) -> Result<(), Error> {
    definition.check()?;
    let (app, environment) = whose(context, &definition.worker).await?;
    let mut values = definition.values();
    let mut mask = definition.mask();
    if let Some(name) = rename {
        mask.paths.push("name".to_owned());
        values.name = name;
    }
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
        update_mask: Some(mask),
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
