mod diff;
mod explain;

use std::collections::BTreeMap;

use clap::{Args as ClapArgs, Subcommand};
use proto::v1::{
    ConfigSet, DeleteConfigSetRequest, Deploy, GetConfigSetRequest, ListConfigSetVersionsRequest,
    ListConfigSetsRequest, UpdateConfigSetRequest, UpdateConfigSetResponse,
};

use crate::{
    client::{Mode, Planned},
    context::Context,
    exit::Error,
    follow,
    render::{Format, json},
    values::Assignment,
};

/// Show and change the variables of an app, a stack or an environment
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    get: Get,
}

const EXAMPLE: &str = "\
Example:
  jockey config -a sample -e development
  jockey config set -a sample -e development GREETING=hello KEY=@key.pem
  jockey config set -e development --shared LOG_LEVEL=info    for every app in it
  jockey config explain -a sample -e development";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the variables (also without `get`)
    #[command(after_help = "Example:\n  jockey config get -a sample -e development GREETING")]
    Get(Get),
    /// Shows where the variables of an app come from: its own set, its stack's, or the environment's
    #[command(after_help = "Example:\n  jockey config explain -a sample -e development GREETING")]
    Explain {
        /// Only these
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Shows what differs between two versions of one set
    #[command(
        after_help = "Example:\n  jockey config diff -a sample -e development            what the newest version changed\n  jockey config diff -a sample -e development cfv-1 cfv-4"
    )]
    Diff(diff::Args),
    /// Sets variables; an app that runs with them is deployed again
    #[command(
        after_help = "Example:\n  jockey config set -a sample -e development GREETING=hello KEY=@key.pem"
    )]
    Set {
        #[command(flatten)]
        scope: Scope,
        /// NAME=VALUE; NAME=@FILE and NAME=@- take the value from a file or standard input as it is,
        /// NAME=@@VALUE is a value that begins with `@`, NAME alone one that is empty
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = Assignment::parse)]
        variables: Vec<Assignment>,
        /// Does not wait for the deploys that follow
        #[arg(long)]
        detach: bool,
    },
    /// Takes variables away; an app that runs with them is deployed again
    #[command(after_help = "Example:\n  jockey config unset -a sample -e development GREETING")]
    Unset {
        #[command(flatten)]
        scope: Scope,
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Does not wait for the deploys that follow
        #[arg(long)]
        detach: bool,
    },
    /// Takes all variables of one set away
    #[command(after_help = "Example:\n  jockey config clear -a sample -e development --dry-run")]
    Clear {
        #[command(flatten)]
        scope: Scope,
        /// Does not wait for the deploys that follow
        #[arg(long)]
        detach: bool,
    },
    /// Lists the sets that are not empty
    #[command(after_help = "Example:\n  jockey config list -e development")]
    List {
        /// Only those of this stack
        #[arg(long, conflicts_with = "app")]
        stack: Option<String>,
    },
    /// Lists the versions of one set
    #[command(after_help = "Example:\n  jockey config versions -a sample -e development")]
    Versions {
        #[command(flatten)]
        scope: Scope,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
}

#[derive(Debug, ClapArgs)]
struct Get {
    #[command(flatten)]
    scope: Scope,
    /// Only these, and their bare values
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// An earlier version, by id
    #[arg(long, value_name = "ID")]
    version_id: Option<String>,
}

/// Whose variables; those of the app unless something else is said.
#[derive(Debug, ClapArgs)]
struct Scope {
    /// Those of a stack in the environment, for all of its apps
    #[arg(long, conflicts_with = "app")]
    stack: Option<String>,
    /// Those of the whole environment, for all apps
    #[arg(long, conflicts_with_all = ["app", "stack"])]
    shared: bool,
}

/// One config set, by name.
struct Place {
    environment: String,
    stack: String,
    app: String,
}

