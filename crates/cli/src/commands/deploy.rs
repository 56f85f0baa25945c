mod logs;

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use proto::v1::{
    CreateDeployRequest, CreateDeployResponse, Deploy, DeployConflict, DeployState,
    create_deploy_request::Target,
};

use crate::{
    client::{Mode, Planned},
    context::Context,
    exit::Error,
    follow, values, words,
};

use super::restart;

/// Deploy a commit and follow it until it is healthy
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Branch, tag, commit or HEAD [default: the commit checked out here in a working copy of the
    /// app's repository, else HEAD, the head of the default branch]
    #[arg(value_name = "REF", value_parser = values::reference)]
    reference: Option<String>,
    /// The same, also for a REF that is called as a command: `logs`, `restart` or `help`
    #[arg(long = "ref", value_name = "REF", value_parser = values::reference, conflicts_with = "reference")]
    named: Option<String>,
    /// An earlier release instead of a commit, by id
    #[arg(long, value_name = "ID", conflicts_with_all = ["reference", "named"])]
    release: Option<String>,
    #[command(flatten)]
    pub(super) manner: Manner,
}

const EXAMPLE: &str = "\
Example:
  jockey deploy -a sample -e development
  jockey deploy -a sample -e development main --on-conflict supersede
  jockey deploy -a sample -e development --ref logs";

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the lines of the build of a deploy and follows it to its end
    #[command(after_help = "Example:\n  jockey deploy logs -a sample -e development")]
    Logs(logs::Args),
    /// Replaces instances by new ones of the same deploy: `jockey restart`
    #[command(after_help = "Example:\n  jockey deploy restart -a sample -e development")]
    Restart(restart::Args),
}

/// How a deploy is carried out and waited for.
#[derive(Debug, ClapArgs)]
pub(super) struct Manner {
    /// Answers at once instead of following the deploy
    #[arg(long)]
    detach: bool,
    /// Follows the deploy to its end, as without it: what the original client had to be told
    #[arg(short, long, conflicts_with = "detach")]
    interactive: bool,
    /// What happens when another deploy of the app is under way in the environment
    #[arg(long, value_enum, default_value = "queue", value_name = "WHAT")]
    on_conflict: OnConflict,
    /// How long it may take to get healthy, such as 30m; 10s to 24h [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    timeout: Option<Duration>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnConflict {
    /// It waits for its turn.
    Queue,
    /// It cancels the others and takes their place.
    Supersede,
}

impl Manner {
    /// Whether nothing was said of it.
    fn is_unsaid(&self) -> bool {
        let queues = matches!(self.on_conflict, OnConflict::Queue);
        !self.detach && !self.interactive && queues && self.timeout.is_none()
    }

    pub(super) fn conflict(&self) -> DeployConflict {
        match self.on_conflict {
            OnConflict::Queue => DeployConflict::Queue,
            OnConflict::Supersede => DeployConflict::Supersede,
        }
    }

    pub(super) fn deadline(&self) -> Option<prost_types::Duration> {
        self.timeout.map(values::to_wire)
    }
}

pub(crate) async fn run(context: &Context, mut args: Args) -> Result<(), Error> {
    if let Some(command) = args.command.take() {
        return inner(context, &args, command).await;
    }
    let place = context.place().await?;
    let target = match (args.release, args.reference.or(args.named)) {
        (Some(release), _) => Target::Release(release),
        (None, Some(reference)) => Target::Ref(reference),
        (None, None) => Target::Ref(context.local_ref(&place.app).await?),
    };
    let request = CreateDeployRequest {
        app: place.app,
        environment: place.environment,
        target: Some(target),
        on_conflict: args.manner.conflict().into(),
        deadline: args.manner.deadline(),
        ..CreateDeployRequest::default()
    };
    let answer = context.client.call(request).await?;
    finish(context, &args.manner, answer).await
}

/// A command below this one, to which what stands before it means nothing.
async fn inner(context: &Context, args: &Args, command: Command) -> Result<(), Error> {
    let said = [&args.reference, &args.named, &args.release];
    let is_bare = said.iter().all(|said| said.is_none()) && args.manner.is_unsaid();
    match command {
        Command::Logs(_) if !is_bare => Err(Error::OptionsBefore("logs", "deploy")),
        Command::Restart(_) if !is_bare => Err(Error::OptionsBefore("restart", "deploy")),
        Command::Logs(args) => logs::run(context, args).await,
        Command::Restart(args) => restart::run(context, args).await,
    }
}

/// An answer that has begun a deploy.
pub(super) trait Begun: Planned {
    fn deploy(&mut self) -> &mut Option<Deploy>;
}

impl Begun for CreateDeployResponse {
    fn deploy(&mut self) -> &mut Option<Deploy> {
        &mut self.deploy
    }
}

/// Follows the deploy that an answer has begun, unless nobody wants to, and prints how it ended.
pub(super) async fn finish<A: Begun>(
    context: &Context,
    manner: &Manner,
    mut answer: A,
) -> Result<(), Error> {
    let begun = answer.deploy().clone().unwrap_or_default();
    let mode = context.client.mode();
    if mode == Mode::DryRun {
        return context.out.changed(mode, &answer, |_| String::new());
    }
    if manner.detach {
        context.out.changed(mode, &answer, |_| sentence(&begun))?;
        context
            .out
            .note(&format!("next: jockey deploys watch {}", begun.id));
        return Ok(());
    }
    context.out.note(&format!(
        "{}: {} to {}",
        begun.id, begun.app, begun.environment
    ));
    let ended = follow::deploy(context, &begun.id).await?;
    *answer.deploy() = Some(ended.clone());
    let failed = follow::check(&ended);
    if failed.is_ok() || context.out.format() == crate::render::Format::Json {
        context.out.changed(mode, &answer, |_| sentence(&ended))?;
    }
    failed
}

/// A deploy in one sentence.
pub(super) fn sentence(deploy: &Deploy) -> String {
    let state = match deploy.state() {
        DeployState::Created if deploy.queue_position > 0 => {
            format!("queued at place {}", deploy.queue_position)
        }
        state => words::word("DeployState", state.as_str_name()),
    };
    let mut text = format!(
        "{} {state}: {} in {}",
        deploy.id, deploy.app, deploy.environment
    );
    if !deploy.commit.is_empty() {
        text += &format!(", commit {}", words::short(&deploy.commit));
    }
    if !deploy.release.is_empty() {
        text += &format!(", {}", deploy.release);
    }
    text
}
