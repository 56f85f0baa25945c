use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use prost_types::FieldMask;
use proto::v1::{
    CreateTokenRequest, DeleteTokenRequest, GetTokenRequest, ListTokensRequest, Role as WireRole,
    Token, UpdateTokenRequest,
};

use crate::{client::Mode, clock, context::Context, exit::Error, render::Format, values};

/// Create, list, change and revoke tokens
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
    List {
        /// Only those of this role
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Shows one token, without its secret
    #[command(after_help = "Example:\n  jockey tokens show ci")]
    Show {
        /// The token, by name or id
        token: String,
    },
    /// Changes the name, the role or the end of a token; its secret stays as it is
    #[command(
        after_help = "Examples:\n  jockey tokens update ci --expires 30d\n  jockey tokens update ci --role viewer --rename reporter",
        group = clap::ArgGroup::new("change").args(["rename", "role", "expires"]).required(true).multiple(true)
    )]
    Update {
        /// The token, by name or id
        token: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// What its bearer may do from now on
        #[arg(long, value_enum)]
        role: Option<Role>,
        /// How long it is good from now on, such as 30d, or `never`: until it is revoked
        #[arg(long, value_name = "DURATION", value_parser = end)]
        expires: Option<End>,
    },
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

impl From<Role> for WireRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Deployer => Self::Deployer,
            Role::Admin => Self::Admin,
        }
    }
}

/// When a token is not good any more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Never,
    After(Duration),
}

fn end(text: &str) -> Result<End, String> {
    match text {
        "never" => Ok(End::Never),
        text => values::duration(text)
            .map(End::After)
            .map_err(|problem| format!("{problem}, or `never`")),
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::Create {
            name,
            role,
            expires,
        } => {
            let request = CreateTokenRequest {
                token: Some(Token {
                    name,
                    role: WireRole::from(role).into(),
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
        Command::List { role } => {
            let request = ListTokensRequest {
                role: role.map_or(WireRole::Unspecified, WireRole::from).into(),
                ..ListTokensRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { token } => {
            let request = GetTokenRequest { token };
            out.show(client.call(request).await?.token.as_ref())
        }
        Command::Update {
            token,
            rename,
            role,
            expires,
        } => {
            let answer = client.call(update(token, rename, role, expires)).await?;
            out.changed(client.mode(), &answer, |answer| {
                let token = answer.token.clone().unwrap_or_default();
                format!("changed token {}", token.name)
            })
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

fn update(
    token: String,
    rename: Option<String>,
    role: Option<Role>,
    expires: Option<End>,
) -> UpdateTokenRequest {
    // Each option that is given is meant, `never` too, which leaves its field without a value.
    let given = [
        ("name", rename.is_some()),
        ("role", role.is_some()),
        ("expire_time", expires.is_some()),
    ];
    let paths = given.into_iter().filter(|(_, given)| *given);
    let expire_time = match expires {
        Some(End::After(time)) => Some(clock::to_wire(clock::now() + time)),
        Some(End::Never) | None => None,
    };
    UpdateTokenRequest {
        token,
        values: Some(Token {
            name: rename.unwrap_or_default(),
            role: role.map_or(WireRole::Unspecified, WireRole::from).into(),
            expire_time,
            ..Token::default()
        }),
        update_mask: Some(FieldMask {
            paths: paths.map(|(path, _)| path.to_owned()).collect(),
        }),
        ..UpdateTokenRequest::default()
    }
}
