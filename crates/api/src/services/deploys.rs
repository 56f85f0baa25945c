//! Deploys and their progress.

use crate::{
    convert::{self, deploy, plan, time},
    handlers::{Answer, Handlers},
    page::Asked,
    status::Refusal,
    streams::Flow,
};
use controller::usecases::deploys::{self, Back, BackTo, Filter, Target};
use domain::GitRef;
use futures_util::stream;
use proto::v1::{
    self, create_deploy_request, deploy_service_server::DeployService, rollback_deploy_request,
};
use tonic::Request;

#[tonic::async_trait]
impl DeployService for Handlers {
    async fn create_deploy(
        &self,
        request: Request<v1::CreateDeployRequest>,
    ) -> Answer<v1::CreateDeployResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let wanted = deploys::Request {
                target: target(asked.target)?,
                on_conflict: deploy::on_conflict(asked.on_conflict)?,
                patience: deploy::patience(asked.deadline)?,
                app: asked.app,
                environment: asked.environment,
            };
            let done = deploys::create(&ctx, wanted, mode).await?;
            Ok(v1::CreateDeployResponse {
                deploy: Some(deploy::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_deploy(
        &self,
        request: Request<v1::GetDeployRequest>,
    ) -> Answer<v1::GetDeployResponse> {
        self.look(request, |ctx, asked| async move {
            let found = deploys::get(&ctx, &asked.deploy).await?;
            Ok(v1::GetDeployResponse {
                deploy: Some(deploy::wire(&found)),
            })
        })
        .await
    }

    async fn list_deploys(
        &self,
        request: Request<v1::ListDeploysRequest>,
    ) -> Answer<v1::ListDeploysResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let filter = Filter {
                state: deploy::parse_state(asked.state)?,
                app: asked.app,
                environment: asked.environment,
            };
            let found = deploys::list(&ctx, &filter, list.page()?).await?;
            Ok(v1::ListDeploysResponse {
                deploys: found.items.iter().map(deploy::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn cancel_deploy(
        &self,
        request: Request<v1::CancelDeployRequest>,
    ) -> Answer<v1::CancelDeployResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = deploys::cancel(&ctx, &asked.deploy, mode).await?;
            Ok(v1::CancelDeployResponse {
                deploy: Some(deploy::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn rollback_deploy(
        &self,
        request: Request<v1::RollbackDeployRequest>,
    ) -> Answer<v1::RollbackDeployResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let back = Back {
                to: back_to(asked.target)?,
                on_conflict: deploy::on_conflict(asked.on_conflict)?,
                patience: deploy::patience(asked.deadline)?,
                app: asked.app,
                environment: asked.environment,
            };
            let done = deploys::rollback(&ctx, back, mode).await?;
            Ok(v1::RollbackDeployResponse {
                deploy: Some(deploy::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    type WatchDeployStream = Flow<v1::WatchDeployResponse>;

    async fn watch_deploy(
        &self,
        request: Request<v1::WatchDeployRequest>,
    ) -> Answer<Self::WatchDeployStream> {
        let (streams, ctx, asked) = self.follow(request).await?;
        let watch = deploys::watch(ctx, &asked.deploy).await;
        let watch = watch.map_err(Refusal::from)?;
        streams.answer(stream::unfold(watch, |mut watch| async move {
            let progress = watch.next().await?.map_err(Refusal::from);
            let now = watch.now();
            let answer = progress.map(|progress| v1::WatchDeployResponse {
                time: Some(time::wire(now)),
                ..deploy::progress(&progress)
            });
            Some((answer, watch))
        }))
    }
}

/// The head of the default branch, unless another is said.
fn target(target: Option<create_deploy_request::Target>) -> Result<Target, Refusal> {
    use create_deploy_request::Target as T;
    match target {
        None => Ok(Target::Ref(GitRef::head())),
        Some(T::Ref(text)) if text.is_empty() => Ok(Target::Ref(GitRef::head())),
        Some(T::Ref(text)) => convert::parse("ref", &text).map(Target::Ref),
        Some(T::Release(text)) => convert::parse("release", &text).map(Target::Release),
    }
}

fn back_to(target: Option<rollback_deploy_request::Target>) -> Result<BackTo, Refusal> {
    use rollback_deploy_request::Target as T;
    match target {
        None => Ok(BackTo::Before),
        Some(T::Release(text)) => convert::parse("release", &text).map(BackTo::Release),
        Some(T::Deploy(text)) => convert::parse("deploy", &text).map(BackTo::Deploy),
    }
}
