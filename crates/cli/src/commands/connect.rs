use clap::Args as ClapArgs;
use proto::v1::ExecStart;

use crate::{
    context::Context,
    exit::Error,
    session::{self, Inside, Stdin},
};

/// Open a shell inside an instance that runs
///
/// bash where the image has it, else sh. Neither ssh nor access to the node is needed.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Only an instance of this worker [default: web, else any]
    #[arg(short, long)]
    worker: Option<String>,
    /// A command instead of a shell, behind `--`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

const EXAMPLE: &str = "\
Example:
  jockey connect -a sample -e development
  jockey connect -a sample -e development -w web -- ps";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let place = context.place().await?;
    let start = ExecStart {
        app: place.app,
        environment: place.environment,
        worker: args.worker.unwrap_or_default(),
        command: args.command,
        terminal: super::tty(false, false).wanted()?,
        ..ExecStart::default()
    };
    session::attend::<Inside>(context, start, Stdin::PassedOn).await?;
    Ok(())
}
