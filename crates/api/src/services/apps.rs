//! Apps.

use crate::{
    convert::{self, app, plan},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::{Etag, app_hooks, apps, apps::Force};
use proto::v1::{self, app_service_server::AppService};
use tonic::Request;

#[tonic::async_trait]
impl AppService for Handlers {
    async fn create_app(
        &self,
        request: Request<v1::CreateAppRequest>,
    ) -> Answer<v1::CreateAppResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = apps::create(&ctx, app::wanted(asked.app)?, mode).await?;
            Ok(v1::CreateAppResponse {
                app: Some(app::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_app(&self, request: Request<v1::GetAppRequest>) -> Answer<v1::GetAppResponse> {
        self.look(request, |ctx, asked| async move {
            let view = apps::get(&ctx, &asked.app).await?;
            let hook = app_hooks::find(&ctx, view.app.id).await?;
            Ok(v1::GetAppResponse {
                app: Some(v1::App {
                    hook: hook.as_ref().map(app::hook),
                    ..app::wire(&view)
                }),
            })
        })
        .await
    }

    async fn list_apps(
        &self,
        request: Request<v1::ListAppsRequest>,
    ) -> Answer<v1::ListAppsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let repo = convert::parse_some("repo", &asked.repo)?;
            let found = apps::list(&ctx, &asked.stack, repo, list.page()?).await?;
            Ok(v1::ListAppsResponse {
                apps: found.items.iter().map(app::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn update_app(
        &self,
        request: Request<v1::UpdateAppRequest>,
    ) -> Answer<v1::UpdateAppResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let edit = app::edit(asked.values, asked.update_mask.as_ref())?;
            let etag = Etag::given(&asked.etag);
            let done = apps::update(&ctx, &asked.app, edit, etag.as_ref(), mode).await?;
            Ok(v1::UpdateAppResponse {
                app: Some(app::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn update_app_hook(
        &self,
        request: Request<v1::UpdateAppHookRequest>,
    ) -> Answer<v1::UpdateAppHookResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let edit = app::hook_edit(asked.secret, asked.accepts_sha1);
            let etag = Etag::given(&asked.etag);
            let done = app_hooks::update(&ctx, &asked.app, edit, etag.as_ref(), mode).await?;
            Ok(v1::UpdateAppHookResponse {
                hook: Some(app::hook(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn delete_app(
        &self,
        request: Request<v1::DeleteAppRequest>,
    ) -> Answer<v1::DeleteAppResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let force = match asked.force {
                true => Force::Yes,
                false => Force::No,
            };
            let etag = Etag::given(&asked.etag);
            let done = apps::delete(&ctx, &asked.app, etag.as_ref(), force, mode).await?;
            Ok(v1::DeleteAppResponse {
                app: Some(app::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}
