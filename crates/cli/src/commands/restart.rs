use std::{collections::BTreeSet, time::Duration};

use clap::Args as ClapArgs;
use proto::v1::{HealthState, Instance, RestartWorkersRequest};

use crate::{
    client::Mode,
    context::Context,
    exit::Error,
    follow::{self, Goal, PATIENCE},
    values,
};

/// Replace instances by new ones of the same deploy
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Only those of this worker
    #[arg(short, long)]
    worker: Option<String>,
    /// Only those that are unhealthy
    #[arg(long, alias = "only_failing")]
    only_failing: bool,
    /// Answers at once instead of waiting until the new ones are healthy
    #[arg(long)]
    detach: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = PATIENCE, value_parser = values::duration)]
    timeout: Duration,
}

const EXAMPLE: &str = "\
Example:
  jockey restart -a sample -e development -w web
  jockey restart -a sample -e development --only-failing";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let place = context.place().await?;
    let before = follow::instances(context, &place).await?;
    let request = RestartWorkersRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        worker: args.worker.unwrap_or_default(),
        only_unhealthy: args.only_failing,
        ..RestartWorkersRequest::default()
    };
    let answer = client.call(request).await?;
    let scales = answer
        .workers
        .iter()
        .map(|worker| (worker.name.clone(), worker.scale()));
    let mut goal = Goal {
        place,
        scales: scales.collect(),
        gone: BTreeSet::new(),
        within: args.timeout,
    };
    goal.gone = before
        .into_iter()
        .filter(|one| goal.scales.contains_key(&one.worker))
        .filter(|one| !args.only_failing || is_unhealthy(one))
        .map(|one| one.id)
        .collect();
    if client.mode() == Mode::Run && !args.detach && !answer.workers.is_empty() {
        follow::rest(context, &goal).await?;
    }
    out.changed(client.mode(), &answer, |answer| {
        if answer.workers.is_empty() {
            return "there is nothing to restart".to_owned();
        }
        let names: Vec<_> = answer
            .workers
            .iter()
            .map(|worker| worker.name.as_str())
            .collect();
        let done = if args.detach {
            "restarting"
        } else {
            "restarted"
        };
        format!(
            "{done} {} of {} in {}",
            names.join(", "),
            goal.place.app,
            goal.place.environment
        )
    })
}

fn is_unhealthy(instance: &Instance) -> bool {
    let health = instance.health.as_ref();
    health.is_some_and(|health| health.state() == HealthState::Unhealthy)
}
