use clap::Subcommand;
use proto::v1::{
    Build, BuildState, CancelBuildRequest, CreateBuildRequest, GetBuildRequest, ListBuildsRequest,
};

use super::logs;
use crate::{
    client::Mode, context::Context, exit::Error, follow, render::Format, states, values, words,
};

/// Create, show and cancel builds
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey builds list -a sample")]
pub(crate) enum Command {
    /// Builds a commit without deploying it, and follows the build
    #[command(after_help = "Example:\n  jockey builds create -a sample main")]
    Create {
        /// Branch, tag, commit or HEAD [default: as for `jockey deploy`]
        #[arg(value_name = "REF", value_parser = values::reference)]
        reference: Option<String>,
        /// Answers at once instead of following the build
        #[arg(long)]
        detach: bool,
    },
    /// Lists builds, the newest first; -a narrows the list
    #[command(after_help = "Example:\n  jockey builds list -a sample --limit 5")]
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<states::BuildState>,
        /// Only those of this commit, by its full id
        #[arg(long)]
        commit: Option<String>,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
    /// Shows one build
    #[command(after_help = "Example:\n  jockey builds show bld-1")]
    Show {
        /// The build, by id
        build: String,
    },
    /// Prints the lines of a build
    #[command(after_help = "Example:\n  jockey builds logs bld-1 -f")]
    Logs {
        /// The build, by id
        build: String,
        /// Goes on until the build ends
        #[arg(short, long)]
        follow: bool,
    },
    /// Cancels a build; deploys that wait for it fail
    #[command(after_help = "Example:\n  jockey builds cancel bld-1")]
    Cancel {
        /// The build, by id
        build: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::Create { reference, detach } => {
            let app = context.app().await?;
            let reference = match reference {
                Some(reference) => reference,
                None => context.local_ref(&app).await?,
            };
            let request = CreateBuildRequest {
                app,
                r#ref: reference,
                ..CreateBuildRequest::default()
            };
            let mut answer = client.call(request).await?;
            let mut build = answer.build.clone().unwrap_or_default();
            if client.mode() == Mode::Run && !detach && build.state() == BuildState::InProgress {
                out.note(&format!("{}: {}", build.id, build.app));
                build = follow::build(context, &build.id).await?;
                answer.build = Some(build.clone());
            }
            let failed = matches!(build.state(), BuildState::Failed | BuildState::Cancelled);
            if !failed || out.format() == Format::Json {
                out.changed(client.mode(), &answer, |_| sentence(&build))?;
            }
            if failed {
                Err(Error::BuildEnded(Box::new(build)))
            } else {
                Ok(())
            }
        }
        Command::List {
            state,
            commit,
            limit,
        } => {
            let request = ListBuildsRequest {
                app: context.given_app.clone().unwrap_or_default(),
                state: states::BuildState::to_wire(state),
                commit: commit.unwrap_or_default(),
                ..ListBuildsRequest::default()
            };
            out.list(&client.list(request, limit).await?)
        }
        Command::Show { build } => {
            let answer = client.call(GetBuildRequest { build }).await?;
            out.show(answer.build.as_ref())
        }
        Command::Logs { build, follow } => logs::of_build(context, build, follow.into()).await,
        Command::Cancel { build } => {
            let request = CancelBuildRequest {
                build,
                ..CancelBuildRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!("cancelling {}", answer.build.clone().unwrap_or_default().id)
            })
        }
    }
}

/// A build in one sentence.
fn sentence(build: &Build) -> String {
    let state = words::word("BuildState", build.state().as_str_name());
    format!(
        "{} {state}: {} at {}",
        build.id,
        build.app,
        words::short(&build.commit)
    )
}
