use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
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

/// Deploy a commit and follow it until it is healthy
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Branch, tag, commit or HEAD [default: the commit checked out here in a working copy of the
    /// app's repository, else HEAD, the head of the default branch]
    #[arg(value_name = "REF")]
    reference: Option<String>,
    /// An earlier release instead of a commit, by id
    #[arg(long, value_name = "ID", conflicts_with = "reference")]
    release: Option<String>,
    #[command(flatten)]
    pub(super) manner: Manner,
}

const EXAMPLE: &str = "\
Example:
  jockey deploy -a sample -e development
  jockey deploy -a sample -e development main --on-conflict supersede";

/// How a deploy is carried out and waited for.
#[derive(Debug, ClapArgs)]
pub(super) struct Manner {
    /// Answers at once instead of following the deploy
    #[arg(long)]
    detach: bool,
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

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let place = context.place().await?;
    let target = match (args.release, args.reference) {
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
