//! Apps.

use super::{
    Legacy, objects,
    params::{changed, flawless, required},
    refusal::{Flaw, Refusal},
};
use crate::{handlers::Answer, streams::Flow};
use controller::usecases::{
    Ctx, Mode,
    apps::{self, Edit, Force, Wanted, WantedPushes},
    legacy,
    legacy::apps::{Filter, Subscribed},
};
use domain::app::Recipe;
use ports::store::Listed;
use proto::legacy::v1::{self, app_service_server::AppService};
use tonic::Request;

/// The Stack of an App that names none.
const STACK: &str = "api";

#[tonic::async_trait]
impl AppService for Legacy {
    type ListAppsStream = Flow<v1::ListAppsResponse>;

    async fn list_apps(
        &self,
        request: Request<v1::ListAppsRequest>,
    ) -> Answer<Self::ListAppsStream> {
        let (sight, ctx, asked) = self.sift(request).await?;
        let filter = filter(asked);
        let read = move |ctx: Ctx, page| {
            let filter = filter.clone();
            async move {
                match filter {
                    Some(filter) => legacy::apps::list(&ctx, &filter, page).await,
                    None => Ok(Listed {
                        items: Vec::new(),
                        next: None,
                    }),
                }
            }
        };
        self.list(ctx, read, move |mut apps| {
            apps.retain(|app| sight.sees(app.name.as_str(), ""));
            v1::ListAppsResponse {
                data: apps.iter().map(objects::app).collect(),
            }
        })
    }

    async fn get_app(&self, request: Request<v1::GetAppRequest>) -> Answer<v1::GetAppResponse> {
        self.look(request, |ctx, asked| async move {
            let found = apps::get(&ctx, &asked.id).await?;
            Ok(v1::GetAppResponse {
                data: Some(objects::app(&found.app)),
            })
        })
        .await
    }

    async fn create_app(
        &self,
        request: Request<v1::CreateAppRequest>,
    ) -> Answer<v1::CreateAppResponse> {
        self.act(request, |ctx, asked| async move {
            let mut flaws = Vec::new();
            let name = required("name", asked.name.as_deref(), &mut flaws);
            let repo = required("repo", asked.repo.as_deref(), &mut flaws);
            flawless(flaws)?;
            let (Some(name), Some(repo)) = (name, repo) else {
                return Err(Flaw::blank("name").into());
            };
            let wanted = Wanted {
                name,
                repo,
                stack: stack(&ctx, asked.stack).await?,
                recipe: Recipe::default(),
                subscribe_to_github_webhook: asked.subscribe_to_github_webhook.unwrap_or(true),
                pushes: WantedPushes::default(),
            };
            let made = legacy::apps::create(&ctx, wanted).await?;
            Ok(v1::CreateAppResponse {
                data: Some(objects::app(&made.app)),
            })
        })
        .await
    }

    async fn update_app(
        &self,
        request: Request<v1::UpdateAppRequest>,
    ) -> Answer<v1::UpdateAppResponse> {
        self.act(request, |ctx, asked| async move {
            let mut flaws = Vec::new();
            let edit = Edit {
                name: changed("name", asked.name.as_deref(), &mut flaws),
                repo: changed("repo", asked.repo.as_deref(), &mut flaws),
                stack: asked.stack.filter(|stack| !stack.is_empty()),
                subscribe_to_github_webhook: asked.subscribe_to_github_webhook,
                ..Edit::default()
            };
            // Who asks for what is not there is told that first.
            apps::get(&ctx, &asked.id).await?;
            flawless(flaws)?;
            let done = apps::update(&ctx, &asked.id, edit, None, Mode::Run).await?;
            Ok(v1::UpdateAppResponse {
                data: Some(objects::app(&done.value.app)),
            })
        })
        .await
    }

    async fn delete_app(
        &self,
        request: Request<v1::DeleteAppRequest>,
    ) -> Answer<v1::DeleteAppResponse> {
        self.act(request, |ctx, asked| async move {
            let force = match asked.force {
                true => Force::Yes,
                false => Force::No,
            };
            let done = apps::delete(&ctx, &asked.id, None, force, Mode::Run).await?;
            Ok(v1::DeleteAppResponse {
                data: Some(objects::app(&done.value.app)),
            })
        })
        .await
    }

    async fn get_available_node(
        &self,
        request: Request<v1::GetAvailableNodeRequest>,
    ) -> Answer<v1::GetAvailableNodeResponse> {
        self.look(request, |ctx, asked| async move {
            super::named("App", &asked.app)?;
            super::named("Environment", &asked.environment)?;
            let node = legacy::nodes::next(&ctx, &asked.app, &asked.environment).await?;
            Ok(v1::GetAvailableNodeResponse {
                data: Some(objects::node(&node)),
            })
        })
        .await
    }
}

/// None: no App can match.
fn filter(asked: v1::ListAppsRequest) -> Option<Filter> {
    let name = asked.name.map(|name| name.parse()).transpose().ok()?;
    let repo = asked.repo.map(|repo| repo.parse()).transpose().ok()?;
    let subscribed = asked.subscribe_to_github_webhook;
    Some(Filter {
        name,
        repo,
        subscribed: subscribed.map(|subscribed| match subscribed {
            true => Subscribed::Yes,
            false => Subscribed::No,
        }),
    })
}

/// The one that is named, else the usual one, else the first of the installation.
async fn stack(ctx: &Ctx, asked: Option<String>) -> Result<String, Refusal> {
    if let Some(asked) = asked.filter(|asked| !asked.is_empty()) {
        return Ok(asked);
    }
    let usual = ctx.deps.store.find_stack(STACK).await;
    let usual = usual.map_err(controller::usecases::Error::from)?;
    Ok(usual.map_or_else(String::new, |stack| stack.name.to_string()))
}
