use clap::Subcommand;
use proto::v1::{
    CreateStackRequest, DeleteStackRequest, GetStackRequest, ListStacksRequest, Stack,
    UpdateStackRequest,
};

use crate::{context::Context, exit::Error};

/// Create, show and change stacks
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey stacks list")]
pub(crate) enum Command {
    /// Creates a stack
    #[command(after_help = "Example:\n  jockey stacks create gpu")]
    Create {
        /// Its name: lower-case letters, digits, `-` and `_`
        name: String,
    },
    /// Lists stacks
    #[command(
        after_help = "Examples:\n  jockey stacks list -o json\n  jockey stacks list --prefix gpu"
    )]
    List {
        /// Only those whose names start with this
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Shows one stack
    #[command(after_help = "Example:\n  jockey stacks show api")]
    Show {
        /// The stack, by name or id
        name: String,
    },
    /// Renames a stack, which the server refuses: its hosts register under its name
    #[command(after_help = "Example:\n  jockey stacks update gpu --rename cuda")]
    #[command(hide = true)]
    Update {
        /// The stack, by name or id
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: String,
    },
    /// Deletes a stack to which no app belongs
    #[command(after_help = "Example:\n  jockey stacks delete gpu")]
    Delete {
        /// The stack, by name or id
        name: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let named = |name| {
        Some(Stack {
            name,
            ..Stack::default()
        })
    };
    match command {
        Command::Create { name } => {
            let request = CreateStackRequest {
                stack: named(name),
                ..CreateStackRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let stack = answer.stack.clone().unwrap_or_default();
                format!("created stack {} ({})", stack.name, stack.id)
            })
        }
        Command::List { prefix } => {
            let request = ListStacksRequest {
                name_prefix: prefix,
                ..ListStacksRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { name } => {
            let request = GetStackRequest { stack: name };
            out.show(client.call(request).await?.stack.as_ref())
        }
        Command::Update { name, rename } => {
            let request = UpdateStackRequest {
                stack: name,
                values: named(rename),
                ..UpdateStackRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "changed stack {}",
                    answer.stack.clone().unwrap_or_default().name
                )
            })
        }
        Command::Delete { name } => {
            let request = DeleteStackRequest {
                stack: name,
                ..DeleteStackRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "deleted stack {}",
                    answer.stack.clone().unwrap_or_default().name
                )
            })
        }
    }
}