impl Scope {
    async fn place(self, context: &Context) -> Result<Place, Error> {
        let app = match (&self.stack, self.shared) {
            (None, false) => context.app().await?,
            _ => String::new(),
        };
        Ok(Place {
            environment: context.environment().await?,
            stack: self.stack.unwrap_or_default(),
            app,
        })
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    match args.command.unwrap_or(Command::Get(args.get)) {
        Command::Get(args) => get(context, args).await,
        Command::Explain { names } => explain::run(context, names).await,
        Command::Diff(args) => diff::run(context, args).await,
        Command::Set {
            scope,
            variables,
            detach,
        } => {
            let mut set = BTreeMap::new();
            for variable in variables {
                let name = variable.name.clone();
                if set.contains_key(&name) {
                    let problem = format!("{name} is set twice; say once to what");
                    return Err(Error::BadValue(problem));
                }
                set.insert(name, variable.value()?);
            }
            let answer = update(context, scope, set, Vec::new(), detach.into()).await?;
            shown(context, answer.config_set.as_ref())
        }
        Command::Unset {
            scope,
            names,
            detach,
        } => update(context, scope, BTreeMap::new(), names, detach.into())
            .await
            .map(drop),
        Command::Clear { scope, detach } => clear(context, scope, detach.into()).await,
        Command::List { stack } => {
            let request = ListConfigSetsRequest {
                environment: context.given_environment.clone().unwrap_or_default(),
                stack: stack.unwrap_or_default(),
                app: context.given_app.clone().unwrap_or_default(),
                ..ListConfigSetsRequest::default()
            };
            context
                .out
                .list(&context.client.list(request, super::ALL).await?)
        }
        Command::Versions { scope, limit } => {
            let place = scope.place(context).await?;
            let request = ListConfigSetVersionsRequest {
                environment: place.environment,
                stack: place.stack,
                app: place.app,
                ..ListConfigSetVersionsRequest::default()
            };
            context
                .out
                .list(&context.client.list(request, limit).await?)
        }
    }
}

async fn get(context: &Context, args: Get) -> Result<(), Error> {
    let place = args.scope.place(context).await?;
    let request = GetConfigSetRequest {
        environment: place.environment,
        stack: place.stack,
        app: place.app,
        version_id: args.version_id.unwrap_or_default(),
    };
    let set = context
        .client
        .call(request)
        .await?
        .config_set
        .unwrap_or_default();
    if context.out.format() == Format::Json {
        return context.out.value(&json(&set));
    }
    if args.names.is_empty() {
        if set.values.is_empty() {
            context.out.note("no variables are set");
        }
        let lines: Vec<_> = set
            .values
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        return context.out.text(&lines.join("\n"));
    }
    for name in &args.names {
        match set.values.get(name) {
            Some(_) if set.masked => {
                let message =
                    format!("the value of `{name}` is masked; it takes a deployer to read it");
                return Err(Error::NotAllowed(message));
            }
            Some(value) => context.out.text(value)?,
            None => return Err(Error::NoVariable(name.clone())),
        }
    }
    Ok(())
}

/// Whose variables a set has, for people.
fn whose(set: &ConfigSet) -> &str {
    match (set.app.as_str(), set.stack.as_str()) {
        ("", "") => "all apps",
        ("", stack) => stack,
        (app, _) => app,
    }
}

/// Whether the deploys that follow are waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Yes,
    No,
}

/// From the value of `--detach`.
impl From<bool> for Wait {
    fn from(detach: bool) -> Self {
        if detach { Self::No } else { Self::Yes }
    }
}

async fn update(
    context: &Context,
    scope: Scope,
    set: BTreeMap<String, String>,
    unset: Vec<String>,
    wait: Wait,
) -> Result<UpdateConfigSetResponse, Error> {
    let place = scope.place(context).await?;
    let request = UpdateConfigSetRequest {
        environment: place.environment,
        stack: place.stack,
        app: place.app,
        set,
        unset,
        ..UpdateConfigSetRequest::default()
    };
    let mut answer = context.client.call(request).await?;
    answer.deploys = followed(context, answer.deploys, wait).await?;
    finish(
        context,
        &answer,
        answer.config_set.as_ref(),
        &answer.deploys,
    )?;
    Ok(answer)
}

/// All that is set after a change. Values are stars: what runs by itself keeps what it prints.
fn shown(context: &Context, set: Option<&ConfigSet>) -> Result<(), Error> {
    let is_for_people = context.out.format() == Format::Table;
    let Some(set) = set.filter(|_| is_for_people && context.client.mode() == Mode::Run) else {
        return Ok(());
    };
    let line = |(name, value): (&String, &String)| format!("{name}={value}");
    let lines: Vec<_> = set.values.iter().map(line).collect();
    context.out.text(&lines.join("\n"))
}

async fn clear(context: &Context, scope: Scope, wait: Wait) -> Result<(), Error> {
    let place = scope.place(context).await?;
    let request = DeleteConfigSetRequest {
        environment: place.environment,
        stack: place.stack,
        app: place.app,
        ..DeleteConfigSetRequest::default()
    };
    let mut answer = context.client.call(request).await?;
    answer.deploys = followed(context, answer.deploys, wait).await?;
    finish(
        context,
        &answer,
        answer.config_set.as_ref(),
        &answer.deploys,
    )
}

/// The deploys as they are when they are no longer waited for.
async fn followed(
    context: &Context,
    deploys: Vec<Deploy>,
    wait: Wait,
) -> Result<Vec<Deploy>, Error> {
    if wait == Wait::No || context.client.mode() == Mode::DryRun {
        return Ok(deploys);
    }
    follow::deploy_all(context, &deploys).await
}

fn finish<A: Planned>(
    context: &Context,
    answer: &A,
    set: Option<&ConfigSet>,
    deploys: &[Deploy],
) -> Result<(), Error> {
    context.out.changed(context.client.mode(), answer, |_| {
        let set = set.cloned().unwrap_or_default();
        let follows = match deploys {
            [] => "used by the next deploy".to_owned(),
            deploys => {
                let ids: Vec<_> = deploys.iter().map(|deploy| deploy.id.as_str()).collect();
                format!("deployed by {}", ids.join(", "))
            }
        };
        format!(
            "config of {} in {}: version {}, {follows}",
            whose(&set),
            set.environment,
            set.version
        )
    })?;
    if context.client.mode() == Mode::DryRun {
        return Ok(());
    }
    deploys.iter().try_for_each(follow::check)
}
