use clap::Subcommand;
use proto::v1::{
    CordonNodeRequest, DrainNodeRequest, GetNodeRequest, ListNodesRequest, UncordonNodeRequest,
};

use crate::{context::Context, exit::Error};

/// Show, cordon and drain nodes
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey nodes list")]
pub(crate) enum Command {
    /// Lists nodes; -e narrows the list
    #[command(after_help = "Example:\n  jockey nodes list -e production --stack api")]
    List {
        /// Only those of this stack
        #[arg(long)]
        stack: Option<String>,
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
    #[command(after_help = "Example:\n  jockey nodes drain host-1 --dry-run")]
    Drain {
        /// The node, by name
        node: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::List { stack } => {
            let request = ListNodesRequest {
                environment: context.given_environment.clone().unwrap_or_default(),
                stack: stack.unwrap_or_default(),
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
        Command::Drain { node } => {
            let request = DrainNodeRequest {
                node,
                ..DrainNodeRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let node = answer.node.clone().unwrap_or_default();
                format!(
                    "draining {}, which has {} instances; next: jockey nodes show {}",
                    node.name, node.instances, node.name
                )
            })
        }
    }
}
