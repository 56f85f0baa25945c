//! Builds.

use super::{
    Legacy, chunked, named, objects, params,
    refusal::{Flaw, Refusal},
};
use crate::{handlers::Answer, permissions::Sight, streams::Flow};
use controller::usecases::{
    self, Ctx,
    callbacks::{self, Awaited},
    legacy::{
        BuildView,
        builds::{self, Filter},
        logs,
    },
};
use domain::GitRef;
use futures_util::TryStreamExt;
use ports::store::Counted;
use proto::legacy::v1::{self, build_service_server::BuildService};
use secrecy::SecretString;
use tonic::{Request, Response};

#[tonic::async_trait]
impl BuildService for Legacy {
    async fn list_builds(
        &self,
        request: Request<v1::ListBuildsRequest>,
    ) -> Answer<v1::ListBuildsResponse> {
        let (sight, ctx, asked) = self.sift(request).await?;
        let answer = async move {
            let page = params::page(
                &asked.page,
                &asked.per_page,
                &asked.sort_by,
                &asked.sort_order,
            )?;
            let rref = match asked.rref.as_str() {
                "" => Ok(None),
                text => text.parse().map(Some),
            };
            let states = objects::build_states(&asked.state);
            let can_be = states.is_some() && rref.is_ok();
            let filter = Filter {
                app: asked.app,
                states: states.unwrap_or_default(),
                commit: rref.unwrap_or_default(),
            };
            let mut found = builds::list(&ctx, &filter, page).await?;
            // A state or a commit that cannot be is one that no Build has.
            if !can_be {
                found = Counted {
                    items: Vec::new(),
                    total: 0,
                };
            }
            found.items.retain(|view| is_seen(view, &sight));
            let server = &ctx.deps.settings.server;
            Ok(v1::ListBuildsResponse {
                data: found
                    .items
                    .iter()
                    .map(|view| objects::build(view, server))
                    .collect(),
                pagination: Some(params::pagination(page, found.total)),
            })
        };
        let answer: Result<_, Refusal> = answer.await;
        Ok(Response::new(answer?))
    }

    async fn get_build(
        &self,
        request: Request<v1::GetBuildRequest>,
    ) -> Answer<v1::GetBuildResponse> {
        self.look(request, |ctx, asked| async move {
            let found = builds::get(&ctx, params::id("Build", &asked.id)?).await?;
            Ok(v1::GetBuildResponse {
                data: Some(objects::build(&found, &ctx.deps.settings.server)),
            })
        })
        .await
    }

    async fn create_build(
        &self,
        request: Request<v1::CreateBuildRequest>,
    ) -> Answer<v1::CreateBuildResponse> {
        self.act(request, |ctx, asked| async move {
            named("App", &asked.app)?;
            controller::usecases::apps::get(&ctx, &asked.app).await?;
            let git_ref = git_ref("ref", asked.r#ref.as_deref())?;
            let callback = callback(&ctx, &asked.callback_url)?;
            let calling = ctx.called_back(callback.as_ref());
            let asked = builds::create(&calling, &asked.app, git_ref).await?;
            let awaited = Awaited::Build(asked.build.id);
            callbacks::settle(&ctx, awaited, callback.as_ref()).await?;
            Ok(v1::CreateBuildResponse {
                data: Some(objects::build(&asked, &ctx.deps.settings.server)),
            })
        })
        .await
    }

    type StreamBuildLogStream = Flow<v1::StreamBuildLogResponse>;

    async fn stream_build_log(
        &self,
        request: Request<v1::StreamBuildLogRequest>,
    ) -> Answer<Self::StreamBuildLogStream> {
        let (ctx, asked) = self.0.read(request).await?;
        let log = logs::of_build(&ctx, params::id("Build", &asked.id)?).await;
        let lines = objects::log_lines(&log.map_err(Refusal::from)?);
        self.stream(chunked(lines).map_ok(|logs| v1::StreamBuildLogResponse { logs }))
    }
}

/// A ref that a call cannot be without.
pub(super) fn git_ref(field: &'static str, text: Option<&str>) -> Result<GitRef, Flaw> {
    let mut flaws = Vec::new();
    let found = params::required(field, text, &mut flaws);
    found.ok_or_else(|| flaws.pop().unwrap_or_else(|| Flaw::blank(field)))
}

/// Whom to call back: told at once when that cannot be. None: nobody.
pub(super) fn callback(ctx: &Ctx, url: &str) -> Result<Option<SecretString>, Refusal> {
    callbacks::wanted(ctx, url).map_err(|error| {
        if let usecases::Error::Invalid { field, problem } = error {
            return Flaw::new(field, format!("is invalid: {problem}")).into();
        }
        error.into()
    })
}

/// Of a deleted App nobody knows whose it was but those who may see every App.
fn is_seen(view: &BuildView, sight: &Sight) -> bool {
    match &view.app {
        Some(app) => sight.sees(app.name.as_str(), ""),
        None => sight.sees_everything(),
    }
}
