use clap::Args as ClapArgs;
use proto::v1::{DeployState, GetDeployRequest, ListDeploysRequest};

use super::sentence;
use crate::{
    commands::logs::{Until, of_build},
    context::Context,
    exit::Error,
    follow,
    render::{Format, json},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The deploy, by id [default: the newest of the app in the environment]
    deploy: Option<String>,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let deploy = match args.deploy {
        Some(deploy) => client.call(GetDeployRequest { deploy }).await?.deploy,
        None => {
            let place = context.place().await?;
            let request = ListDeploysRequest {
                app: place.app.clone(),
                environment: place.environment.clone(),
                ..ListDeploysRequest::default()
            };
            let newest = client.list(request, 1).await?.pop();
            Some(newest.ok_or(Error::NeverDeployed {
                app: place.app,
                environment: place.environment,
            })?)
        }
    };
    let deploy = deploy.unwrap_or_default();
    let is_under_way = matches!(
        deploy.state(),
        DeployState::Created | DeployState::Building | DeployState::Deploying
    );
    // While it is under way its own stream shows the lines of the build as well.
    let ended = match is_under_way {
        true => follow::deploy(context, &deploy.id).await?,
        false => {
            if !deploy.build.is_empty() {
                of_build(context, deploy.build.clone(), Until::Now).await?;
            }
            deploy
        }
    };
    let failed = follow::check(&ended);
    match out.format() {
        Format::Json => out.value(&json(&ended))?,
        Format::Table if failed.is_ok() => out.text(&sentence(&ended))?,
        Format::Table => {}
    }
    failed
}
