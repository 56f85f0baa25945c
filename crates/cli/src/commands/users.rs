use clap::Subcommand;
use proto::v1::{GetUserRequest, ListUsersRequest, Role as WireRole};

use super::tokens::Role;
use crate::{context::Context, exit::Error};

/// List and show people who were let in through GitHub
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey users list --role admin")]
pub(crate) enum Command {
    /// Lists people, by login: their role, and when they were last seen
    #[command(after_help = "Example:\n  jockey users list --role admin")]
    List {
        /// Only those whose highest role anywhere is this one
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Shows one of them, with their teams
    #[command(after_help = "Example:\n  jockey users show mona")]
    Show {
        /// Their login at GitHub, or the number of their account there
        user: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::List { role } => {
            let request = ListUsersRequest {
                role: role.map_or(WireRole::Unspecified, WireRole::from).into(),
                ..ListUsersRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { user } => {
            let request = GetUserRequest { user };
            out.show(client.call(request).await?.user.as_ref())
        }
    }
}
