//! Deploys.

use super::{
    Legacy,
    builds::{callback, git_ref},
    chunked, objects, params,
    refusal::{Flaw, Refusal},
};
use crate::{handlers::Answer, permissions::Sight, streams::Flow};
use controller::usecases::{
    self, Kind,
    callbacks::{self, Awaited},
    legacy::{
        deploys::{self, DeployView, Filter},
        logs,
    },
};
use domain::DeployId;
use futures_util::TryStreamExt;
use ports::{
    source,
    store::{self, Counted, deploys::OnConflict},
};
use proto::legacy::v1::{self, deploy_service_server::DeployService};
use tonic::{Request, Response};

#[tonic::async_trait]
impl DeployService for Legacy {
    async fn list_deploys(
        &self,
        request: Request<v1::ListDeploysRequest>,
    ) -> Answer<v1::ListDeploysResponse> {
        let (sight, ctx, asked) = self.sift(request).await?;
        let answer = async move {
            let page = params::page(
                &asked.page,
                &asked.per_page,
                &asked.sort_by,
                &asked.sort_order,
            )?;
            let states = objects::deploy_states(&asked.state);
            let filter = Filter {
                app: asked.app,
                environment: asked.environment,
                states: states.clone().unwrap_or_default(),
            };
            let mut found = deploys::list(&ctx, &filter, page).await?;
            // A state that cannot be is one that no Deploy has.
            if states.is_none() {
                found = Counted {
                    items: Vec::new(),
                    total: 0,
                };
            }
            found.items.retain(|view| is_seen(view, &sight));
            let server = &ctx.deps.settings.server;
            Ok(v1::ListDeploysResponse {
                data: found
                    .items
                    .iter()
                    .map(|view| objects::deploy(view, server))
                    .collect(),
                pagination: Some(params::pagination(page, found.total)),
            })
        };
        let answer: Result<_, Refusal> = answer.await;
        Ok(Response::new(answer?))
    }

    async fn get_deploy(
        &self,
        request: Request<v1::GetDeployRequest>,
    ) -> Answer<v1::GetDeployResponse> {
        self.look(request, |ctx, asked| async move {
            let found = deploys::get(&ctx, params::id("Deploy", &asked.id)?).await?;
            let (server, now) = (&ctx.deps.settings.server, ctx.deps.clock.now());
            Ok(v1::GetDeployResponse {
                data: Some(objects::followed_deploy(&found, server, now)),
            })
        })
        .await
    }

    async fn create_deploy(
        &self,
        request: Request<v1::CreateDeployRequest>,
    ) -> Answer<v1::CreateDeployResponse> {
        self.act(request, |ctx, asked| async move {
            let of = (asked.app.as_str(), asked.environment.as_str());
            if of.0.is_empty() || of.1.is_empty() {
                return Err(Refusal::NoTarget);
            }
            usecases::apps::get(&ctx, of.0).await.map_err(no_target)?;
            let environment = usecases::environments::get(&ctx, of.1).await;
            environment.map_err(no_target)?;
            let git_ref = git_ref("rref", asked.rref.as_deref())?;
            let callback = callback(&ctx, &asked.callback_url)?;
            let on_conflict = match asked.force {
                true => OnConflict::Supersede,
                false => OnConflict::Refuse,
            };
            let made = deploys::create(&ctx, of, git_ref, on_conflict, callback.as_ref()).await;
            let made = made.map_err(refused)?;
            let awaited = Awaited::Deploy(made.deploy.id);
            callbacks::settle(&ctx, awaited, callback.as_ref()).await?;
            Ok(v1::CreateDeployResponse {
                data: Some(objects::deploy(&made, &ctx.deps.settings.server)),
            })
        })
        .await
    }

    type StreamDeployLogStream = Flow<v1::StreamDeployLogResponse>;

    async fn stream_deploy_log(
        &self,
        request: Request<v1::StreamDeployLogRequest>,
    ) -> Answer<Self::StreamDeployLogStream> {
        let (ctx, asked) = self.0.read(request).await?;
        let log = logs::of_deploy(&ctx, params::id("Deploy", &asked.id)?).await;
        let lines = objects::log_lines(&log.map_err(Refusal::from)?);
        self.stream(chunked(lines).map_ok(|logs| v1::StreamDeployLogResponse { logs }))
    }
}

/// Of what a Deploy is asked for, what is not there has a status of its own.
fn no_target(error: usecases::Error) -> Refusal {
    if let usecases::Error::Unknown {
        what: Kind::App | Kind::Environment,
        ..
    } = error
    {
        return Refusal::NoTarget;
    }
    error.into()
}

fn refused(error: usecases::Error) -> Refusal {
    if let usecases::Error::Store(store::Error::DeploysUnderWay(ids)) = &error {
        return Refusal::Locked(format!(
            "{} in progress. Either wait for completion, or call again with force.",
            named(ids)
        ));
    }
    if let usecases::Error::Source(unknown @ source::Error::UnknownRef { .. }) = &error {
        return Flaw::new("rref", format!("is invalid: {unknown}")).into();
    }
    no_target(error)
}

/// `Deploy ID 12 is`, `Deploy IDs 12, 13 and 14 are`.
fn named(ids: &[DeployId]) -> String {
    let numbers: Vec<_> = ids.iter().map(|id| id.number().to_string()).collect();
    match numbers.as_slice() {
        [] => "Another deploy is".to_owned(),
        [one] => format!("Deploy ID {one} is"),
        [first @ .., last] => format!("Deploy IDs {} and {last} are", first.join(", ")),
    }
}

/// Of what was deleted nobody knows whose it was but those who may see everything.
fn is_seen(view: &DeployView, sight: &Sight) -> bool {
    match (&view.app, &view.environment) {
        (Some(app), Some(environment)) => sight.sees(app.name.as_str(), environment.name.as_str()),
        _ => sight.sees_everything(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_in_the_way_are_named_by_their_numbers() {
        for (numbers, want) in [
            (vec![12], "Deploy ID 12 is"),
            (vec![12, 13], "Deploy IDs 12 and 13 are"),
            (vec![12, 13, 14], "Deploy IDs 12, 13 and 14 are"),
        ] {
            let ids: Vec<_> = numbers.into_iter().map(DeployId::new).collect();
            assert_eq!(named(&ids), want);
        }
    }
}
