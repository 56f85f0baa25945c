use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use proto::v1::{
    CreateReconcileRequest, GetReconcileRequest, PreviewReconcileRequest, Reconcile, ReconcileState,
};

use crate::{
    client::Mode,
    context::Context,
    exit::Error,
    follow::{is_passing, until_interrupted},
    render::{Format, json},
};

/// Bring what runs in an environment to what is desired, now; -a narrows it to one app
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Prints what would be done, and why, and does nothing
    #[arg(long)]
    preview: bool,
    /// Answers at once instead of waiting for the end
    #[arg(long)]
    detach: bool,
}

const EXAMPLE: &str = "\
Example:
  jockey reconcile -a sample -e development --preview
  jockey reconcile -e development";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows how far a reconcile has come
    #[command(after_help = "Example:\n  jockey reconcile status rec-3")]
    Status {
        /// The reconcile, by id
        reconcile: String,
    },
}

/// Pause between two looks at a reconcile.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    if let Some(Command::Status { reconcile }) = args.command {
        if args.preview || args.detach {
            return Err(Error::OptionsBefore("status", "reconcile"));
        }
        let answer = client.call(GetReconcileRequest { reconcile }).await?;
        return out.show(answer.reconcile.as_ref());
    }
    let environment = context.environment().await?;
    let app = context.given_app.clone().unwrap_or_default();
    if args.preview {
        let answer = client
            .call(PreviewReconcileRequest { environment, app })
            .await?;
        return match out.format() {
            Format::Json => out.value(&json(&answer)),
            Format::Table => out.plan(answer.plan.as_ref()),
        };
    }
    let request = CreateReconcileRequest {
        environment,
        app,
        ..CreateReconcileRequest::default()
    };
    let mut answer = client.call(request).await?;
    let mut reconcile = answer.reconcile.clone().unwrap_or_default();
    if client.mode() == Mode::Run && !args.detach {
        let next = vec!["jockey reconcile --preview    shows what is left; it goes on".to_owned()];
        reconcile = until_interrupted(next, to_its_end(context, reconcile)).await?;
        answer.reconcile = Some(reconcile.clone());
    }
    out.changed(client.mode(), &answer, |_| match reconcile.state() {
        ReconcileState::Completed => format!("{}: what runs is what is desired", reconcile.id),
        ReconcileState::Failed => String::new(),
        _ => format!("{} goes on", reconcile.id),
    })?;
    if reconcile.state() == ReconcileState::Failed {
        return Err(Error::ReconcileFailed(Box::new(reconcile)));
    }
    Ok(())
}

async fn to_its_end(context: &Context, mut reconcile: Reconcile) -> Result<Reconcile, Error> {
    for step in &reconcile.steps {
        context.out.note(step);
    }
    while reconcile.state() == ReconcileState::InProgress {
        tokio::time::sleep(LOOK_EVERY).await;
        let request = GetReconcileRequest {
            reconcile: reconcile.id.clone(),
        };
        match context.client.call(request).await {
            Ok(answer) => reconcile = answer.reconcile.unwrap_or_default(),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(reconcile)
}
