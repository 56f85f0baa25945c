use clap::Subcommand;
use proto::v1::{
    AdoptRequest, CollectGarbageRequest, GetDiskUsageRequest, GetSettingsRequest, GetStatusRequest,
    GetStatusResponse, SweepRequest,
};

use crate::{
    context::Context,
    exit::Error,
    render::{Format, Table, json},
    words,
};

/// Look after the installation itself
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey system status")]
pub(crate) enum Command {
    /// Shows the server's version, how the parts that it needs are, and what it does not know
    #[command(after_help = "Example:\n  jockey system status -o json")]
    Status,
    /// Shows what is held on disk, and by what
    #[command(after_help = "Example:\n  jockey system df")]
    Df {
        /// Only what is on this node
        #[arg(long)]
        node: Option<String>,
    },
    /// Removes images of this installation that nothing reaches
    ///
    /// An image to which anybody has given a name of their own stays, and so does what was made from one of ours. Instances
    /// are stopped and removed by the server itself. BuildKit's cache is not told apart by installation, and is left to
    /// `jockeyd serve --build-cache`, or to Docker's own limit: `docker builder prune` empties it.
    #[command(after_help = "Example:\n  jockey system gc --dry-run")]
    Gc {
        /// Only what is on this node
        #[arg(long)]
        node: Option<String>,
    },
    /// Takes instances whose deploy is not in the database for those that their labels name
    #[command(after_help = "Example:\n  jockey system adopt --dry-run")]
    Adopt {
        /// Only instances of this deploy, by the id on their label
        #[arg(long, value_name = "ID")]
        deploy: Option<String>,
    },
    /// Stops and removes instances whose deploy is not in the database
    #[command(after_help = "Example:\n  jockey system sweep --dry-run")]
    Sweep {
        /// Only instances of this deploy, by the id on their label
        #[arg(long, value_name = "ID")]
        deploy: Option<String>,
    },
    /// Shows the settings of the server
    #[command(after_help = "Example:\n  jockey system settings")]
    Settings,
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::Status => {
            let answer = client.call(GetStatusRequest {}).await?;
            match out.format() {
                Format::Json => out.value(&json(&answer)),
                Format::Table => out.text(&status(&answer)),
            }
        }
        Command::Df { node } => df(context, node.unwrap_or_default()).await,
        Command::Gc { node } => {
            let request = CollectGarbageRequest {
                node: node.unwrap_or_default(),
                ..CollectGarbageRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "freed {} in {} things",
                    words::size(answer.freed_bytes),
                    answer.items.len()
                )
            })
        }
        Command::Adopt { deploy } => {
            let request = AdoptRequest {
                deploy: deploy.unwrap_or_default(),
                ..AdoptRequest::default()
            };
            let answer = client.call(request).await?;
            for left in &answer.left {
                out.note(left);
            }
            out.changed(client.mode(), &answer, |answer| {
                format!("adopted {} instances", answer.instances.len())
            })
        }
        Command::Sweep { deploy } => {
            let request = SweepRequest {
                deploy: deploy.unwrap_or_default(),
                ..SweepRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!("stopping {} instances", answer.instances.len())
            })
        }
        Command::Settings => out.show(client.call(GetSettingsRequest {}).await?.settings.as_ref()),
    }
}

async fn df(context: &Context, node: String) -> Result<(), Error> {
    let answer = context.client.call(GetDiskUsageRequest { node }).await?;
    if context.out.format() == Format::Json {
        return context.out.value(&json(&answer));
    }
    context.out.list(&answer.items)?;
    for node in &answer.unreachable_nodes {
        context.out.note(&format!(
            "{node} does not answer: what it holds is not counted"
        ));
    }
    context.out.text(&format!(
        "{} in all, {} of it held by nothing",
        words::size(answer.total_bytes),
        words::size(answer.collectable_bytes)
    ))
}

fn status(answer: &GetStatusResponse) -> String {
    let commit = match words::short(&answer.commit) {
        "" => String::new(),
        commit => format!(" ({commit})"),
    };
    let mut text = format!(
        "jockeyd {}{commit} at {}, installation {}\n\n",
        answer.version, answer.server, answer.installation
    );
    let mut table = Table::new(["PART", "STATE", "MESSAGE"]);
    for component in &answer.components {
        table.row([
            component.name.clone(),
            words::word("ComponentState", component.state().as_str_name()),
            component.message.clone(),
        ]);
    }
    text += &table.to_string();
    if !answer.unknown_instances.is_empty() {
        text += &format!(
            "\n\n{} instances belong to no deploy that is known; next: jockey system adopt --dry-run, or jockey system sweep --dry-run",
            answer.unknown_instances.len()
        );
    }
    text
}
