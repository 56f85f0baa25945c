use clap::Args as ClapArgs;

use crate::{
    exit::Error,
    render::{Format, Out},
};

/// Print the version of this program
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey version")]
pub(crate) struct Args {}

pub(crate) fn run(out: &Out) -> Result<(), Error> {
    let version = env!("CARGO_PKG_VERSION");
    match out.format() {
        Format::Json => out.value(&serde_json::json!({ "version": version })),
        Format::Table => out.text(version),
    }
}
