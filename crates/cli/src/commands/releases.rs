use clap::Subcommand;
use proto::v1::{GetReleaseRequest, ListReleasesRequest};

use crate::{context::Context, exit::Error};

/// Show releases, to which `jockey rollback` can go
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey releases list -a sample -e development")]
pub(crate) enum Command {
    /// Lists releases, the newest first; -a and -e narrow the list
    #[command(after_help = "Example:\n  jockey releases list -a sample --limit 5")]
    List {
        /// Only those of this commit, by its full id
        #[arg(long)]
        commit: Option<String>,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
    /// Shows one release
    #[command(after_help = "Example:\n  jockey releases show rel-3")]
    Show {
        /// The release, by id
        release: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::List { commit, limit } => {
            let request = ListReleasesRequest {
                app: context.given_app.clone().unwrap_or_default(),
                environment: context.given_environment.clone().unwrap_or_default(),
                commit: commit.unwrap_or_default(),
                ..ListReleasesRequest::default()
            };
            out.list(&client.list(request, limit).await?)
        }
        Command::Show { release } => {
            let answer = client.call(GetReleaseRequest { release }).await?;
            out.show(answer.release.as_ref())
        }
    }
}
