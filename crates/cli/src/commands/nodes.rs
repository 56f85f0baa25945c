mod drain;
mod give_up;
mod rebalance;
mod why;

use std::time::Duration;

use clap::Subcommand;
use proto::v1::{
    CordonNodeRequest, CreateJoinTokenRequest, GetNodeRequest, ListNodesRequest, RemoveNodeRequest,
    UncordonNodeRequest,
};

use crate::{
    client::Mode, context::Context, exit::Error, render::Format, states::NodeState, values,
};

/// Show, cordon, drain and rebalance nodes, explain what stands where, and let hosts join
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey nodes list")]
pub(crate) enum Command {
    /// Lists nodes; -e narrows the list
    #[command(after_help = "Example:\n  jockey nodes list -e production --stack api")]
    List {
        /// Only those of this stack
        #[arg(long)]
        stack: Option<String>,
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<NodeState>,
    },
    /// Shows one node
    #[command(after_help = "Example:\n  jockey nodes show host-1")]
    Show {
        /// The node, by name
        node: String,
    },
    /// Keeps new instances off a node; those that it has stay
    #[command(after_help = "Example:\n  jockey nodes cordon host-1")]
    Cordon {
        /// The node, by name
        node: String,
    },
    /// Lets a node have instances again
    #[command(after_help = "Example:\n  jockey nodes uncordon host-1")]
    Uncordon {
        /// The node, by name
        node: String,
    },
    /// Empties a node: its instances are started elsewhere before they are stopped here
    ///
    /// Waits until it is empty, and says what holds it up. Ctrl-C ends the waiting alone; `jockey
    /// nodes uncordon` ends the drain.
    #[command(after_help = "Example:\n  jockey nodes drain host-1 --dry-run")]
    Drain {
        /// The node, by name
        node: String,
        /// Answers at once instead of waiting until it is empty
        #[arg(long)]
        detach: bool,
    },
    /// Gives a node up that is gone for good: what it had starts elsewhere, singletons too
    ///
    /// A singleton of a host that has failed waits, for nobody can see whether it still runs there.
    /// Be sure that it does not. Refused while the host answers. Should it come back, what it has
    /// goes, and it gets nothing before `jockey nodes uncordon`.
    #[command(after_help = "Example:\n  jockey nodes give-up host-1 --dry-run")]
    GiveUp {
        /// The node, by name
        node: String,
    },
    /// Makes a token by which one host may join as a node, and prints it; it is not shown again
    #[command(
        after_help = "Example:\n  jockey nodes join-token > join-token\n  jockeyd node --server https://jockey.example.com --token-file join-token --address 10.0.0.11"
    )]
    JoinToken {
        /// How long it is good, such as 10m, at most a day
        #[arg(long, value_name = "DURATION", value_parser = values::duration, default_value = "1h")]
        ttl: Duration,
    },
    /// Removes a node that has joined by a token: what it has counts as lost. Drain it before
    #[command(after_help = "Example:\n  jockey nodes drain host-1\n  jockey nodes remove host-1")]
    Remove {
        /// The node, by name
        node: String,
    },
    /// Moves instances from nodes that have more to nodes that have fewer
    ///
    /// Each is started elsewhere before it is stopped, until no node of a pool has two instances
    /// more than another. Waits for the end; Ctrl-C ends the waiting alone.
    #[command(after_help = rebalance::EXAMPLE)]
    Rebalance(rebalance::Args),
    /// Says why instances are where they are, and why others do not start
    #[command(after_help = "Example:\n  jockey nodes why -a sample -e development web")]
    Why {
        /// Only of this worker, by name or id
        worker: Option<String>,
    },
}

/// Whether the end is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Yes,
    No,
}

/// From the value of `--detach`.
impl From<bool> for Wait {
    fn from(detach: bool) -> Self {
        if detach { Self::No } else { Self::Yes }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::List { stack, state } => {
            let request = ListNodesRequest {
                environment: context.given_environment.clone().unwrap_or_default(),
                stack: stack.unwrap_or_default(),
                state: NodeState::to_wire(state),
                ..ListNodesRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { node } => {
            let answer = client.call(GetNodeRequest { node }).await?;
            out.show(answer.node.as_ref())
        }
        Command::Cordon { node } => {
            let request = CordonNodeRequest {
                node,
                ..CordonNodeRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "{} gets no new instances",
                    answer.node.clone().unwrap_or_default().name
                )
            })
        }
        Command::Uncordon { node } => {
            let request = UncordonNodeRequest {
                node,
                ..UncordonNodeRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "{} gets instances again",
                    answer.node.clone().unwrap_or_default().name
                )
            })
        }
        Command::GiveUp { node } => give_up::run(context, node).await,
        Command::Drain { node, detach } => drain::run(context, node, detach.into()).await,
        Command::Rebalance(args) => rebalance::run(context, args).await,
        Command::Why { worker } => why::run(context, worker.unwrap_or_default()).await,
        Command::JoinToken { ttl } => {
            let request = CreateJoinTokenRequest {
                ttl: Some(values::to_wire(ttl)),
                ..CreateJoinTokenRequest::default()
            };
            let answer = client.call(request).await?;
            if client.mode() == Mode::Run && out.format() == Format::Table {
                out.note("this is the only time that the token is shown:");
            }
            out.changed(client.mode(), &answer, |answer| answer.token.clone())
        }
        Command::Remove { node } => {
            let request = RemoveNodeRequest {
                node: node.clone(),
                ..RemoveNodeRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |_| {
                format!("{node} is a node no more; what it had is started elsewhere")
            })
        }
    }
}
