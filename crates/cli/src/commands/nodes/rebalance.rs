use std::{fmt, str::FromStr, time::Duration};

use clap::Args as ClapArgs;
use proto::v1::{
    CancelRebalanceRequest, GetReconcileRequest, ListNodesRequest, Node, Pool,
    RebalanceNodesRequest, Reconcile, ReconcileState,
};

use super::Wait;
use crate::{
    client::Mode,
    context::Context,
    exit::Error,
    follow::{is_passing, until_interrupted},
};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) const EXAMPLE: &str = "\
Example:
  jockey nodes rebalance production/api --max 2
  jockey nodes rebalance --cancel";

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The pools, as ENVIRONMENT/STACK; either may be `*` [default: every pool]
    #[arg(value_name = "POOL")]
    pools: Vec<Named>,
    /// How many instances of a pool may be on the move at once, 1 to 100
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        value_parser = clap::value_parser!(i32).range(1..=100)
    )]
    max: i32,
    /// Ends what is under way; what has moved stays
    #[arg(long, conflicts_with_all = ["max", "detach"])]
    cancel: bool,
    /// Answers at once instead of waiting for the end
    #[arg(long)]
    detach: bool,
}

/// A pool as it is written: `production/api`.
#[derive(Debug, Clone)]
struct Named(Pool);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (environment, stack) = text
            .split_once('/')
            .filter(|(environment, stack)| !environment.is_empty() && !stack.is_empty())
            .ok_or_else(|| format!("`{text}` is no pool; write it as ENVIRONMENT/STACK"))?;
        let part = |part: &str| if part == "*" { "" } else { part }.to_owned();
        Ok(Self(Pool {
            environment: part(environment),
            stack: part(stack),
        }))
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let pools = args.pools.into_iter().map(|named| named.0).collect();
    if args.cancel {
        return cancel(context, pools).await;
    }
    let Context { client, out, .. } = context;
    let request = RebalanceNodesRequest {
        pools,
        at_once: args.max,
        ..RebalanceNodesRequest::default()
    };
    let mut answer = client.call(request).await?;
    if client.mode() == Mode::Run && Wait::from(args.detach) == Wait::Yes {
        let next = vec!["jockey nodes rebalance --cancel    ends it; it goes on".to_owned()];
        let ended = to_their_ends(context, answer.reconciles);
        answer.reconciles = until_interrupted(next, ended).await?;
    }
    out.changed(client.mode(), &answer, |answer| told(&answer.reconciles))?;
    let failed = |reconcile: &&Reconcile| reconcile.state() == ReconcileState::Failed;
    match answer.reconciles.iter().find(failed) {
        Some(reconcile) => Err(Error::ReconcileFailed(Box::new(reconcile.clone()))),
        None => Ok(()),
    }
}

async fn cancel(context: &Context, pools: Vec<Pool>) -> Result<(), Error> {
    let request = CancelRebalanceRequest {
        pools,
        ..CancelRebalanceRequest::default()
    };
    let answer = context.client.call(request).await?;
    let mode = context.client.mode();
    context.out.changed(mode, &answer, |answer| {
        let ended = answer.reconciles.iter();
        let lines: Vec<String> = ended
            .map(|reconcile| format!("{} is left as it is", pool(reconcile)))
            .collect();
        match lines.is_empty() {
            true => "nothing is under way".to_owned(),
            false => lines.join("\n"),
        }
    })
}

fn told(reconciles: &[Reconcile]) -> String {
    if reconciles.is_empty() {
        return "nothing has to be moved".to_owned();
    }
    let lines = reconciles.iter().map(|reconcile| match reconcile.state() {
        ReconcileState::Completed => format!("{} is even", pool(reconcile)),
        ReconcileState::Failed => format!("{}: {}", pool(reconcile), reconcile.reason),
        _ => format!("{}: {} goes on", pool(reconcile), reconcile.id),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn pool(reconcile: &Reconcile) -> impl fmt::Display {
    format!("{}/{}", reconcile.environment, reconcile.stack)
}

async fn to_their_ends(
    context: &Context,
    reconciles: Vec<Reconcile>,
) -> Result<Vec<Reconcile>, Error> {
    let mut ended = Vec::with_capacity(reconciles.len());
    for reconcile in reconciles {
        ended.push(to_its_end(context, reconcile).await?);
    }
    Ok(ended)
}

async fn to_its_end(context: &Context, mut reconcile: Reconcile) -> Result<Reconcile, Error> {
    let mut said = String::new();
    loop {
        if let Some(spread) = spread(context, &reconcile).await?
            && spread != said
        {
            context.out.note(&format!("{}: {spread}", pool(&reconcile)));
            said = spread;
        }
        if reconcile.state() != ReconcileState::InProgress {
            return Ok(reconcile);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let request = GetReconcileRequest {
            reconcile: reconcile.id.clone(),
        };
        match context.client.call(request).await {
            Ok(answer) => reconcile = answer.reconcile.unwrap_or_default(),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// `host-1 4, host-2 4, host-3 1`. None while the server is away.
async fn spread(context: &Context, reconcile: &Reconcile) -> Result<Option<String>, Error> {
    let request = ListNodesRequest {
        environment: reconcile.environment.clone(),
        stack: reconcile.stack.clone(),
        ..ListNodesRequest::default()
    };
    let nodes: Vec<Node> = match context.client.list(request, crate::commands::ALL).await {
        Ok(nodes) => nodes,
        Err(error) if is_passing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let counts: Vec<String> = nodes
        .iter()
        .map(|node| format!("{} {}", node.name, node.instances))
        .collect();
    Ok(Some(counts.join(", ")))
}
