use std::collections::BTreeMap;

use clap::Args as ClapArgs;
use proto::v1::{RunStart, run_start};

use crate::{
    context::Context,
    exit::Error,
    render::Format,
    session::{self, Own, Stdin},
    values,
};

/// Run a command in a container of its own, with the image and the variables of an app
///
/// Its exit code is that of the command. It is over when this program is, unless detached.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The worker whose limits it has, and whose command it runs when none is given
    #[arg(short, long)]
    worker: Option<String>,
    /// Passes stdin on: the default, unless detached
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
    /// Says the id and goes; the command goes on, and its exit code and last lines are kept
    #[arg(short, long, conflicts_with_all = ["interactive", "tty"])]
    detach: bool,
    /// A variable for this run alone; several times for several
    #[arg(long = "var", value_name = "KEY=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// The image of this build, by id, instead of what is deployed
    #[arg(long, value_name = "ID", conflicts_with = "reference")]
    build: Option<String>,
    /// The image of this branch, tag or commit, instead of what is deployed; it must have been built
    #[arg(long = "ref", value_name = "REF", value_parser = values::reference)]
    reference: Option<String>,
    /// How long it may take, such as 10m [default: what the server allows, 24 h unless set otherwise]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    deadline: Option<std::time::Duration>,
    /// The command and its arguments, behind `--`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

const EXAMPLE: &str = "\
Example:
  jockey run -a sample -e development -- sh
  jockey run -a sample -e development --detach -- rake db:migrate";

fn variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is no variable; write it as KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let place = context.place().await?;
    let tty = super::tty(args.tty, args.no_tty || args.detach);
    let source = match (args.build, args.reference) {
        (Some(build), _) => Some(run_start::Source::Build(build)),
        (None, Some(reference)) => Some(run_start::Source::Ref(reference)),
        (None, None) => None,
    };
    let start = RunStart {
        app: place.app.clone(),
        environment: place.environment.clone(),
        worker: args.worker.unwrap_or_default(),
        command: args.command,
        variables: BTreeMap::from_iter(args.variables),
        source,
        terminal: tty.wanted()?,
        detach: args.detach,
        deadline: args.deadline.map(values::to_wire),
    };
    let stdin = match args.no_stdin {
        true => Stdin::Closed,
        false => Stdin::PassedOn,
    };
    let Some(run) = session::attend::<Own>(context, start, stdin).await? else {
        return Ok(());
    };
    if context.out.format() == Format::Json {
        return context.out.show(Some(&run));
    }
    context.out.text(&run.id)?;
    context.out.note(&format!(
        "it goes on; how it ended: jockey runs show {}",
        run.id
    ));
    Ok(())
}
