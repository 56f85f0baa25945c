use clap::Args as ClapArgs;
use proto::v1::{
    Deploy, RollbackDeployRequest, RollbackDeployResponse, rollback_deploy_request::Target,
};

use super::deploy::{Begun, Manner, finish};
use crate::{context::Context, exit::Error};

/// Deploy an earlier release again; scale stays as it is
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// A release or deploy, by id [default: the release that was current before this one]
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    #[command(flatten)]
    manner: Manner,
}

const EXAMPLE: &str = "\
Example:
  jockey rollback -a sample -e development
  jockey rollback -a sample -e development --to rel-3";

/// What the id of a deploy begins with; everything else is taken for a release, and the server
/// says what it is if it is none.
const DEPLOY: &str = "dep-";

impl Begun for RollbackDeployResponse {
    fn deploy(&mut self) -> &mut Option<Deploy> {
        &mut self.deploy
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let place = context.place().await?;
    let target = args.to.map(|id| {
        if id.starts_with(DEPLOY) {
            Target::Deploy(id)
        } else {
            Target::Release(id)
        }
    });
    let request = RollbackDeployRequest {
        app: place.app,
        environment: place.environment,
        target,
        on_conflict: args.manner.conflict().into(),
        deadline: args.manner.deadline(),
        ..RollbackDeployRequest::default()
    };
    let answer = context.client.call(request).await?;
    finish(context, &args.manner, answer).await
}
