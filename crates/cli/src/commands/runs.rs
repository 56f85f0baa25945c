use clap::Subcommand;
use proto::v1::{GetRunRequest, ListRunsRequest, StopRunRequest};

use crate::{context::Context, exit::Error, render::Format};

/// Show and end what people have run, with `jockey run`, `exec` and `connect`
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey runs list --all -a sample")]
pub(crate) enum Command {
    /// Lists what is under way, the newest first; -a and -e narrow the list
    #[command(after_help = "Example:\n  jockey runs list -a sample -e development")]
    List {
        /// What is over too
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
    /// Shows one run: who ran what, and how it ended; of a detached one its last lines
    #[command(after_help = "Example:\n  jockey runs show run-4h8s2k9q0xzt")]
    Show {
        /// The run, by id
        run: String,
    },
    /// Ends a run, and takes its container away
    #[command(after_help = "Example:\n  jockey runs stop run-4h8s2k9q0xzt")]
    Stop {
        /// The run, by id
        run: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::List { all, limit } => {
            let request = ListRunsRequest {
                app: context.given_app.clone().unwrap_or_default(),
                environment: context.given_environment.clone().unwrap_or_default(),
                include_ended: all,
                ..ListRunsRequest::default()
            };
            out.list(&client.list(request, limit).await?)
        }
        Command::Show { run } => {
            let answer = client.call(GetRunRequest { run }).await?;
            if out.format() == Format::Json {
                return out.show(Some(&answer));
            }
            out.show(answer.run.as_ref())?;
            out.text(&answer.log_tail.join("\n"))
        }
        Command::Stop { run } => {
            let request = StopRunRequest {
                run,
                ..StopRunRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let run = answer.run.clone().unwrap_or_default();
                let end = run.end.unwrap_or_default();
                format!("{}: {}", run.id, end.reason)
            })
        }
    }
}
