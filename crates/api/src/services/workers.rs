//! Workers.

use crate::{
    convert::{deploy, plan, worker},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::{
    Etag,
    workers::{self, Edit, Which},
};
use proto::v1::{self, worker_service_server::WorkerService};
use scheduler::input::RestartOnly;
use tonic::Request;

#[tonic::async_trait]
impl WorkerService for Handlers {
    async fn create_worker(
        &self,
        request: Request<v1::CreateWorkerRequest>,
    ) -> Answer<v1::CreateWorkerResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let values = asked.worker.unwrap_or_default();
            let (app, environment) = (values.app.clone(), values.environment.clone());
            let wanted = worker::wanted(values)?;
            let done = workers::create(&ctx, &app, &environment, wanted, mode).await?;
            Ok(v1::CreateWorkerResponse {
                worker: Some(worker::wire(&done.value.worker)),
                plan: Some(plan::wire(&done.plan)),
                deploy: done.value.deploy.as_ref().map(deploy::wire),
            })
        })
        .await
    }

    async fn get_worker(
        &self,
        request: Request<v1::GetWorkerRequest>,
    ) -> Answer<v1::GetWorkerResponse> {
        self.look(request, |ctx, asked| async move {
            let which = which(asked.worker, asked.app, asked.environment);
            let found = workers::get(&ctx, &which).await?;
            Ok(v1::GetWorkerResponse {
                worker: Some(worker::wire(&found)),
            })
        })
        .await
    }

    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Answer<v1::ListWorkersResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let found = workers::list(&ctx, &asked.app, &asked.environment, list.page()?).await?;
            Ok(v1::ListWorkersResponse {
                workers: found.items.iter().map(worker::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn update_worker(
        &self,
        request: Request<v1::UpdateWorkerRequest>,
    ) -> Answer<v1::UpdateWorkerResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let which = which(asked.worker, asked.app, asked.environment);
            let (edit, scale) = worker::edit(asked.values, asked.update_mask.as_ref())?;
            let edit = Edit {
                spec: |spec: &mut domain::WorkerSpec| edit.apply(spec),
                scale,
            };
            let etag = Etag::given(&asked.etag);
            let done = workers::update(&ctx, &which, edit, etag.as_ref(), mode).await?;
            Ok(v1::UpdateWorkerResponse {
                worker: Some(worker::wire(&done.value.worker)),
                plan: Some(plan::wire(&done.plan)),
                deploy: done.value.deploy.as_ref().map(deploy::wire),
            })
        })
        .await
    }

    async fn delete_worker(
        &self,
        request: Request<v1::DeleteWorkerRequest>,
    ) -> Answer<v1::DeleteWorkerResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let which = which(asked.worker, asked.app, asked.environment);
            let etag = Etag::given(&asked.etag);
            let done = workers::delete(&ctx, &which, etag.as_ref(), mode).await?;
            Ok(v1::DeleteWorkerResponse {
                worker: Some(worker::wire(&done.value.worker)),
                plan: Some(plan::wire(&done.plan)),
                deploy: done.value.deploy.as_ref().map(deploy::wire),
            })
        })
        .await
    }

    async fn rescale_workers(
        &self,
        request: Request<v1::RescaleWorkersRequest>,
    ) -> Answer<v1::RescaleWorkersResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let scales: Vec<_> = asked
                .scales
                .into_iter()
                .map(|wanted| (wanted.worker, i64::from(wanted.scale)))
                .collect();
            let done =
                workers::rescale(&ctx, &asked.app, &asked.environment, &scales, mode).await?;
            Ok(v1::RescaleWorkersResponse {
                workers: done.value.iter().map(worker::wire).collect(),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn restart_workers(
        &self,
        request: Request<v1::RestartWorkersRequest>,
    ) -> Answer<v1::RestartWorkersResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let only = match asked.only_unhealthy {
                true => RestartOnly::Unhealthy,
                false => RestartOnly::All,
            };
            let which = (asked.worker.as_str(), only);
            let done = workers::restart(&ctx, &asked.app, &asked.environment, which, mode).await?;
            Ok(v1::RestartWorkersResponse {
                workers: done.value.iter().map(worker::wire).collect(),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

const fn which(worker: String, app: String, environment: String) -> Which {
    Which {
        worker,
        app,
        environment,
    }
}
