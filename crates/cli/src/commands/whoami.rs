use clap::Args as ClapArgs;
use proto::v1::WhoAmIRequest;

use crate::{context::Context, exit::Error};

/// Show the token that calls are made with
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey whoami")]
pub(crate) struct Args {}

pub(crate) async fn run(context: &Context) -> Result<(), Error> {
    let answer = context.client.call(WhoAmIRequest {}).await?;
    context.out.show(answer.token.as_ref())
}
