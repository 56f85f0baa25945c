use clap::Args as ClapArgs;
use proto::v1::{RunStart, run_start};

use crate::{
    context::Context,
    exit::Error,
    session::{self, Own, Stdin},
    values,
};

/// Open a shell in a container of its own, with the image and the variables of an app
///
/// bash where the image has it, else sh. It is over when this program is, and serves nothing: what runs goes on. Neither
/// ssh nor access to the node is needed. `jockey exec` goes inside an instance instead.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The worker whose limits it has
    #[arg(short, long)]
    worker: Option<String>,
    /// The image of this branch, tag or commit, instead of what is deployed; it must have been built
    #[arg(long = "ref", value_name = "REF", value_parser = values::reference)]
    reference: Option<String>,
    /// A command instead of a shell; behind `--` where it has options. One text with blanks is a line for sh
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

const EXAMPLE: &str = "\
Example:
  jockey connect -a sample -e development
  jockey connect -a sample -e development --ref main 'rake console'
  jockey connect -a sample -e development -- ls -l";

/// bash where the image has it, else sh.
const SHELL: &str = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let place = context.place().await?;
    let start = RunStart {
        app: place.app,
        environment: place.environment,
        worker: args.worker.unwrap_or_default(),
        command: command(args.command),
        source: args.reference.map(run_start::Source::Ref),
        terminal: super::tty(false, false).wanted()?,
        ..RunStart::default()
    };
    session::attend::<Own>(context, start, Stdin::PassedOn).await?;
    Ok(())
}

/// The words of a command, as the original client took them: it handed one text on to a shell.
fn command(words: Vec<String>) -> Vec<String> {
    let by_shell = |line: &str| ["sh", "-c", line].map(str::to_owned).to_vec();
    match words.as_slice() {
        [] => by_shell(SHELL),
        [line] if line.contains(char::is_whitespace) => by_shell(line),
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_words_or_a_line_and_none_is_a_shell() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        for (given, want) in [
            (&["ps"][..], &["ps"][..]),
            (&["ls", "a b"][..], &["ls", "a b"][..]),
            (&["rake console"][..], &["sh", "-c", "rake console"][..]),
            (&[][..], &["sh", "-c", SHELL][..]),
        ] {
            assert_eq!(command(words(given)), want, "{given:?}");
        }
    }
}
