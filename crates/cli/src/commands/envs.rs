use clap::Subcommand;
use proto::v1::{
    CreateEnvironmentRequest, DeleteEnvironmentRequest, Environment, GetEnvironmentRequest,
    ListEnvironmentsRequest, UpdateEnvironmentRequest,
};

use crate::{context::Context, exit::Error};

/// Create, show and change environments
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey envs list")]
pub(crate) enum Command {
    /// Creates an environment
    #[command(after_help = "Example:\n  jockey envs create qa")]
    Create {
        /// Its name: lower-case letters, digits, `-` and `_`
        name: String,
        /// How service names are made, of `{app}`, `{worker}` and `{environment}` [default:
        /// {app}-{worker} in the first environment, {app}-{worker}-{environment} in the next ones]
        #[arg(long, value_name = "TEMPLATE")]
        service_names: Option<String>,
    },
    /// Lists environments
    #[command(
        after_help = "Examples:\n  jockey envs list -o json\n  jockey envs list --prefix pr-"
    )]
    List {
        /// Only those whose names start with this
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Shows one environment
    #[command(after_help = "Example:\n  jockey envs show development")]
    Show {
        /// The environment, by name or id
        name: String,
    },
    /// Changes the name of an environment in which nothing runs, or how its service names are made
    #[command(
        after_help = "Examples:\n  jockey envs update qa --service-names '{app}-{worker}-preview'\n  jockey envs update qa --rename preview",
        group = clap::ArgGroup::new("change").args(["rename", "service_names"]).required(true).multiple(true)
    )]
    Update {
        /// The environment, by name or id
        name: String,
        /// Its new name. Grants, hosts of its pools and the tag at GitHub go by the name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// How service names are made, of `{app}`, `{worker}` and `{environment}`
        #[arg(long, value_name = "TEMPLATE")]
        service_names: Option<String>,
    },
    /// Deletes an environment in which nothing runs
    #[command(after_help = "Example:\n  jockey envs delete qa")]
    Delete {
        /// The environment, by name or id
        name: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::Create {
            name,
            service_names,
        } => {
            let request = CreateEnvironmentRequest {
                environment: Some(values(name, service_names)),
                ..CreateEnvironmentRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let environment = answer.environment.clone().unwrap_or_default();
                format!(
                    "created environment {} ({})",
                    environment.name, environment.id
                )
            })
        }
        Command::List { prefix } => {
            let request = ListEnvironmentsRequest {
                name_prefix: prefix,
                ..ListEnvironmentsRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { name } => {
            let request = GetEnvironmentRequest { environment: name };
            out.show(client.call(request).await?.environment.as_ref())
        }
        Command::Update {
            name,
            rename,
            service_names,
        } => {
            let request = UpdateEnvironmentRequest {
                environment: name,
                values: Some(values(rename.unwrap_or_default(), service_names)),
                ..UpdateEnvironmentRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let environment = answer.environment.clone().unwrap_or_default();
                format!("changed environment {}", environment.name)
            })
        }
        Command::Delete { name } => {
            let request = DeleteEnvironmentRequest {
                environment: name,
                ..DeleteEnvironmentRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let environment = answer.environment.clone().unwrap_or_default();
                format!("deleted environment {}", environment.name)
            })
        }
    }
}

fn values(name: String, service_names: Option<String>) -> Environment {
    Environment {
        name,
        service_name_template: service_names.unwrap_or_default(),
        ..Environment::default()
    }
}
