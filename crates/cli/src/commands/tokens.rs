use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use proto::v1::{
    CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, Role as WireRole, Token,
};

use crate::{client::Mode, clock, context::Context, exit::Error, render::Format, values};

/// Create, list and revoke tokens
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey tokens create ci --role deployer --expires 30d")]
pub(crate) enum Command {
    /// Creates a token and prints its secret, which is not shown again
    #[command(
        after_help = "Example:\n  jockey tokens create ci --role deployer --expires 30d > ci-token"
    )]
    Create {
        /// Its name, which events show
        name: String,
        /// What its bearer may do
        #[arg(long, value_enum)]
        role: Role,
        /// How long it is good, such as 30d [default: until it is revoked]
        #[arg(long, value_name = "DURATION", value_parser = values::duration)]
        expires: Option<Duration>,
    },
    /// Lists tokens, without their secrets: when each expires, was last used, and was revoked
    #[command(after_help = "Example:\n  jockey tokens list")]
    List,
    /// Revokes a token; calls that bear it are refused from then on
    #[command(after_help = "Example:\n  jockey tokens revoke ci")]
    Revoke {
        /// The token, by name or id
        token: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Reads everything but secrets
    Viewer,
    /// Builds, deploys, rescales, restarts, and reads and changes config
    Deployer,
    /// Does everything
    Admin,
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::Create {
            name,
            role,
            expires,
        } => {
            let role = match role {
                Role::Viewer => WireRole::Viewer,
                Role::Deployer => WireRole::Deployer,
                Role::Admin => WireRole::Admin,
            };
            let request = CreateTokenRequest {
                token: Some(Token {
                    name,
                    role: role.into(),
                    expire_time: expires.map(|after| clock::to_wire(clock::now() + after)),
                    ..Token::default()
                }),
                ..CreateTokenRequest::default()
            };
            let answer = client.call(request).await?;
            if client.mode() == Mode::Run && out.format() == Format::Table {
                out.note("this is the only time that the secret is shown:");
            }
            out.changed(client.mode(), &answer, |answer| answer.secret.clone())
        }
        Command::List => {
            let request = ListTokensRequest::default();
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Revoke { token } => {
            let request = DeleteTokenRequest {
                token,
                ..DeleteTokenRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "revoked token {}",
                    answer.token.clone().unwrap_or_default().name
                )
            })
        }
    }
}
