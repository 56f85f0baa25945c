use clap::Args as ClapArgs;
use proto::v1::ExecStart;

use crate::{
    context::Context,
    exit::Error,
    session::{self, Inside, Stdin},
};

/// Run a command inside an instance
///
/// Its exit code is that of the command. It is over when this program is.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The instance, by id; `jockey status` shows them
    instance: String,
    /// Passes stdin on: the default
    #[arg(short, long)]
    interactive: bool,
    /// Takes a terminal: the default where stdin and stdout are one
    #[arg(short, long)]
    tty: bool,
    /// Takes no terminal, also where there is one: stdout and stderr are apart
    #[arg(short = 'T', long, conflicts_with = "tty")]
    no_tty: bool,
    /// Leaves stdin alone: the command reads nothing
    #[arg(long, conflicts_with = "interactive")]
    no_stdin: bool,
    /// The command and its arguments, behind `--` [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

const EXAMPLE: &str = "\
Example:
  jockey exec ins-4h8s2k9q0xzt -- ps
  echo hello | jockey exec ins-4h8s2k9q0xzt -- cat";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let start = ExecStart {
        instance: args.instance,
        command: args.command,
        terminal: super::tty(args.tty, args.no_tty).wanted()?,
        ..ExecStart::default()
    };
    let stdin = match args.no_stdin {
        true => Stdin::Closed,
        false => Stdin::PassedOn,
    };
    session::attend::<Inside>(context, start, stdin).await?;
    Ok(())
}
