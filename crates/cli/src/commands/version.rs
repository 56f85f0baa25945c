use clap::Args as ClapArgs;

use crate::{exit::Error, render::Out};

/// Print the version of this program
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey version")]
pub(crate) struct Args {}

pub(crate) fn run(out: &Out) -> Result<(), Error> {
    out.text(env!("CARGO_PKG_VERSION"))
}
