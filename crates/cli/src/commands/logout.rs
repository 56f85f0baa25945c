use clap::Args as ClapArgs;

use crate::{context::Context, exit::Error, render::Format};

/// Forget the token that `jockey login` has kept for the server
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey logout")]
pub(crate) struct Args {}

pub(crate) fn run(context: &Context) -> Result<(), Error> {
    let server = &context.server.url;
    let was_known = context.credentials()?.forget(server)?;
    if context.out.format() == Format::Json {
        let value = serde_json::json!({ "server": server, "signed_out": was_known });
        return context.out.value(&value);
    }
    context.out.text(&match was_known {
        true => format!("signed out of {server}"),
        false => format!("nobody was signed in at {server}"),
    })
}
