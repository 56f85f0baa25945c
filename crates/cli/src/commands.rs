//! The commands, one file each.

mod access;
mod api;
mod apps;
mod audit;
mod builds;
mod completions;
mod config;
mod connect;
mod contexts;
mod deploy;
mod deploys;
mod envs;
mod events;
mod exec;
mod history;
mod login;
mod logout;
mod logs;
mod nodes;
mod reconcile;
mod reference;
mod releases;
mod restart;
mod rollback;
mod run;
mod runs;
mod scale;
mod stacks;
mod status;
mod system;
mod tokens;
mod users;
mod version;
mod webhooks;
mod whoami;
mod workers;

use clap::Subcommand;

use crate::{cli::Cli, context::Context, exit::Error, render::Out, session::Tty};

/// Entries of a list that grows without end, unless `--limit` says otherwise: about a screen.
const RECENT: &str = "30";
/// Entries of a list that people make by hand: more than there ever are.
const ALL: usize = 100_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand)]
    Apps(apps::Command),
    #[command(subcommand)]
    Envs(envs::Command),
    #[command(subcommand)]
    Stacks(stacks::Command),
    Config(config::Args),
    #[command(subcommand)]
    Workers(workers::Command),
    Scale(scale::Args),
    Deploy(deploy::Args),
    #[command(subcommand)]
    Deploys(deploys::Command),
    #[command(subcommand)]
    Releases(releases::Command),
    #[command(subcommand)]
    Builds(builds::Command),
    Status(status::Args),
    Logs(logs::Args),
    Rollback(rollback::Args),
    Restart(restart::Args),
    Reconcile(reconcile::Args),
    Run(run::Args),
    Exec(exec::Args),
    Connect(connect::Args),
    #[command(subcommand)]
    Runs(runs::Command),
    #[command(subcommand)]
    Nodes(nodes::Command),
    Events(events::Args),
    History(history::Args),
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(subcommand)]
    Tokens(tokens::Command),
    #[command(subcommand)]
    Users(users::Command),
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    #[command(subcommand)]
    System(system::Command),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    #[command(subcommand)]
    Access(access::Command),
    Api(api::Args),
    #[command(alias = "settings")]
    Context(contexts::Args),
    Completions(completions::Args),
    Version(version::Args),
    #[command(hide = true)]
    Reference(reference::Args),
}

impl Command {
    /// The name of a command that begins a session, of which there is no plan.
    const fn session(&self) -> Option<&'static str> {
        match self {
            Self::Run(_) => Some("run"),
            Self::Exec(_) => Some("exec"),
            Self::Connect(_) => Some("connect"),
            _ => None,
        }
    }
}

/// Runs one command.
///
/// # Errors
/// `NoPlan` for a session in a dry run, or whatever the command answers.
pub(crate) async fn run(cli: Cli, out: Out) -> Result<(), Error> {
    if let (true, Some(name)) = (cli.global.dry_run, cli.command.session()) {
        return Err(Error::NoPlan(name));
    }
    let context = match &cli.command {
        Command::Completions(args) => return completions::run(&out, args),
        Command::Reference(_) => return reference::run(&out),
        Command::Version(_) => return version::run(&out),
        Command::Context(args) => return contexts::run(&cli.global, &out, args),
        _ => Context::new(cli.global, out)?,
    };
    match cli.command {
        Command::Apps(command) => apps::run(&context, command).await,
        Command::Envs(command) => envs::run(&context, command).await,
        Command::Stacks(command) => stacks::run(&context, command).await,
        Command::Config(args) => config::run(&context, args).await,
        Command::Workers(command) => workers::run(&context, command).await,
        Command::Scale(args) => scale::run(&context, args).await,
        Command::Deploy(args) => deploy::run(&context, args).await,
        Command::Deploys(command) => deploys::run(&context, command).await,
        Command::Releases(command) => releases::run(&context, command).await,
        Command::Builds(command) => builds::run(&context, command).await,
        Command::Status(_) => status::run(&context).await,
        Command::Logs(args) => logs::run(&context, args).await,
        Command::Rollback(args) => rollback::run(&context, args).await,
        Command::Restart(args) => restart::run(&context, args).await,
        Command::Reconcile(args) => reconcile::run(&context, args).await,
        Command::Run(args) => run::run(&context, args).await,
        Command::Exec(args) => exec::run(&context, args).await,
        Command::Connect(args) => connect::run(&context, args).await,
        Command::Runs(command) => runs::run(&context, command).await,
        Command::Nodes(command) => nodes::run(&context, command).await,
        Command::Events(args) => events::run(&context, args).await,
        Command::History(args) => history::run(&context, args).await,
        Command::Audit(command) => audit::run(&context, command).await,
        Command::Tokens(command) => tokens::run(&context, command).await,
        Command::Users(command) => users::run(&context, command).await,
        Command::Webhooks(command) => webhooks::run(&context, command).await,
        Command::System(command) => system::run(&context, command).await,
        Command::Login(args) => login::run(&context, args).await,
        Command::Logout(_) => logout::run(&context),
        Command::Whoami(_) => whoami::run(&context).await,
        Command::Access(command) => access::run(&context, command).await,
        Command::Api(args) => api::run(&context, args).await,
        Command::Completions(_)
        | Command::Context(_)
        | Command::Reference(_)
        | Command::Version(_) => Ok(()),
    }
}

/// What the flags say of a terminal.
#[expect(clippy::fn_params_excessive_bools, reason = "as clap reads flags")]
const fn tty(wanted: bool, unwanted: bool) -> Tty {
    match (wanted, unwanted) {
        (true, _) => Tty::Yes,
        (false, true) => Tty::No,
        (false, false) => Tty::Auto,
    }
}
