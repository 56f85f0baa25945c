use clap::Args as ClapArgs;
use proto::v1::WhoAmIRequest;

use crate::{context::Context, exit::Error};

/// Show who calls, how they have shown it, and what they are granted
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey whoami")]
pub(crate) struct Args {}

pub(crate) async fn run(context: &Context) -> Result<(), Error> {
    let answer = context.client.call(WhoAmIRequest {}).await?;
    context.out.show(Some(&answer))
}
