use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use crate::{cli::Cli, exit::Error, render::Out};

/// Print completions for a shell
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  jockey completions bash > ~/.local/share/bash-completion/completions/jockey"
)]
pub(crate) struct Args {
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(out: &Out, args: &Args) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "jockey", &mut script);
    out.text(&String::from_utf8_lossy(&script))
}
