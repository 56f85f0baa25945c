use clap::Args as ClapArgs;

use crate::{context::Context, exit::Error};

/// Forget the token that `jockey login` has kept for the server
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey logout")]
pub(crate) struct Args {}

pub(crate) fn run(context: &Context) -> Result<(), Error> {
    let server = &context.server.url;
    let text = match context.credentials()?.forget(server)? {
        true => format!("signed out of {server}"),
        false => format!("nobody was signed in at {server}"),
    };
    context.out.text(&text)
}
