use std::{collections::BTreeSet, time::Duration};

use clap::{Args as ClapArgs, Subcommand};
use proto::v1::{
    DeployState, ListDeploysRequest, ListWorkersRequest, RescaleWorkersRequest, WorkerScale,
};

use crate::{
    client::Mode,
    context::{Context, Place},
    exit::Error,
    follow::{self, Goal, PATIENCE},
    render::Format,
    values,
};

/// Show or change how many instances of workers run
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    set: Set,
}

#[derive(Debug, ClapArgs)]
struct Set {
    /// The new scale of workers, all of them or none [default: shows what is]
    #[arg(value_name = "WORKER=NUMBER", value_parser = values::scale)]
    scales: Vec<WorkerScale>,
    /// Answers at once instead of waiting until that many are healthy
    #[arg(long)]
    detach: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = PATIENCE, value_parser = values::duration)]
    timeout: Duration,
}

const EXAMPLE: &str = "\
Example:
  jockey scale -a sample -e development
  jockey scale -a sample -e development web=2 clock=1";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the workers (also without `get`)
    #[command(after_help = "Example:\n  jockey scale get -a sample -e development --verbose")]
    Get {
        /// Shows the instances instead
        #[arg(short, long)]
        verbose: bool,
    },
    /// Changes how many instances of a worker run: `jockey scale WORKER=NUMBER`
    #[command(after_help = "Example:\n  jockey scale set -a sample -e development web 2")]
    Set {
        /// The worker
        worker: String,
        /// Its new scale
        #[arg(value_name = "NUMBER", allow_negative_numbers = true)]
        scale: i32,
        /// Answers at once instead of waiting until that many are healthy
        #[arg(long)]
        detach: bool,
        /// How long to wait
        #[arg(long, value_name = "DURATION", default_value = PATIENCE, value_parser = values::duration)]
        timeout: Duration,
    },
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let is_bare = args.set.scales.is_empty() && !args.set.detach;
    match args.command {
        Some(Command::Get { .. }) if !is_bare => Err(Error::OptionsBefore("get", "scale")),
        Some(Command::Set { .. }) if !is_bare => Err(Error::OptionsBefore("set", "scale")),
        Some(Command::Get { verbose: true }) => {
            let place = context.place().await?;
            context.out.list(&follow::instances(context, &place).await?)
        }
        Some(Command::Set {
            worker,
            scale,
            detach,
            timeout,
        }) => {
            let scales = vec![WorkerScale { worker, scale }];
            let args = Set {
                scales,
                detach,
                timeout,
            };
            set(context, args).await?;
            match (context.client.mode(), context.out.format()) {
                (Mode::Run, Format::Table) => get(context).await,
                (Mode::DryRun, _) | (_, Format::Json) => Ok(()),
            }
        }
        None if !args.set.scales.is_empty() => set(context, args.set).await,
        Some(Command::Get { verbose: false }) | None => get(context).await,
    }
}

async fn get(context: &Context) -> Result<(), Error> {
    let place = context.place().await?;
    let request = ListWorkersRequest {
        app: place.app,
        environment: place.environment,
        ..ListWorkersRequest::default()
    };
    let workers = context.client.list(request, super::ALL).await?;
    context.out.list(&workers)
}

async fn set(context: &Context, args: Set) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let place = context.place().await?;
    let request = RescaleWorkersRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        scales: args.scales,
        ..RescaleWorkersRequest::default()
    };
    let answer = client.call(request).await?;
    let scales = answer
        .workers
        .iter()
        .map(|worker| (worker.name.clone(), worker.scale()));
    let goal = Goal {
        place,
        scales: scales.collect(),
        gone: BTreeSet::new(),
        within: args.timeout,
    };
    let runs = client.mode() == Mode::Run && is_deployed(context, &goal.place).await?;
    if runs && !args.detach {
        follow::rest(context, &goal).await?;
    }
    out.changed(client.mode(), &answer, |answer| {
        let scales: Vec<_> = answer
            .workers
            .iter()
            .map(|worker| format!("{}={}", worker.name, worker.scale()))
            .collect();
        let when = if runs {
            ""
        } else {
            ", from the first deploy on"
        };
        format!(
            "{} in {}: {}{when}",
            goal.place.app,
            goal.place.environment,
            scales.join(" ")
        )
    })
}

/// Whether there is a deploy whose instances could be waited for.
async fn is_deployed(context: &Context, place: &Place) -> Result<bool, Error> {
    let request = ListDeploysRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        state: DeployState::Deployed.into(),
        ..ListDeploysRequest::default()
    };
    Ok(!context.client.list(request, 1).await?.is_empty())
}
