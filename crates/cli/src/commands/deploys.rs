use clap::Subcommand;
use proto::v1::{CancelDeployRequest, GetDeployRequest, ListDeploysRequest};

use super::deploy::sentence;
use crate::{
    context::Context,
    exit::Error,
    follow,
    render::{Format, json},
    states::DeployState,
};

/// Show, follow and cancel deploys
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey deploys list -a sample -e development")]
pub(crate) enum Command {
    /// Lists deploys, the newest first; -a and -e narrow the list
    #[command(after_help = "Example:\n  jockey deploys list -a sample --limit 5")]
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<DeployState>,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
    /// Shows one deploy
    #[command(after_help = "Example:\n  jockey deploys show dep-3")]
    Show {
        /// The deploy, by id
        deploy: String,
    },
    /// Follows a deploy to its end, with the exit code of `jockey deploy`
    #[command(after_help = "Example:\n  jockey deploys watch dep-3")]
    Watch {
        /// The deploy, by id
        deploy: String,
    },
    /// Cancels a deploy; what was current stays so
    #[command(after_help = "Example:\n  jockey deploys cancel dep-3")]
    Cancel {
        /// The deploy, by id
        deploy: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::List { state, limit } => {
            let request = ListDeploysRequest {
                app: context.given_app.clone().unwrap_or_default(),
                environment: context.given_environment.clone().unwrap_or_default(),
                state: DeployState::to_wire(state),
                ..ListDeploysRequest::default()
            };
            out.list(&client.list(request, limit).await?)
        }
        Command::Show { deploy } => {
            let answer = client.call(GetDeployRequest { deploy }).await?;
            out.show(answer.deploy.as_ref())
        }
        Command::Watch { deploy } => {
            let ended = follow::deploy(context, &deploy).await?;
            let failed = follow::check(&ended);
            match out.format() {
                Format::Json => out.value(&json(&ended))?,
                Format::Table if failed.is_ok() => out.text(&sentence(&ended))?,
                Format::Table => {}
            }
            failed
        }
        Command::Cancel { deploy } => {
            let request = CancelDeployRequest {
                deploy,
                ..CancelDeployRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "cancelling {}",
                    answer.deploy.clone().unwrap_or_default().id
                )
            })
        }
    }
}
